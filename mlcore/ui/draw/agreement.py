"""Numbers taken two ways, and whether they agree."""

from __future__ import annotations

import streamlit as st

from mlcore.ui.common.numbers import power


def agreement(sentence: str, difference: float, bound: float) -> None:
    """Say what was taken two ways, how far the two are apart, and whether that is rounding.

    Args:
        sentence: What was compared, with its numbers; it goes on with the difference.
        difference: Between the two, relative where that tells more.
        bound: The largest difference that counts as agreement.
    """
    good = difference <= bound
    mark = ":material/check_circle:" if good else ":material/warning:"
    words = "they agree" if good else "**they differ**"
    st.caption(f"{mark} {sentence}: off by {power(difference)}, {words}.")


def number(value: float) -> str:
    """Five digits, with a true minus."""
    return f"{value:.5g}".replace("-", "−")
