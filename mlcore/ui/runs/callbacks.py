"""What a click does to runs: a refusal becomes a sentence, and what was deleted can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from mlcore.runs import open_store
from mlcore.runs.export.missing import MissingExtraError
from mlcore.runs.store.organize import edit, restore, trash
from mlcore.ui import page

REFUSED: Final = "run action refused"
DELETED: Final = "runs just deleted"


def attempt(what: Callable[..., object], *args: Any, **options: Any) -> bool:
    """Call something for a click, in a callback; a refusal is shown by ``show_refusal``.

    Returns:
        Whether it was done.
    """
    try:
        what(*args, **options)
    except (*page.SENTENCES, ValueError, MissingExtraError) as refused:  # also a tag too long
        st.session_state[REFUSED] = str(refused)
        return False
    return True


def act(what: Callable[..., object], *args: Any, **options: Any) -> None:
    """``attempt`` as the callback of a widget."""
    attempt(what, *args, **options)


def show_refusal() -> None:
    """Show the sentence of an action that was refused since the last rerun, once."""
    refused = st.session_state.pop(REFUSED, None)
    if refused is not None:
        page.error(refused)


def change(run_ids: Sequence[str], **fields: Any) -> None:
    """Change fields of runs (see ``mlcore.runs.store.organize.edit``)."""
    attempt(edit, open_store(), run_ids, **fields)


def delete(run_ids: Sequence[str]) -> None:
    """Put runs in the trash and remember it, so that ``undo_notice`` offers to take it back."""
    if attempt(trash, open_store(), run_ids):
        st.session_state[DELETED] = list(run_ids)


def undelete(run_ids: Sequence[str]) -> None:
    """Take runs out of the trash."""
    attempt(restore, open_store(), run_ids)
    left = [run_id for run_id in just_deleted() if run_id not in set(run_ids)]
    st.session_state[DELETED] = left


def just_deleted() -> list[str]:
    """The runs that this tab deleted last and has not taken back."""
    deleted: list[str] = st.session_state.get(DELETED, [])
    return deleted


def undo_notice(*, key: str) -> None:
    """What this tab deleted last, with an undo that stays until it is used or put away."""
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
            "Leave it there",
            type="tertiary",
            key=f"{key}.undo.leave",
            on_click=_forget,
        )


def _forget() -> None:
    st.session_state[DELETED] = []
