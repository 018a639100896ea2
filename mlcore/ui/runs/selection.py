"""The runs chosen in the table, and the baseline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import streamlit as st

from mlcore.ui.widget_state import changed_by_user, set_widget

TABLE: Final = "runs.table"
"""Key of the table's widget."""
BASELINE: Final = "baseline"
"""Query parameter, and key in the session, of the baseline's id."""
_CHOSEN: Final = "runs.chosen"


def chosen() -> list[str]:
    """Ids of the chosen runs, in the order in which they were chosen."""
    ids: list[str] = st.session_state.get(_CHOSEN, [])
    return ids


def choose(run_ids: Sequence[str]) -> None:
    """Choose these runs and no others."""
    st.session_state[_CHOSEN] = list(run_ids)


def drop_unknown(known: Collection[str]) -> None:
    """Drop chosen runs that are no longer in the table, such as deleted ones."""
    there = set(known)
    if not there.issuperset(chosen()):
        choose([run_id for run_id in chosen() if run_id in there])


def select_rows(shown: Sequence[str]) -> str:
    """Mark the chosen runs in the table, wherever they stand by now.

    The browser knows rows by their place alone, so the places are set anew whenever rows come,
    go or move.

    Args:
        shown: Ids of the rows, from top to bottom.

    Returns:
        The key of the table.
    """
    places = {run_id: place for place, run_id in enumerate(shown)}
    wanted = {places[run_id] for run_id in chosen() if run_id in places}
    now = st.session_state.get(TABLE)
    if now is not None and set(now["selection"]["rows"]) == wanted:
        return set_widget(TABLE, now)  # in the browser's own order
    selection: dict[str, Any] = {"rows": sorted(wanted), "columns": [], "cells": []}
    return set_widget(TABLE, {"selection": selection})


def on_select(shown: Sequence[str]) -> None:
    """The table's callback: marked runs are chosen; chosen runs that are not shown stay.

    Args:
        shown: Ids of the rows as the browser shows them.
    """
    if not changed_by_user(TABLE):
        return
    rows = [row for row in st.session_state[TABLE]["selection"]["rows"] if row < len(shown)]
    marked, visible = [shown[row] for row in rows], set(shown)
    kept = [run_id for run_id in chosen() if run_id not in visible or run_id in marked]
    choose([*kept, *(run_id for run_id in marked if run_id not in kept)])


def baseline() -> str | None:
    """Id of the baseline, from the URL or else the session."""
    if BASELINE in st.query_params:
        return st.query_params[BASELINE] or None
    kept: str | None = st.session_state.get(BASELINE)
    if kept:
        st.query_params[BASELINE] = kept  # another page's URL did not have it
    return kept


def pin(run_id: str | None) -> None:
    """Make a run the baseline, or remove the baseline."""
    st.session_state[BASELINE] = run_id
    if run_id is None:
        st.query_params.pop(BASELINE, None)
    else:
        st.query_params[BASELINE] = run_id
