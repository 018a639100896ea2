"""Callbacks that change runs (edit, delete, restore), and a notice that offers an undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from mlcore.runs import open_store
from mlcore.runs.store.organize import edit, restore, trash
from mlcore.ui.common.clicks import attempt

DELETED: Final = "runs just deleted"


def change(run_ids: Sequence[str], **fields: Any) -> None:
    """Change fields of runs (see ``mlcore.runs.store.organize.edit``)."""
    attempt(edit, open_store(), run_ids, **fields)


def delete(run_ids: Sequence[str]) -> None:
    """Move runs to the trash, and let ``undo_notice`` offer to restore them."""
    if attempt(trash, open_store(), run_ids):
        st.session_state[DELETED] = list(run_ids)


def undelete(run_ids: Sequence[str]) -> None:
    """Take runs out of the trash."""
    attempt(restore, open_store(), run_ids)
    left = [run_id for run_id in just_deleted() if run_id not in set(run_ids)]
    st.session_state[DELETED] = left


def just_deleted() -> list[str]:
    """The runs that this tab deleted last and has not restored."""
    deleted: list[str] = st.session_state.get(DELETED, [])
    return deleted


def undo_notice(*, key: str) -> None:
    """A notice of the last deleted runs with an undo button; it stays until dismissed."""
    deleted = just_deleted()
    if not deleted:
        return
    count = f"Run {deleted[0]} is" if len(deleted) == 1 else f"{len(deleted)} runs are"
    with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"{key}.undo"):
        st.markdown(f":material/delete: {count} in the trash.", width="stretch")
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"{key}.undo.do",
            on_click=undelete,
            args=(deleted,),
        )
        st.button(
            "Dismiss",
            type="tertiary",
            key=f"{key}.undo.leave",
            on_click=_forget,
        )


def _forget() -> None:
    st.session_state[DELETED] = []
