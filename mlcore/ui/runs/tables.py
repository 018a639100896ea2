"""The tables of a comparison: measures, and differences in configs and environment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from mlcore.charts import palette
from mlcore.charts.comparison import is_share, metric_title
from mlcore.ui import page, run_parts
from mlcore.ui.draft import as_text
from mlcore.ui.runs import columns, fold_rows
from mlcore.ui.runs.lines import group_label, run_labels

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.elements.lib.column_types import ColumnConfig

    from mlcore.runs.analysis.comparison import Comparison


def measures(comparison: Comparison, kind: str) -> None:
    """The measure of each run, or the mean of each group with its interval.

    Args:
        comparison: What to show.
        kind: ``run`` or ``group``.
    """
    frame = group_frame(comparison) if kind == "group" else run_frame(comparison)
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        height=min(420, 38 + 35 * len(frame)),
        column_config=_measure_columns(comparison),
        key=f"compare.measures.{kind}",
        alt=f"{measure_title(comparison)} of each {kind}",
    )
    left_out = {i: why for group in comparison.groups for i, why in group.left_out.items()}
    if left_out:
        said = "; ".join(f"`{run_id}`: {why}" for run_id, why in list(left_out.items())[:5])
        more = f" and {len(left_out) - 5:,} more" if len(left_out) > 5 else ""
        st.caption(f"Not counted in the means: {said}{more}.")


def measure_title(comparison: Comparison) -> str:
    """The title of the measure: ``Test accuracy, last``."""
    unit = f" ({comparison.measure.unit})" if comparison.measure.unit else ""
    return f"{metric_title(comparison.metric)}, {comparison.measure}{unit}"


def run_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per run or cross-validation, best first.

    Columns: hue, name, measure, standard error over folds (where there are any), difference to the
    baseline, seed, status, id.
    """
    import pandas as pd

    hues = run_parts.colours_of(comparison.runs)
    measured = comparison.measures
    frame = pd.DataFrame(
        {
            "hue": [columns.swatch_of(hues[run.id]) for run in comparison.runs],
            "name": [
                (fold_rows.BASELINE if run_id == comparison.baseline else "") + label
                for run_id, label in run_labels(comparison).items()
            ],
            "value": measured.to_numpy(),
        }
    )
    frame["seed"] = [run.seed for run in comparison.runs]
    frame["status"] = [[str(run.status)] for run in comparison.runs]
    frame["id"] = comparison.ids
    frame = fold_rows.one_row_each(frame, [frozenset({i}) for i in comparison.ids], comparison)
    _tell_differences(frame, comparison)
    ascending = comparison.measure.goal(comparison.goal) == "min"
    return frame.sort_values("value", ascending=ascending, kind="stable", na_position="last")


def group_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per group or cross-validation, best first.

    Columns: hue, letter, label, n, mean, standard error over folds (where there are any),
    difference, interval, standard deviation.
    """
    import pandas as pd

    groups = comparison.groups
    hues = palette.run_colours({group.letter: group.runs[0].key for group in groups})
    frame = pd.DataFrame(
        {
            "hue": [columns.swatch_of(hues[group.letter]) for group in groups],
            "group": [group.letter for group in groups],
            "name": [
                (fold_rows.BASELINE if group.letter == comparison.baseline_group else "")
                + group_label(comparison, group)
                for group in groups
            ],
            "n": [group.n for group in groups],
            "value": [group.mean for group in groups],
        }
    )
    for name in ("low", "high", "sd"):
        frame[name] = [getattr(group, name) for group in groups]
    frame = fold_rows.one_row_each(frame, [frozenset(g.run_ids) for g in groups], comparison)
    _tell_differences(frame, comparison)
    ascending = comparison.measure.goal(comparison.goal) == "min"
    return frame.sort_values("value", ascending=ascending, kind="stable", na_position="last")


def _tell_differences(frame: pd.DataFrame, comparison: Comparison) -> None:
    """Insert the column difference, to the row that is the baseline; none where there is none."""
    anchors = frame["value"][frame["name"].str.startswith(fold_rows.BASELINE)]
    if len(anchors) and not math.isnan(anchors.iloc[0]):
        place = list(frame.columns).index("error" if "error" in frame else "value") + 1
        difference = _scale(comparison) * (frame["value"] - anchors.iloc[0])
        frame.insert(place, "difference", difference)


def differences(comparison: Comparison) -> None:
    """The differing config fields, and other differences that could explain a change."""
    for title, frame, none, key in (
        (
            "Config fields that differ",
            comparison.differing,
            "The configs are equal.",
            "differing",
        ),
        (
            "Differences in the environment that could explain a change",
            comparison.environment,
            "Versions, data, host and device are the same: the environment explains no difference.",
            "environment",
        ),
    ):
        st.markdown(f"**{title}**")
        if not len(frame):
            st.caption(none)
            continue
        st.dataframe(
            difference_frame(frame),
            placeholder="–",
            height="content",
            column_config={
                "_index": st.column_config.TextColumn("field", pinned=True),
                **_run_columns(comparison),
            },
            key=f"compare.{key}",
            alt=title,
        )


def difference_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of differences with every cell as one-line text."""
    return frame.map(
        lambda value: (
            None
            if value is None
            else page.one_line(value if isinstance(value, str) else as_text(value), 60)
        )
    )


def _run_columns(comparison: Comparison) -> dict[str, ColumnConfig]:
    return {
        run_id: st.column_config.TextColumn(page.one_line(label, 36), width=130)
        for run_id, label in run_labels(comparison).items()
    }


def _measure_columns(comparison: Comparison) -> dict[str, ColumnConfig]:
    share = is_share(comparison.metric) and not comparison.measure.unit
    number = "percent" if share else "%.5g"
    title = measure_title(comparison)
    config: dict[str, ColumnConfig] = {
        "hue": st.column_config.ImageColumn(" ", width=28),
        "group": st.column_config.TextColumn("group", width=50),
        "name": st.column_config.TextColumn("what", width=230),
        "n": st.column_config.NumberColumn("seeds", width=55),
        "value": st.column_config.NumberColumn(title, format=number),
        "error": st.column_config.NumberColumn("± standard error over folds", format=number),
        "low": st.column_config.NumberColumn("95% from", format=number),
        "high": st.column_config.NumberColumn("to", format=number),
        "sd": st.column_config.NumberColumn("sd over seeds", format=number),
        "status": columns.status_column("status"),
        "difference": st.column_config.NumberColumn(
            "Δ baseline" + (" (points)" if share else ""), format="%+.3f" if share else "%+.4g"
        ),
    }
    return config


def _scale(comparison: Comparison) -> float:
    return 100.0 if is_share(comparison.metric) and not comparison.measure.unit else 1.0
