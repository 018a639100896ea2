"""Shows whether two ways of computing a number agree."""

from __future__ import annotations

import streamlit as st

from mlcore.ui.common.numbers import power


def agreement(sentence: str, difference: float, bound: float) -> None:
    """Show what was computed in two ways, the difference, and whether that is rounding.

    Args:
        sentence: What was compared, with its numbers; the difference is appended.
        difference: Between the two, relative where that tells more.
        bound: The largest difference that counts as agreement.
    """
    good = difference <= bound
    mark = ":material/check_circle:" if good else ":material/warning:"
    words = "they agree" if good else "**they differ**"
    st.caption(f"{mark} {sentence}: off by {power(difference)}, {words}.")


def number(value: float) -> str:
    """A number with five digits and a true minus sign."""
    return f"{value:.5g}".replace("-", "−")
