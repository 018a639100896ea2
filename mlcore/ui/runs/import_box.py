"""The upload box that imports runs: mlcore's exports and TensorBoard event files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.runs import Run, Store, open_store
from mlcore.runs.imports import import_content
from mlcore.ui import page
from mlcore.ui.common import clicks
from mlcore.ui.runs import selection

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_ROUND: Final = "runs imported so far"
_DONE: Final = "runs just imported"
_LEFT_OUT: Final = "left out of the import"
_MOST_SENTENCES: Final = 10


def show() -> None:
    """Draw the box; imported runs become chosen in the table."""
    done = st.session_state.pop(_DONE, None)
    left_out = st.session_state.pop(_LEFT_OUT, [])
    with st.expander(
        "Import",
        icon=":material/move_to_inbox:",
        expanded=bool(done or left_out),
        key="runs.bring",
    ):
        # a box is emptied by taking a new one
        box = f"runs.bring.files.{st.session_state.get(_ROUND, 0)}"
        files = st.file_uploader(
            "Exports of this app (zip, CSV, Parquet, JSON), or TensorBoard's event files",
            accept_multiple_files=True,
            help="Checksums are verified, nothing in a file is executed, and imported runs are "
            "marked and read-only. If a training wrote several folders or was restarted, "
            "drop a zip of its log folder to import it as one run; a single event file "
            "becomes a run by itself.",
            key=box,
        )
        st.button(
            "Import",
            disabled=not files,
            key="runs.bring.do",
            on_click=_bring_in,
            args=(box,),
        )
        if done:
            st.success(done, icon=":material/check:")
        if left_out:
            more = len(left_out) - _MOST_SENTENCES
            shown = left_out[:_MOST_SENTENCES] + ([f"… and {more} more."] if more > 0 else [])
            st.warning("\n\n".join(map(page.plain, shown)), icon=":material/warning:")


def _bring_in(box: str) -> None:
    store = open_store()
    found: list[Run] = []
    left_out: list[str] = []
    refused = [
        clicks.take_refusal() or ""
        for file in st.session_state[box]
        if not clicks.attempt(_read, store, file, found, left_out)
    ]
    if len(refused) == 1 and not found:
        clicks.refuse(refused[0])
    else:
        left_out += refused
    if found:
        selection.choose([run.id for run in found])
        count = f"Run {found[0].id} is" if len(found) == 1 else f"{len(found)} runs are"
        st.session_state[_DONE] = f"{count} imported."
    if left_out:
        st.session_state[_LEFT_OUT] = left_out
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _read(store: Store, file: UploadedFile, found: list[Run], left_out: list[str]) -> None:
    found += import_content(store, file.getvalue(), file.name, left_out.append)
