"""The tab *Settings*: parallel coordinates with brushes, and the objective against each field."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from mlcore.charts.comparison import is_share, metric_title
from mlcore.charts.dimensions import Dimension
from mlcore.charts.spaces import scatter_rows, scatter_spec
from mlcore.sweeps import Choices, IntRange, LinearRange, LogRange, Range
from mlcore.ui.common.brush import Brushed, brushed_lines
from mlcore.ui.sweeps import actions, curve_tab
from mlcore.ui.sweeps.view_data import SweepView


def show(seen: SweepView) -> None:
    """Draw the tab."""
    if seen.ended.empty:  # members that train as one program all end together
        curve_tab.curves_so_far(seen)
        return
    ended, objectives = seen.ended, seen.objectives
    if any(is_share(axis.column) for axis in objectives) and st.toggle(
        "Errors on a logarithmic scale",
        help="Draws 1 − accuracy, which shows differences between good trials.",
        key="sweeps.errors",
    ):
        ended, objectives = as_errors(ended, objectives)
    several = len(seen.fields) > 1 or len(objectives) > 1
    kept = _brush(seen, ended, objectives) if several else ended
    places = list(st.columns(2, gap="small"))
    drawn = 0
    if len(objectives) > 1:
        with places[0]:
            _scatter(seen, kept, objectives[0], objectives[1])
        drawn = 1
    for axis in seen.fields.values():
        with places[drawn % 2]:
            _scatter(seen, kept, axis, objectives[0])
        drawn += 1
    if not several:
        with places[1]:
            curve_tab.curve_chart(seen, curve_tab.first_metric(seen), log=True)


def as_errors(
    ended: pd.DataFrame, objectives: tuple[Dimension, ...]
) -> tuple[pd.DataFrame, tuple[Dimension, ...]]:
    """The same table with 1 − value on a logarithmic axis, for objectives that are shares of 1.

    A run without any error has no place on such an axis.
    """
    table, axes = ended, []
    for axis in objectives:
        if not is_share(axis.column):
            axes.append(axis)
            continue
        name = f"1 − {axis.column}"
        error = 1 - table[axis.column]
        table = table.assign(**{name: error.where(error > 0)})
        title = metric_title(axis.column, as_error=True)
        axes.append(replace(Dimension.of(table, name, title=title, kind="log"), share=True))
    return table, tuple(axes)


def marked_ranges(seen: SweepView, brushed: Brushed) -> dict[str, str]:
    """The ranges marked on the axes of fields, as text."""
    found = {}
    for name, swept in seen.sweep.space.ranges.items():
        text = _narrowed(swept, seen.fields[name], brushed)
        if text is not None:
            found[name] = text
    return found


def _brush(seen: SweepView, ended: pd.DataFrame, objectives: tuple[Dimension, ...]) -> pd.DataFrame:
    brushed = brushed_lines(
        ended,
        [*seen.fields.values(), *objectives],
        seen.objectives[0].column,
        key=f"sweeps.brush.{seen.sweep.id}",
        goal=seen.goal,
        label="run",
    )
    narrowed = marked_ranges(seen, brushed)
    if narrowed and seen.sweep.status != "failed":
        actions.narrow_button(seen.sweep, narrowed)
    return ended[brushed.mask(ended)]


def _narrowed(swept: Range, axis: Dimension, brushed: Brushed) -> str | None:
    if axis.column not in brushed.marks:
        return None
    if isinstance(swept, Choices):
        places = axis.places(pd.Series(list(swept.values), dtype="object"))
        low, high = brushed.marks[axis.column]
        kept = [v for v, at in zip(swept.values, places, strict=True) if low <= at <= high]
        return Choices(tuple(kept)).text() if kept and len(kept) < len(swept.values) else None
    ends = brushed.bounds(axis.column)
    if ends is None:
        return None
    low, high = (float(f"{end:.3g}") for end in ends)
    low, high = max(low, swept.low), min(high, swept.high)
    try:
        match swept:
            case IntRange():
                whole = (round(low), round(high))
                return IntRange(*whole, swept.step, swept.log, swept.points).text()
            case LogRange():
                return LogRange(low, high, swept.points).text()
            case LinearRange():
                return LinearRange(low, high, swept.points).text()
    except ValueError:
        return None  # the mark is too narrow to be a range


def _scatter(seen: SweepView, rows: pd.DataFrame, x: Dimension, y: Dimension) -> None:
    st.vega_lite_chart(
        scatter_rows(rows, x, y, label="run", marked=seen.best),
        scatter_spec(x, y),
        key=f"sweeps.scatter.{x.column}.{y.column}",
    )
