"""Elements that several pages draw: charts, tables, legends, and whether two results agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.ui.common.numbers import power

if TYPE_CHECKING:
    import pandas as pd

ROUNDING: Final = 1e-6
"""Relative difference up to which two numbers count as the same but for rounding."""


def chart(spec: Mapping[str, Any], rows: pd.DataFrame, *, key: str) -> None:
    """Draw rows with a prebuilt spec (see ``mlcore.charts.specs``)."""
    drawn = {name: part for name, part in spec.items() if name != "description"}
    st.vega_lite_chart(rows, drawn, alt=str(spec["description"]), key=key)


def agreement(difference: float, what: str, size: float = 1.0) -> None:
    """Show how far numbers computed by formula differ from torch's.

    Args:
        difference: The largest |Δ|; NaN where some of the numbers are not finite.
        what: What was compared, to begin the sentence.
        size: The largest number compared: the bound for agreement is 10⁻⁶ of it.
    """
    if not (math.isfinite(difference) and math.isfinite(size)):
        st.caption(
            f":material/help: {what}: **not compared**, because some of the numbers are infinite "
            "or NaN."
        )
        return
    good = difference <= ROUNDING * max(size, 1e-300)
    mark = ":material/check_circle:" if good else ":material/warning:"
    words = "they agree" if good else "**they differ**"
    st.caption(f"{mark} {what}: by hand and by PyTorch, max|Δ| = {power(difference)}: {words}.")


def verdict_icon(*, sure: bool) -> str:
    """The icon before a comparison: a check if a difference is beyond luck, else dice."""
    return ":material/check_circle:" if sure else ":material/casino:"


def compact() -> DeltaGenerator:
    """A row of small controls, side by side also on narrow screens."""
    return st.container(horizontal=True, gap="small", vertical_alignment="bottom")


def table(columns: Mapping[str, Iterable[object]]) -> None:
    """A table with wrapping text (``st.dataframe`` has none); cells are Markdown."""
    rows = zip(*columns.values(), strict=True)
    lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    head = "| " + " | ".join(name.replace("|", "\\|") for name in columns) + " |"
    st.markdown("\n".join([head, "|" + " --- |" * len(columns), *lines]))


def legend(colours: Mapping[str, str]) -> None:
    """A legend: names beside coloured dots."""
    dots = "".join(
        '<span style="white-space:nowrap;margin-right:1rem"><span style="display:inline-block;'
        f"width:.8rem;height:.8rem;border-radius:50%;background:{colour};margin-right:.3rem"
        f'"></span>{name}</span>'
        for name, colour in colours.items()
    )
    st.html(f'<div style="font-size:.875rem">{dots}</div>')
