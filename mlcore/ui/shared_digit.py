"""The digit shared by the pages *Draw* and *Inside*, stored in the session.

Use it as::

    digit = shared_digit.current()  # or None
    for own in shared_digit.own_digits(): …  # those drawn or photographed in this session
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REMEMBERED: Final = 24
"""Number of drawn or photographed digits that a session remembers, the newest ones."""

_CURRENT: Final = "drawn.current"
_OWN: Final = "drawn.own"


@dataclass(frozen=True, slots=True, eq=False)
class SharedDigit:
    """A digit as the input of networks.

    Attributes:
        pixels: uint8 ``[28, 28]``, 0 is background, 255 is ink.
        words: What it is, to stand within a sentence: ``your drawing``, ``test image 0, a 7``.
        name: Equal for two states of one digit while it is being drawn.
        own: Whether the user made it; else it is a test image.
    """

    pixels: NDArray[np.uint8]
    words: str
    name: str
    own: bool


def current() -> SharedDigit | None:
    """The digit on the canvas of *Draw*; None before the first visit and while it is empty."""
    found: SharedDigit | None = st.session_state.get(_CURRENT)
    return found


def keep(digit: SharedDigit | None) -> None:
    """Set the digit on the canvas; a drawing replaces its earlier state."""
    st.session_state[_CURRENT] = digit
    if digit is not None and digit.own:
        others = [known for known in own_digits() if known.name != digit.name]
        st.session_state[_OWN] = (*others, digit)[-REMEMBERED:]


def own_digits() -> tuple[SharedDigit, ...]:
    """The digits drawn or photographed in this session, the newest last."""
    found: tuple[SharedDigit, ...] = st.session_state.get(_OWN, ())
    return found
