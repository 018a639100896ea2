"""The curves of a run whose metrics have any names: a chart for each, grouped by their slash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from mlcore.charts.comparison import ODD_MARKS
from mlcore.charts.training_curves import Axis, metric_description, metric_spec
from mlcore.runs import Run
from mlcore.ui import live_curves, live_data, page, run_parts
from mlcore.ui.curve_options import THINNED, curve_options
from mlcore.ui.stream.view import LiveChart, follow

MOST_CHARTS: Final = 8
"""Charts at once; a browser draws more of them slowly."""

_KEY: Final = "runs.curves"
_NO_SLASH: Final = "others"


def groups_of(metrics: Sequence[str]) -> Mapping[str, list[str]]:
    """Metrics by what stands before their first slash; those without one come last."""
    groups: dict[str, list[str]] = {}
    for name in metrics:
        before, slash, _ = name.partition("/")
        groups.setdefault(before if slash and before.strip() else "", []).append(name)
    alone = groups.pop("", [])
    while _NO_SLASH in groups and alone:
        alone = [*groups.pop(_NO_SLASH), *alone]
    return {**groups, **({_NO_SLASH: alone} if alone else {})}


def show(run: Run) -> None:
    """Draw the curves of one run; while it goes on, the stream draws new points into them.

    Args:
        run: As it was read just now.
    """
    metrics = live_curves.metrics_of(run)
    if not metrics:
        st.caption("It has no points yet." if run.status.live else "It has no points.")
        return
    charts = draw([run], {run.id: run_parts.name_of(run)}, metrics, key=_KEY)
    if run.status.moving:
        follow([run], charts, key=_KEY)


def draw(
    runs: Sequence[Run], labels: Mapping[str, str], metrics: Sequence[str], *, key: str
) -> list[LiveChart]:
    """Draw a chart for each metric of a group, and what they are drawn by.

    Args:
        runs: As they were read just now; their curves lie over each other.
        labels: What to call each, by id.
        metrics: Names of all metrics.
        key: Prefix of all keys.

    Returns:
        The charts, for ``follow``.
    """
    groups = groups_of(metrics)
    alone = runs[0].id if len(runs) == 1 else str(len(runs))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.options"):
        chosen = next(iter(groups), "")
        if len(groups) > 1:
            chosen = st.segmented_control(
                "Metrics",
                list(groups),
                default=chosen,
                required=True,
                format_func=lambda name: f"{page.plain(page.one_line(name, 30))}",
                label_visibility="collapsed",
                key=f"{key}.group.{alone}",
            )
        log = st.toggle("Log", help="Logarithmic scale", key=f"{key}.log")
        smoothing, axis = curve_options(
            key=key,
            smooths="Weight of earlier points in a moving average; the raw curve stays, faint.",
        )
    shown = groups.get(chosen, list(metrics))[:MOST_CHARTS]
    charts = _charts(runs, labels, shown, axis, log=log, smoothing=smoothing, key=f"{key}.{alone}")
    known = max((len(run.last) for run in runs), default=0)
    left = max(known, len(metrics)) - len(metrics) + len(groups.get(chosen, [])) - len(shown)
    if left:
        st.caption(f"{left:,} more metrics are not drawn here; *Compare* shows any of them.")
    return charts


def _charts(
    runs: Sequence[Run],
    labels: Mapping[str, str],
    shown: Sequence[str],
    axis: Axis,
    *,
    log: bool,
    smoothing: float,
    key: str,
) -> list[LiveChart]:
    columns = st.columns(2 if len(shown) > 1 else 1, gap="small")
    charts, thinned, odd = [], False, False
    for place, metric in enumerate(shown):
        rows = live_data.metric_rows(
            runs, labels, metric, axis=axis, smoothing=smoothing, positive=log
        )
        thinned |= bool((rows["kind"] == "band").any())
        odd |= not rows["kind"].isin(("end", "band", "raw", "train")).all()
        chart = LiveChart(f"{key}.chart.{place}", None, axis, smoothing, metric, log)
        charts.append(chart)
        with columns[place % len(columns)], st.container(key=chart.key):
            st.vega_lite_chart(
                rows,
                metric_spec(metric, axis=axis, log=log),
                alt=metric_description(metric, axis),
                key=f"{key}.{place}.{axis}.{log}",
            )
    said = [ODD_MARKS] if odd else []
    if thinned:
        said.append(f"{THINNED} *Export* has every point.")
    if said:
        st.caption(" ".join(said))
    return charts
