"""The latest runs on Home, one line each, with readable names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import streamlit as st

from mlcore.runs import Run, Status, open_store
from mlcore.runs.headline import accuracy_words
from mlcore.ui import navigation, page, run_parts
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import any_moving, poll
from mlcore.ui.runs import callbacks

SHOWN: Final = 5
_COURSE: Final = ("defaults", "course")
"""What ``config_name`` calls the settings of the course, from which most runs differ a little."""
_TITLES: Final = {"mnist": "MNIST", "regression": "Regression"}


def show() -> None:
    """Draw the newest runs, polled while one of them is queued or running."""
    moving = any_moving(_newest())

    def draw() -> bool:
        clicks.show_refusal()
        callbacks.undo_notice(key="home.runs")
        runs = _newest()
        for run in runs:
            _line(run)
        if not runs:
            st.info("No run yet: the first one you start appears here, live.")
        elif navigation.has_page("runs"):
            st.page_link(navigation.page("runs"), label="All runs", icon=":material/table_rows:")
        return any_moving(runs) != moving

    poll(draw, key="home.runs.panel", moving=moving)


def readable(run: Run) -> str:
    """A run's readable name: the one it was given, else its experiment and what differs."""
    if run.name:
        return run_parts.name_of(run)
    title = _TITLES.get(run.experiment, run.experiment)
    words = run_parts.config_name(run.experiment, run.config_fields).split(", ")
    if words[0] in _COURSE:
        words = words[1:] or ["the course's settings"]
    return f"{title}: {', '.join(words)}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago something was: ``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 2 * 86_400:
        return f"{seconds // 3600:.0f} h ago"
    return f"{seconds // 86_400:.0f} days ago"


def _newest() -> list[Run]:
    return open_store().list(limit=SHOWN)


def _line(run: Run) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"home.runs.{run.id}"
    ):
        st.markdown(f"**{page.plain(readable(run))}**", width="content")
        st.caption(f"{_words(run)} · {ago(run.created)}", width="content")
        if (there := navigation.experiment_page(run.experiment)) is not None:
            st.page_link(
                there,
                label="Open",
                icon=":material/arrow_forward:",
                query_params={"tab": "Train", "runs": run.id},
            )
        if run.status.live:
            st.button(
                "Stop",
                icon=":material/stop:",
                type="tertiary",
                disabled=run.request is not None,
                key=f"home.runs.{run.id}.Stop",
                on_click=clicks.act,
                args=(run.stop,),
            )
        else:
            st.button(
                "Delete",
                icon=":material/delete:",
                type="tertiary",
                help="It can be undone.",
                key=f"home.runs.{run.id}.Delete",
                on_click=callbacks.delete,
                args=([run.id],),
            )


def _words(run: Run) -> str:
    """A run's status and result."""
    words = [str(run.status)]
    if run.status == Status.RUNNING:
        words.append(f"{run.progress:.0%}")
    latest = run.latest()
    if accuracies := accuracy_words(latest):
        words += accuracies
    elif "loss" in latest:
        words.append(f"loss {latest['loss']:.4g}")
    return " · ".join(words)
