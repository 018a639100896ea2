"""The control of a penalty's strength λ."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.ui.common import numbers

STRENGTHS: Final = (
    *(float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 5)),
    10.0,
)
_FIRST: Final = 0.01


def strength_control(*, disabled: bool = False) -> float:
    """A slider for λ from 10⁻⁵ to 10, stored in the URL."""
    chosen = st.select_slider(
        "λ",
        STRENGTHS,
        value=_FIRST,
        format_func=numbers.power,
        disabled=disabled,
        help="Ridge adds λ/2·Σw², the lasso λ·Σ|w|, to half the mean squared error.",
        key="strength",
        bind="query-params",
    )
    return float(chosen)
