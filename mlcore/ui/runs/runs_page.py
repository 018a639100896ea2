"""The page *Runs*: view settings on the left, the table and the chosen run on the right."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import open_store
from mlcore.runs.store.run_table import DAMAGED, run_table
from mlcore.ui import page, run_parts
from mlcore.ui.runs import controls, import_box, listing

_WIDTHS: Final = (1, 3)
"""A table needs more room than a picture: the controls get a quarter."""

_NAMED: Final = 3
"""Damaged runs that are named one by one."""


def show() -> None:
    """Draw the page below its header."""
    store = open_store()
    table, trash = run_table(store), run_table(store, deleted=True)
    if damaged := (*table.attrs[DAMAGED], *trash.attrs[DAMAGED]):
        what = "A run is" if len(damaged) == 1 else f"{len(damaged)} runs are"
        page.error(f"{what} not shown. {' '.join(damaged[:_NAMED])}")
    if not len(table) and not len(trash):
        _nothing_yet()
        return
    left, right = st.columns(_WIDTHS, gap="medium")
    with left, page.sentences():
        kind = controls.choose_shelf()
    with right, page.sentences():
        where = controls.filter_line()
    with left, page.sentences():
        view = controls.show(trash if kind == "trash" else table, where, kind)
        import_box.show()
    with right, page.sentences():
        listing.show(view)


def _nothing_yet() -> None:
    _, picture = page.columns()
    with picture:
        st.info(
            "There are no runs yet. Every training, here or in a script, is saved and appears "
            "here.",
            icon=":material/table_rows:",
        )
        run = run_parts.start_button(MNISTConfig(), "Train the course's network", key="runs.first")
        if run is not None:
            st.rerun()
        import_box.show()
