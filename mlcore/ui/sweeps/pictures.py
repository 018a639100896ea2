"""The pictures of a sweep: settings, two at once, curves, importance, and the runs themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import streamlit as st

from mlcore.charts.comparison import metric_title
from mlcore.charts.dimensions import Dimension
from mlcore.charts.interpolation import METHOD
from mlcore.charts.members import member_curve_spec
from mlcore.charts.planes import (
    contour_rows,
    contour_spec,
    heatmap_rows,
    heatmap_spec,
    in_order,
)
from mlcore.charts.spaces import importance_bars, scatter_rows, scatter_spec
from mlcore.sweeps import Choices, IntRange, LinearRange, LogRange, Range
from mlcore.ui import navigation, page
from mlcore.ui.brush import Brushed, brushed_lines
from mlcore.ui.sweeps import actions
from mlcore.ui.sweeps.look import CURVES, Look, curves

_COMPARED: Final = 10
"""Runs that the link to the page Compare takes along."""


def show(seen: Look) -> None:
    """Draw the tabs; only the open one is made."""
    tabs: dict[str, Callable[[Look], None]] = {
        "Settings": _settings,
        **({"Two at once": _plane} if len(seen.fields) > 1 else {}),
        "Curves": _curves,
        **({"What matters": _importance} if len(seen.fields) > 1 else {}),
        "Runs": _runs,
    }
    opened = st.tabs(list(tabs), key="view", bind="query-params")
    for tab, draw in zip(opened, tabs.values(), strict=True):
        if tab.open:
            with tab:
                draw(seen)


# --- settings --------------------------------------------------------------------------------


def _settings(seen: Look) -> None:
    if seen.ended.empty:  # members that train as one program all end together
        _curves_so_far(seen)
        return
    several = len(seen.fields) > 1 or len(seen.objectives) > 1
    kept = _brush(seen) if several else seen.ended
    places = list(st.columns(2, gap="small"))
    drawn = 0
    if len(seen.objectives) > 1:
        with places[0]:
            _scatter(seen, kept, seen.objectives[0], seen.objectives[1])
        drawn = 1
    for axis in seen.fields.values():
        with places[drawn % 2]:
            _scatter(seen, kept, axis, seen.objectives[0])
        drawn += 1
    if not several:
        with places[1]:
            _curve_chart(seen, seen.table, _first_metric(seen), log=True)


def _curves_so_far(seen: Look) -> None:
    metric = _first_metric(seen)
    if metric in _metrics(seen):
        st.caption("No run has ended yet; these are their curves so far.")
        _curve_chart(seen, seen.table, metric, log=True, height=320)
    else:
        st.caption("The first points are on their way." if seen.sweep.running else "No results.")


def _brush(seen: Look) -> pd.DataFrame:
    brushed = brushed_lines(
        seen.ended,
        [*seen.fields.values(), *seen.objectives],
        seen.objectives[0].column,
        key=f"sweeps.brush.{seen.sweep.id}",
        goal=seen.goal,
        label="run",
    )
    narrowed = marked_ranges(seen, brushed)
    if narrowed and seen.sweep.status != "failed":
        actions.narrow_button(seen.sweep, narrowed)
    return seen.ended[brushed.mask(seen.ended)]


def marked_ranges(seen: Look, brushed: Brushed) -> dict[str, str]:
    """What the marks on the axes of fields say, as the text of ranges."""
    found = {}
    for name, swept in seen.sweep.space.ranges.items():
        text = _narrowed(swept, seen.fields[name], brushed)
        if text is not None:
            found[name] = text
    return found


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


def _scatter(seen: Look, rows: pd.DataFrame, x: Dimension, y: Dimension) -> None:
    st.vega_lite_chart(
        scatter_rows(rows, x, y, label="run", marked=seen.best),
        scatter_spec(x, y),
        key=f"sweeps.scatter.{x.column}.{y.column}",
    )


# --- two at once -----------------------------------------------------------------------------


def _plane(seen: Look) -> None:
    names = list(seen.fields)
    with st.container(horizontal=True, key="sweeps.plane"):
        first = st.selectbox("Across", names, format_func=_title(seen), key="sweeps.across")
        rest = [name for name in names if name != first]
        second = st.selectbox("Up", rest, format_func=_title(seen), key="sweeps.up")
        value = st.selectbox(
            "Colour",
            range(len(seen.objectives)),
            format_func=lambda k: seen.objectives[k].title,
            key="sweeps.colour",
        )
    x, y, shown = seen.fields[first], seen.fields[second], seen.objectives[value]
    if seen.ended.empty:
        st.caption("No run has finished yet.")
        return
    if "category" in (x.kind, y.kind):
        cells = heatmap_rows(seen.ended, x, y, shown)
        spec: dict[str, Any] = heatmap_spec(x, y, shown, in_order(cells, "x"), in_order(cells, "y"))
        st.vega_lite_chart(cells, spec, key=f"sweeps.heat.{first}.{second}.{value}")
        return
    try:
        rows = contour_rows(seen.ended, x, y, shown, label="run")
    except ValueError as why:
        st.info(page.plain(str(why)))
        return
    key = f"sweeps.contour.{first}.{second}.{value}"
    st.vega_lite_chart(rows, contour_spec(x, y, shown), key=key)
    st.caption(METHOD)


def _title(seen: Look) -> Callable[[str], str]:
    return lambda name: seen.fields[name].title


# --- curves ----------------------------------------------------------------------------------


def _curves(seen: Look) -> None:
    metrics = _metrics(seen)
    if not metrics:
        st.caption("The first points are on their way.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps.curves"):
        metric = st.selectbox(
            "Metric",
            metrics,
            index=metrics.index(_first_metric(seen)),
            format_func=metric_title,
            key="sweeps.metric",
        )
        log = st.toggle("Log", value=True, key="sweeps.log")
    _curve_chart(seen, seen.table, metric, log=log, height=400)


def _curve_chart(
    seen: Look, table: pd.DataFrame, metric: str, *, log: bool, height: int = 240
) -> None:
    st.vega_lite_chart(
        curves(seen, metric, table, log=log),
        member_curve_spec(metric, log=log, height=height),
        key=f"sweeps.curve.{metric}.{log}.{height}",
    )
    if len(table) > CURVES:
        st.caption(
            f"{CURVES} of {len(table)} curves are drawn: the {CURVES // 2} best and the newest."
        )


def _metrics(seen: Look) -> list[str]:
    names = {name for member in seen.sweep.members for name in member.last}
    return sorted(names - {"samples_per_second"})


def _first_metric(seen: Look) -> str:
    """The curve to show at first: the training loss, whose points are many."""
    names = _metrics(seen)
    for name in ("train_loss", "loss", seen.sweep.objectives[0].metric):
        if name in names:
            return name
    return names[0] if names else seen.sweep.objectives[0].metric


# --- what matters ----------------------------------------------------------------------------


def _importance(seen: Look) -> None:
    found = seen.sweep.importance()
    if not found:
        st.caption("This needs two finished settings with different results.")
        return
    frame = pd.DataFrame(
        {
            "field": [seen.fields[name].title for name in found],
            "importance": list(found.values()),
        }
    )
    st.altair_chart(importance_bars(frame), key="sweeps.importance", width="stretch")
    page.prose("sweeps_importance")


# --- runs ------------------------------------------------------------------------------------


def _runs(seen: Look) -> None:
    order = seen.table.sort_values("rank", ascending=False, na_position="last")
    columns = {axis.column: axis.title for axis in (*seen.objectives, *seen.fields.values())}
    table = pd.DataFrame(
        {
            "Run": [f"compare?runs={run}" for run in order["run"]],
            "Status": order["status"].to_list(),
            **{title: _cells(order[column]) for column, title in columns.items()},
            "Seed": order["seed"].to_list(),
            "Seconds": order["elapsed"].round(2).to_list(),
            "Note": order["error"].fillna("").to_list(),
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={"Run": st.column_config.LinkColumn("Run", display_text=r"runs=(\w+)")},
        key="sweeps.table",
    )
    best = order[order["status"] == "finished"]["run"].head(_COMPARED)
    if len(best) > 1 and navigation.has_page("compare"):
        st.page_link(
            navigation.page("compare"),
            label=f"Compare the best {len(best)}",
            icon=":material/compare_arrows:",
            query_params={"runs": ",".join(best)},
        )


def _cells(column: pd.Series) -> list[object]:
    from mlcore.charts.dimensions import as_numbers, as_text

    numbers = as_numbers(column)
    return [as_text(value) for value in column] if numbers is None else [*numbers]
