"""Shared by the tabs of the MNIST page: the form's key, and the chosen runs."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store
from mlcore.ui import run_parts
from mlcore.ui.widget_state import changed_by_user, set_widget

__all__ = ["FORM", "MNISTConfig", "choose_runs", "chosen_ids", "newest_runs", "show_run"]

FORM: Final = "mnist"
_RUNS: Final = "runs"
_OFFERED: Final = 50
"""Runs that the list offers: the newest ones."""


def newest_runs() -> list[Run]:
    """The runs to choose from, newest first."""
    return open_store().list("mnist", limit=_OFFERED)


def chosen_ids() -> list[str]:
    """Ids of the runs to show, from the URL, the session, or else the newest run."""
    if _RUNS in st.query_params:
        return [run_id for run_id in st.query_params[_RUNS].split(",") if run_id]
    kept: list[str] | None = st.session_state.get(_RUNS)
    if kept is not None:
        return kept
    return [run.id for run in newest_runs()[:1]]


def show_run(run_id: str) -> None:
    """Add a run to the shown ones, in front; failed runs are dropped."""
    failed = {run.id for run in newest_runs() if run.status == Status.FAILED}
    _remember([run_id, *(known for known in chosen_ids() if known not in {run_id, *failed})])


def show_only(run_ids: Sequence[str]) -> None:
    """Show these runs, and no other."""
    _remember(list(run_ids))


def choose_runs(offered: Sequence[Run]) -> list[str]:
    """A list to choose runs; the choice is stored in the URL."""
    ids = chosen_ids()
    names = {run.id: f"{run_parts.name_of(run)} · {run.id}" for run in offered}
    options = list(dict.fromkeys([*ids, *names]))
    widget = set_widget("mnist.runs", ids)

    def choose() -> None:
        if changed_by_user(widget):
            _remember(st.session_state[widget])

    st.multiselect(
        "Runs to show",
        options,
        format_func=lambda run_id: names.get(run_id, run_id),
        placeholder="Choose runs",
        key=widget,
        persist_state="session",
        on_change=choose,
    )
    _remember(ids)
    return ids


def _remember(ids: list[str]) -> None:
    st.session_state[_RUNS] = ids
    text = ",".join(ids)
    if st.query_params.get(_RUNS) != text:
        st.query_params[_RUNS] = text
