"""The drawing canvas: its state in this session, and the conversion of drawings to pixels."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from mlcore.charts.digit_scenes import packed
from mlcore.mnist.insight.preprocess import Bytes, DrawingError, prepare
from mlcore.ui import page, shared_digit
from mlcore.ui.draw.assets import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE: Final = 280
"""Side of the sheet in its own pixels."""
PEN: Final = 22
"""Width of the pen at first, in those pixels: what MNIST's strokes have in its box."""

PART: Final = "draw.sheet part"
ANSWERS_PART: Final = "draw.answers part"
VIEWS_PART: Final = "draw.views part"
"""Keys of the fragments that follow the sheet."""

FOLLOWING: Final = "draw.following"
"""Key in the session that says whether the page follows a run that still learns."""

_PAD: Final = "draw.pad"
_SHEET: Final = "draw.sheet"


@dataclass(slots=True)
class Canvas:
    """The canvas's contents, kept for a return to the page.

    Attributes:
        seen: Number of the last snapshot that was read.
        load: Number of the last picture that the page put on the sheet; snapshots of an earlier
            one are old news.
        strokes: ``[width, x, y, pressure, x, y, pressure, …]`` each, in the sheet's pixels.
        under: The picture under the strokes, 784 bytes in base64, or None.
        pen: Width of the pen.
        refused: Why the last picture was not taken, or ``""``.
    """

    seen: int = 0
    load: int = 0
    strokes: list[list[float]] = field(default_factory=list)
    under: str | None = None
    pen: int = PEN
    refused: str = ""


def sheet() -> Canvas:
    """The canvas of this session."""
    found: Canvas = st.session_state.setdefault(_SHEET, Canvas())
    return found


def put(pixels: NDArray[np.uint8], words: str, *, own: bool) -> None:
    """Put a 28×28 image on a new sheet; call it before ``show``."""
    now = sheet()
    now.load += 1
    now.strokes, now.under, now.refused = [], packed(pixels), ""
    shared_digit.keep(shared_digit.SharedDigit(pixels, words, f"sheet {now.load}", own))


def redraw(*, views: bool = True) -> None:
    """Rerun the parts of the page that follow the canvas; call it last in a widget's callback.

    Args:
        views: The views of what a network sees too, which would keep the answers waiting while
            the pen still moves.
    """
    if views and st.session_state.get(FOLLOWING):
        # a stroke can cut off the rerun that a learning run asked for, and its polling with it
        st.rerun()
    st.rerun([PART, ANSWERS_PART, *[VIEWS_PART] * views])


@st.fragment(key=PART)
def show() -> None:
    """Draw the canvas, and why the last drawing was refused."""
    now = sheet()
    PAD(
        key=_PAD,
        data={
            "seen": now.seen,
            "load": now.load,
            "strokes": now.strokes,
            "under": now.under,
            "pen": now.pen,
        },
        on_drawing_change=_take,
    )
    if now.refused:
        page.error(now.refused)


def read_ink(text: str) -> Bytes:
    """Decode the run-length encoded pixels from the browser: value, how many more, value, ….

    Raises:
        DrawingError: If they are not those of a whole sheet.
    """
    try:
        runs = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError):
        runs = np.empty(1, dtype=np.uint8)
    counts = runs[1::2].astype(np.int64) + 1
    if len(runs) % 2 or counts.sum() != SIDE * SIDE:
        raise DrawingError(
            "The drawing did not arrive completely: continue drawing, or press Clear."
        )
    return runs[::2].repeat(counts).reshape(SIDE, SIDE)


def _take() -> None:
    """Read the snapshot sent by the browser."""
    sent: dict[str, Any] | None = st.session_state[_PAD].drawing
    now = sheet()
    if sent is None or sent["load"] != now.load or sent["n"] <= now.seen:
        return
    now.seen, now.pen = int(sent["n"]), int(sent["pen"])
    now.strokes, now.under, now.refused = sent["strokes"], sent["under"], ""
    try:
        pixels = None if sent["ink"] is None else prepare(read_ink(sent["ink"]))
    except DrawingError as problem:
        now.refused = str(problem)
    else:
        name = f"sheet {now.load}"
        digit = (
            None
            if pixels is None
            else shared_digit.SharedDigit(pixels, "your drawing", name, own=True)
        )
        shared_digit.keep(digit)
    redraw(views=not sent["down"])
