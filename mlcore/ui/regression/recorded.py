"""The tab *As a run*: the descent as Python, as a command, and as a recorded run."""

from __future__ import annotations

import streamlit as st

from mlcore import runs
from mlcore.charts.regression import runs_chart
from mlcore.regression import RegressionConfig
from mlcore.ui import page, run_parts
from mlcore.ui.common import clicks, spare_worker
from mlcore.ui.common.polling import any_moving, poll
from mlcore.ui.regression import settings

SHOWN = 8


def recorded(config: RegressionConfig, *, own_file: bool) -> None:
    """Show the code, offer to record the run, and draw earlier runs."""
    if settings.edits():
        st.info("The code below fits the original data, without the points you added or removed.")
    page.config_as_code(config, key="regression.code")
    if own_file:
        st.caption("An uploaded file is read from its path: replace its name by the path.")
    else:
        spare_worker.keep_ready()
        st.button(
            "Record this run",
            icon=":material/play_arrow:",
            key="regression.record",
            on_click=clicks.act,
            args=(runs.submit, config),
            help="Queued for a worker and stored; recording it again returns the stored run.",
        )
    _panel()


def _panel() -> None:
    moving = any_moving(_newest())

    def draw() -> bool:
        clicks.show_refusal()
        found = _newest()
        if not found:
            st.caption("No run recorded yet.")
            return moving
        labels = run_parts.labels_of(found)
        colours = run_parts.colours_of(found)
        curves = runs.open_store().curves([run.id for run in found], "loss")
        if len(curves):
            curves = curves.assign(run=curves["run"].map(labels))
            curves = curves[curves["value"] > 0]
            st.altair_chart(
                runs_chart(curves, {labels[k]: hue for k, hue in colours.items()}),
                key="regression.recorded.chart",
                width="stretch",
            )
        for run in found:
            run_parts.card(run, key="regression.recorded", colour=colours[run.id])
        return any_moving(found) != moving

    poll(draw, key="regression.recorded", moving=moving)


def _newest() -> list[runs.Run]:
    return runs.open_store().list(experiment="regression", limit=SHOWN)
