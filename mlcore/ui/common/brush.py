"""Parallel coordinates with brushes: mark ranges on the axes to keep the lines that pass.

In Vega-Lite the interval brushes of a view all start with the same drag, and their marks span the
whole plot, so a component draws these axes; ``mlcore.charts.parallel`` makes the numbers, and the
same chart without brushes for files and notebooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from mlcore.charts.dimensions import Column, Dimension
from mlcore.charts.parallel import Goal, axes_of, payload
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

_component: Final = component(
    "mlcore_brush",
    html=asset("common/brush.html"),
    css=asset("common/brush.css"),
    js=asset("common/brush.js"),
)


@dataclass(frozen=True, slots=True)
class Brushed:
    """The ranges marked on the axes.

    Attributes:
        marks: Of each marked column, the lowest and the highest place from 0 to 1.
        axes: The axis of each column.
    """

    marks: Mapping[str, tuple[float, float]]
    axes: Mapping[str, Dimension]

    def __bool__(self) -> bool:
        """Whether any axis is marked."""
        return bool(self.marks)

    def mask(self, frame: pd.DataFrame) -> pd.Series:
        """Which rows pass through every marked range; all rows if there is none."""
        good = np.ones(len(frame), dtype=bool)
        for column, (low, high) in self.marks.items():
            places = self.axes[column].places(frame[column])
            good &= (places >= low) & (places <= high)
        return pd.Series(good, index=frame.index)

    def bounds(self, column: str) -> tuple[float, float] | None:
        """The ends of an axis's marked range; None if it has none or holds categories."""
        axis = self.axes.get(column)
        if column not in self.marks or axis is None or axis.kind == "category":
            return None
        low, high = axis.values_at(np.asarray(self.marks[column], np.float64))
        return float(low), float(high)


def brushed_lines(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    colour: str | None = None,
    *,
    key: str,
    goal: Goal = "max",
    label: str | None = None,
) -> Brushed:
    """Draw parallel coordinates and return the marked ranges; see ``mlcore.charts.parallel``.

    Args:
        frame: One row per run.
        columns: The axes from left to right, at least two.
        colour: Column of numbers by whose rank lines are coloured.
        key: Unique on the page.
        goal: Whether the largest or the smallest number of ``colour`` is best.
        label: Column that names a row in its tooltip; the row's index if not given.

    Raises:
        ValueError: If there are fewer than two columns, or one does not exist.
    """
    axes = axes_of(frame, columns)
    drawn = _component(
        key=key,
        data=payload(frame, axes, colour, goal=goal, label=label),
        default={"brushes": {}},
        on_brushes_change=_nothing,
    )
    by_title = {axis.title: axis.column for axis in axes}
    given: dict[str, Any] = drawn.brushes or {}
    marks = {
        by_title[title]: (float(low), float(high))
        for title, (low, high) in given.items()
        if title in by_title
    }
    return Brushed(marks, {axis.column: axis for axis in axes})


def _nothing() -> None:
    """Streamlit keeps a component's state only where something listens to it."""
