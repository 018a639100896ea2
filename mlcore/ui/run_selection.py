"""The runs that the page of an experiment shows; the choice is stored in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from mlcore.runs import Run, Status, open_store
from mlcore.ui import run_parts
from mlcore.ui.widget_state import changed_by_user, set_widget

_PARAM: Final = "runs"
_OFFERED: Final = 50
"""Runs that the list offers: the newest ones."""


class Selection:
    """The chosen runs of one experiment.

    Args:
        experiment: Its name.
        key: Prefix of all keys.
    """

    def __init__(self, experiment: str, key: str) -> None:
        self._experiment = experiment
        self._key = f"{key}.runs"

    def newest(self) -> list[Run]:
        """The runs to choose from, newest first."""
        return open_store().list(self._experiment, limit=_OFFERED)

    def ids(self) -> list[str]:
        """Ids of the runs to show, from the URL, the session, or else the newest run."""
        if _PARAM in st.query_params:
            return [run_id for run_id in st.query_params[_PARAM].split(",") if run_id]
        kept: list[str] | None = st.session_state.get(self._key)
        return [run.id for run in self.newest()[:1]] if kept is None else kept

    def show(self, run_id: str) -> None:
        """Add a run to the shown ones, in front; failed runs are dropped."""
        failed = {run.id for run in self.newest() if run.status == Status.FAILED}
        self._remember([run_id, *(one for one in self.ids() if one not in {run_id, *failed})])

    def show_only(self, run_ids: Sequence[str]) -> None:
        """Show these runs, and no other."""
        self._remember(list(run_ids))

    def choose(self, offered: Sequence[Run]) -> list[str]:
        """Draw a list to choose runs; return the ids of the chosen ones."""
        ids = self.ids()
        names = {run.id: f"{run_parts.name_of(run)} · {run.id}" for run in offered}
        widget = set_widget(f"{self._key}.chosen", ids)

        def choose() -> None:
            if changed_by_user(widget):
                self._remember(st.session_state[widget])

        st.multiselect(
            "Runs to show",
            list(dict.fromkeys([*ids, *names])),
            format_func=lambda run_id: names.get(run_id, run_id),
            placeholder="Choose runs",
            key=widget,
            persist_state="session",
            on_change=choose,
        )
        self._remember(ids)
        return ids

    def _remember(self, ids: list[str]) -> None:
        st.session_state[self._key] = ids
        text = ",".join(ids)
        if st.query_params.get(_PARAM) != text:
            st.query_params[_PARAM] = text
