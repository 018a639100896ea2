"""Settings and results of the compared runs: scatter, parallel coordinates, heatmap, importance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.charts.comparison import is_share, metric_title
from mlcore.charts.dimensions import Dimension
from mlcore.charts.spaces import heatmap, importance_bars, parallel_coordinates, scatter
from mlcore.core import MlcoreError
from mlcore.runs.analysis.importances import Evaluator, importance
from mlcore.ui import page
from mlcore.ui.common.brush import brushed_lines
from mlcore.ui.runs import export_menu
from mlcore.ui.runs.lines import run_labels
from mlcore.ui.runs.tables import measure_title

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from mlcore.runs.analysis.comparison import Comparison

MEASURE: Final = "the measure"
"""Column of the measure in ``frame_of``."""

_NAME: Final = "run"
_WAYS: Final = ("Parallel", "Scatter", "Heatmap", "Importance")
_MOST_AXES: Final = 8
_HEIGHT: Final = 360
_EVALUATORS: Final[dict[Evaluator, str]] = {
    "ped_anova": "PED-ANOVA, Optuna's default",
    "fanova": "fANOVA",
    "mean_decrease_impurity": "mean decrease of impurity",
}


def show(comparison: Comparison) -> None:
    """Draw the tab."""
    way = st.segmented_control(
        "Show as",
        _WAYS,
        default=_WAYS[0],
        required=True,
        label_visibility="collapsed",
        key="space",
        bind="query-params",
    )
    frame = frame_of(comparison)
    fields = fields_of(frame)
    if not fields:
        st.info(
            "The configs of these runs do not differ, so there is no setting to explain a "
            "difference."
        )
        return
    if way == "Importance":
        _importance(comparison)
    elif way == "Parallel":
        _parallel(comparison, frame, fields)
    elif way == "Scatter":
        _scatter(comparison, frame)
    else:
        _heatmap(comparison, frame, fields)


def frame_of(comparison: Comparison) -> pd.DataFrame:
    """One row per run: its name, the differing config fields, last metrics, and the measure."""
    import pandas as pd

    fields = comparison.differing.T.infer_objects()
    last = pd.DataFrame([run.latest() for run in comparison.runs], index=comparison.ids)
    last = last.rename(columns={name: f"last {name}" for name in last.columns})
    names = run_labels(comparison)
    frame = pd.concat([fields, last], axis=1)
    frame.insert(0, _NAME, [names[run_id] for run_id in comparison.ids])
    frame[MEASURE] = comparison.measures.reindex(comparison.ids).to_numpy()
    return frame


def fields_of(frame: pd.DataFrame) -> list[str]:
    """The columns that are config fields."""
    return [
        name
        for name in frame.columns
        if name not in (_NAME, MEASURE) and not name.startswith("last ")
    ]


def _title(comparison: Comparison, column: str) -> str:
    if column == MEASURE:
        return measure_title(comparison)
    if column.startswith("last "):
        return metric_title(column.removeprefix("last "))
    return column.replace("_", " ")


def _axis(comparison: Comparison, frame: pd.DataFrame, column: str) -> Dimension:
    axis = Dimension.of(frame, column, title=_title(comparison, column))
    return replace(axis, share=axis.kind != "category" and _is_share(comparison, column))


def _is_share(comparison: Comparison, column: str) -> bool:
    if column == MEASURE:
        return is_share(comparison.metric) and not comparison.measure.unit
    return column.startswith("last ") and is_share(column)


def _parallel(comparison: Comparison, frame: pd.DataFrame, fields: list[str]) -> None:
    chosen = st.multiselect(
        "Axes",
        [name for name in frame.columns if name != _NAME],
        default=[*fields[: _MOST_AXES - 1], MEASURE],
        format_func=lambda name: _title(comparison, name),
        key="compare.space.axes",
    )
    if len(chosen) < 2:
        st.info("Choose at least two axes.")
        return
    axes = [_axis(comparison, frame, name) for name in chosen]
    goal = comparison.measure.goal(comparison.goal)
    marked = brushed_lines(
        frame, axes, MEASURE, goal=goal, label=_NAME, key="compare.space.parallel"
    )
    if marked:
        inside = frame[marked.mask(frame)]
        st.caption(f"{len(inside):,} of {len(frame):,} runs pass through all marked ranges.")
        st.dataframe(
            inside[[_NAME, *chosen]].sort_values(
                MEASURE if MEASURE in chosen else chosen[0],
                ascending=goal == "min",
            ),
            hide_index=True,
            height="content" if len(inside) < 8 else 300,
            key="compare.space.marked",
            alt="The runs that pass through all marked ranges",
        )
    export_menu.of_chart(
        lambda: parallel_coordinates(frame, axes, MEASURE, goal=goal, label=_NAME),
        "Settings and results",
        key="compare.space.parallel.files",
    )


def _scatter(comparison: Comparison, frame: pd.DataFrame) -> None:
    offered = [name for name in frame.columns if name != _NAME]
    x, y, colour = _choose(
        comparison, {"Across": offered, "Up": offered, "Colour": ["", *offered]}, (0, -1, 0)
    )
    chart = scatter(
        frame,
        _axis(comparison, frame, x),
        _axis(comparison, frame, y),
        _axis(comparison, frame, colour) if colour else None,
        label=_NAME,
    )
    _draw(chart.properties(height=_HEIGHT), f"{y} against {x}", "scatter")


def _heatmap(comparison: Comparison, frame: pd.DataFrame, fields: list[str]) -> None:
    if len(fields) < 2:
        st.info("A heatmap needs two settings that differ; here only one does.")
        return
    x, y = _choose(comparison, {"Across": fields, "Up": fields}, (0, 1))
    axes = (_axis(comparison, frame, name) for name in (x, y, MEASURE))
    chart = heatmap(frame, *axes).properties(height=_HEIGHT)
    _draw(chart, f"{measure_title(comparison)} over {x} and {y}", "heatmap")
    st.caption("A cell is the mean over all runs in it, whatever their other settings.")


def _choose(
    comparison: Comparison, offered: dict[str, list[str]], first: tuple[int, ...]
) -> list[str]:
    chosen = []
    places = st.columns(len(offered))
    for place, (label, names), default in zip(places, offered.items(), first, strict=True):
        with place:
            chosen.append(
                st.selectbox(
                    label,
                    names,
                    index=default % len(names),
                    format_func=lambda name: _title(comparison, name) if name else "none",
                    key=f"compare.space.{label}.{len(offered)}",
                )
            )
    return chosen


def _draw(chart: alt.LayerChart, name: str, way: str) -> None:
    st.altair_chart(chart, key=f"compare.space.{way}")
    export_menu.of_chart(lambda: chart, name, key=f"compare.space.{way}.files")


def _importance(comparison: Comparison) -> None:
    evaluator = st.selectbox(
        "Method",
        list(_EVALUATORS),
        format_func=_EVALUATORS.__getitem__,
        key="compare.space.evaluator",
    )
    try:
        found = importance(comparison, evaluator)
    except MlcoreError as refused:  # too few runs, or nothing that varies
        st.info(page.plain(str(refused)))
        return
    title = f"What mattered for {measure_title(comparison)}"
    _draw(importance_bars(found.table, title=title), title, "importance")
    st.caption(page.plain(found.caveat))
