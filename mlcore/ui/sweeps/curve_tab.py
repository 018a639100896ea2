"""The tab *Curves*: the learning curve of each run, coloured by rank."""

from __future__ import annotations

import streamlit as st

from mlcore.charts.comparison import metric_title
from mlcore.charts.trial_curves import member_curve_spec
from mlcore.core import MEASURED_METRICS
from mlcore.ui.sweeps.view_data import CURVES, SweepView, curves


def show(seen: SweepView) -> None:
    """Draw the tab."""
    metrics = _metrics(seen)
    if not metrics:
        st.caption("The first points are on their way." if seen.sweep.running else "No results.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps.curves"):
        metric = st.selectbox(
            "Metric",
            metrics,
            index=metrics.index(first_metric(seen)),
            format_func=metric_title,
            key="sweeps.metric",
        )
        log = st.toggle("Log", value=True, key="sweeps.log")
    curve_chart(seen, metric, log=log, height=400)


def curves_so_far(seen: SweepView) -> None:
    """The curves before any run has finished."""
    if first_metric(seen) in _metrics(seen):
        st.caption("No run has ended yet; these are their curves so far.")
        curve_chart(seen, first_metric(seen), log=True, height=320)
    else:
        st.caption("The first points are on their way." if seen.sweep.running else "No results.")


def curve_chart(seen: SweepView, metric: str, *, log: bool, height: int = 240) -> None:
    """One metric of all runs, at most ``CURVES`` of them."""
    st.vega_lite_chart(
        curves(seen, metric, seen.table, log=log),
        member_curve_spec(metric, log=log, height=height),
        key=f"sweeps.curve.{metric}.{log}.{height}",
    )
    if len(seen.table) > CURVES:
        st.caption(
            f"{CURVES} of {len(seen.table)} curves are drawn: the {CURVES // 2} best and the "
            "newest."
        )


def first_metric(seen: SweepView) -> str:
    """The metric shown at first: the training loss, as it has many points."""
    names = _metrics(seen)
    for name in ("train_loss", "loss", seen.sweep.objectives[0].metric):
        if name in names:
            return name
    return names[0] if names else seen.sweep.objectives[0].metric


def _metrics(seen: SweepView) -> list[str]:
    names = {name for member in seen.sweep.members for name in member.last}
    return sorted(names - MEASURED_METRICS)
