"""Runs: find, organize, compare and export runs."""

import streamlit as st

from mlcore.ui import page

page.header("Runs", "Which runs have I made, and which is the best?")

from mlcore.runs import open_store
from mlcore.runs.store.run_table import run_table
from mlcore.ui.runs import controls, empty_store, import_box, listing


def show() -> None:
    """The page below its header: view settings on the left, the table on the right."""
    store = open_store()
    runs, trash = run_table(store), run_table(store, deleted=True)
    listing.say_damaged(runs, trash)
    if runs.empty and trash.empty:
        empty_store.show()
        return
    left, right = st.columns((1, 3), gap="medium")  # a table needs more room than a picture
    right.html('<i class="list-first"></i>')  # page.css: first on a narrow screen
    with left, page.sentences():
        section = controls.choose_section()
    with right, page.sentences():
        where = controls.filter_line()
    with left, page.sentences():
        view = controls.show(trash if section == "trash" else runs, where, section)
        import_box.show()
    with right, page.sentences():
        listing.show(view)


with page.sentences():
    show()
