"""Runs made elsewhere: a zip of ours or TensorBoard's event files, dropped on the page."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.runs import Run, Store, open_store
from mlcore.runs.imports import import_zip
from mlcore.runs.imports.tensorboard import import_event_file
from mlcore.ui.runs import callbacks, selection

_ROUND: Final = "runs brought in so far"
_DONE: Final = "runs just brought in"


def show() -> None:
    """A box for files; what was brought in is chosen in the table."""
    done = st.session_state.pop(_DONE, None)
    with st.expander(
        "Bring in", icon=":material/move_to_inbox:", expanded=bool(done), key="runs.bring"
    ):
        # a box is emptied by taking a new one
        box = f"runs.bring.files.{st.session_state.get(_ROUND, 0)}"
        files = st.file_uploader(
            "Zips of runs, or TensorBoard's event files",
            accept_multiple_files=True,
            help="Checksums are checked, nothing in a file is executed, and the runs are marked "
            "and read-only.",
            key=box,
        )
        st.button(
            "Bring in",
            disabled=not files,
            key="runs.bring.do",
            on_click=_bring_in,
            args=(box,),
        )
        if done:
            st.success(done, icon=":material/check:")


def _bring_in(box: str) -> None:
    store, found = open_store(), []
    for file in st.session_state[box]:
        callbacks.attempt(lambda file=file: found.extend(read(store, file.name, file.getvalue())))
    if found:
        selection.choose([run.id for run in found])
        count = f"Run {found[0].id} is" if len(found) == 1 else f"{len(found)} runs are"
        st.session_state[_DONE] = f"{count} here now."
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def read(store: Store, name: str, content: bytes) -> list[Run]:
    """Bring in one file by what its name says it is.

    Raises:
        ImportRefusedError: (a ``ValueError``) If it is damaged, hostile, or nothing of the kind.
        MissingExtraError: If it needs a package that is not installed.
    """
    if name.lower().endswith(".zip"):
        return import_zip(store, content, name)
    return [import_event_file(store, content, name)]
