"""The charts of a sweep: settings, pairs of fields, curves, importance, and its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import streamlit as st

from mlcore.charts.heatmaps import (
    contour_rows,
    contour_spec,
    heatmap_rows,
    heatmap_spec,
    in_order,
)
from mlcore.charts.interpolation import METHOD
from mlcore.charts.spaces import importance_bars
from mlcore.ui import navigation, page
from mlcore.ui.sweeps import curve_tab, settings_tab
from mlcore.ui.sweeps.view_data import SweepView

_COMPARED: Final = 10
"""Number of runs in the link to the page Compare."""


def show(seen: SweepView) -> None:
    """Draw the tabs; only the open one is computed."""
    tabs: dict[str, Callable[[SweepView], None]] = {
        "Settings": settings_tab.show,
        **({"Two at once": _plane} if len(seen.fields) > 1 else {}),
        "Curves": curve_tab.show,
        **({"What matters": _importance} if len(seen.fields) > 1 else {}),
        "Runs": _runs,
    }
    opened = st.tabs(list(tabs), key="view", bind="query-params")
    for tab, draw in zip(opened, tabs.values(), strict=True):
        if tab.open:
            with tab:
                draw(seen)


# --- two at once -----------------------------------------------------------------------------


def _plane(seen: SweepView) -> None:
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


def _title(seen: SweepView) -> Callable[[str], str]:
    return lambda name: seen.fields[name].title


# --- what matters ----------------------------------------------------------------------------


def _importance(seen: SweepView) -> None:
    found = seen.sweep.importance()
    if not found:
        st.caption("This needs two finished trials with different results.")
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


def _runs(seen: SweepView) -> None:
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
