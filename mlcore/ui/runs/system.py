"""The system metrics of a run: what its processes and its machine did over time."""

from __future__ import annotations

import streamlit as st

from mlcore.charts.system import panels_of
from mlcore.runs import Run
from mlcore.ui.common import elements

_TOO_SHORT = 6


def show(run: Run) -> None:
    """Draw the charts in an expander that reads the store only while it is open."""
    part = st.expander(
        "System metrics",
        icon=":material/monitoring:",
        on_change="rerun",
        key="runs.system",
    )
    if not part.open:
        return
    with part:
        frame = run.system_metrics()
        if frame.empty:
            st.caption(
                "None: another program trains it."
                if run.followed
                else "None: they were not imported."
                if run.imported
                else f"None: a run has them from its first {_TOO_SHORT} seconds on."
            )
            return
        cores = run.environment.get("cores", 1)
        columns = st.columns(2, gap="medium")
        for place, panel in enumerate(panels_of(frame)):
            rows = panel.rows(frame, cores if isinstance(cores, int) else 1)
            with columns[place % 2]:
                elements.chart(panel.spec(), rows, key=f"runs.system.{place}")
        st.caption(
            f"{len(frame)} samples. As a table: `mlcore.get_run({run.id!r}).system_metrics()`."
        )
