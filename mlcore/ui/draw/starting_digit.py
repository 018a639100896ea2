"""The digit on the sheet at first: a test image, or an uploaded photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.mnist.insight.preprocess import DrawingError, prepare
from mlcore.mnist.insight.uploads import FORMATS, MOST_BYTES, read_photo
from mlcore.ui.draw import canvas

if TYPE_CHECKING:
    from mlcore.mnist import Digits

_PHOTO: Final = "draw.photo"
_TURN: Final = "draw.turn"
_BUTTONS: Final = 10
"""Classes up to which each has a button of its own, if their names are single letters."""
_ROW: Final = 5
_SUFFIXES: Final = ("tif", "jpg")


def first(digits: Digits) -> None:
    """Put a digit on the sheet if there was none yet: a seven, if there is one."""
    if not canvas.sheet().load:
        _put(digits, digits.classes.index("7") if "7" in digits.classes else 0)


def controls(digits: Digits) -> None:
    """Buttons that put a test image on the sheet, and an upload for a photo."""
    classes = digits.classes
    st.caption("Or start with a test image of class")
    if len(classes) <= _BUTTONS and max(map(len, classes)) == 1:
        for row in range(0, len(classes), _ROW):
            with st.container(horizontal=True, gap="xxsmall", key=f"draw.classes.{row}"):
                for label in range(row, min(row + _ROW, len(classes))):
                    _button(digits, classes[label], label, key=f"draw.class.{label}")
    else:
        with st.container(horizontal=True, vertical_alignment="bottom", key="draw.classes"):
            chosen = st.selectbox(
                "Class", classes, key="draw.class", label_visibility="collapsed", width=140
            )
            _button(digits, "Show one", classes.index(chosen), key="draw.give")
    st.file_uploader(
        "Or a photo of a digit",
        type=[name.lower() for name in FORMATS] + list(_SUFFIXES),
        max_upload_size=MOST_BYTES // 2**20,
        help="Ink on paper, dark or light; the digit is cut out, centred and scaled like a "
        "drawing.",
        key=_PHOTO,
        on_change=_take_photo,
    )


def _button(digits: Digits, words: str, label: int, *, key: str) -> None:
    st.button(words, width="stretch", key=key, on_click=_give, args=(digits, label))


def _give(digits: Digits, label: int) -> None:
    _put(digits, label)
    canvas.redraw()


def _put(digits: Digits, label: int) -> None:
    """Put the next test image of a class on the sheet."""
    places = (digits.test_labels == label).nonzero().flatten()
    if not len(places):
        canvas.sheet().refused = f"The test set has no image of class {digits.classes[label]}."
        return
    turns: dict[tuple[str, int], int] = st.session_state.setdefault(_TURN, {})
    turn = turns.get((digits.name, label), 0)
    turns[digits.name, label] = turn + 1
    place = int(places[turn % len(places)])
    words = f"test image {place:,} of {digits.title}, class {digits.classes[label]}"
    canvas.put(digits.test_images[place].numpy(), words, own=False)


def _take_photo() -> None:
    """Read the uploaded photo, or show why it cannot be read."""
    photo = st.session_state[_PHOTO]
    if photo is None:
        return
    try:
        pixels = prepare(read_photo(photo.getvalue()))
    except DrawingError as problem:
        canvas.sheet().refused = str(problem)
    else:
        canvas.put(pixels, f"your photo {photo.name}", own=True)
    canvas.redraw()
