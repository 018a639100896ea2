"""A strip of real digits; a click or the arrow keys choose one."""

from __future__ import annotations

import base64
from typing import Final

import streamlit as st

from mlcore.ui import page
from mlcore.ui.common import sample_digits
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

DIGIT: Final = "digit"
"""The parameter of the URL that holds the number of the test image."""
IMAGES: Final = 100
"""Test images that can be chosen."""
_EACH: Final = 2
_KEY: Final = "conv.digits"


def digit_control(following: int) -> int:
    """Choose one of the first test images by its picture; returns its number.

    A link may name any of them. What is not one of them is answered by a sentence, and the image
    that was chosen before stays.

    Args:
        following: How many images after it are needed too.
    """
    last = IMAGES - 1 - following
    chosen = _from_url(last)
    digits = _offered(last)
    if chosen not in digits:
        digits = (chosen, *digits)
    mount = component(
        "mlcore.digit_strip",
        html=asset("layers/digit_strip.html"),
        css=asset("layers/digit_strip.css"),
        js=asset("layers/digit_strip.js"),
    )
    labels = sample_digits.labels()
    mount(
        key=_KEY,
        data={
            "digits": [{"index": index, "label": labels[index]} for index in digits],
            "pixels": _pixels(digits),
            "chosen": chosen,
        },
        on_digit_change=_choose,
    )
    return chosen


def _from_url(last: int) -> int:
    given = st.query_params.get(DIGIT, "0")
    index = parse(given, last)
    if index is None:
        index = min(int(st.session_state.get(_KEY + ".last", 0)), last)
        page.error(
            f"digit={page.one_line(given, 40)} in the URL names no test image: it must be a whole "
            f"number from 0 to {last}. Image {index} is shown."
        )
    st.session_state[_KEY + ".last"] = index
    return index


def parse(text: str, last: int) -> int | None:
    """The number of a test image from 0 to ``last``; None if the text is no such number."""
    plain = text.isascii() and text.isdigit() and len(text) <= 4
    return int(text) if plain and int(text) <= last else None


def _choose() -> None:
    index = st.session_state[_KEY].digit
    if index is not None:
        st.query_params[DIGIT] = str(int(index))


@st.cache_data(max_entries=8, show_spinner=False)
def _offered(last: int) -> tuple[int, ...]:
    """Some images of each digit, in the order 0 to 9."""
    labels = sample_digits.labels()[: last + 1]
    return tuple(
        index
        for digit in range(10)
        for index in [i for i, label in enumerate(labels) if label == digit][:_EACH]
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _pixels(digits: tuple[int, ...]) -> str:
    """The bytes of some images, one after the other, as base64."""
    images = (sample_digits.pixels()[list(digits)] * 255).round().byte()
    return base64.b64encode(bytes(images.flatten().tolist())).decode("ascii")
