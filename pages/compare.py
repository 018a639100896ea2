"""Compare: curves and differences of chosen runs, and whether a difference is more than luck."""

import streamlit as st

from mlcore.ui import navigation, page

page.header("Compare", "Is one run better than another, or was it luck?")

from mlcore.runs import open_store
from mlcore.ui.runs import compare_form, compare_view


def show() -> None:
    """The page below its header: the form on the left, the comparison on the right."""
    store = open_store()
    runs, missing = compare_form.runs_to_compare(store)
    controls, picture = page.columns()
    asked = None
    with controls, page.sentences():
        compare_form.choose_runs(store, runs)
        st.page_link(
            navigation.page("runs"), label="Choose in the table", icon=":material/table_rows:"
        )
        if runs:
            asked = compare_form.ask(runs)
            compare_form.choose_baseline(runs)
    with picture, page.sentences():
        for run_id in missing:
            page.error(f"No run has the id {run_id}; it may have been deleted.")
        if asked is not None:
            compare_view.show(store, asked)
        elif not runs:
            st.info(
                "Choose two or more *Runs to compare*, or select them in the table of the page "
                "Runs.",
                icon=":material/compare_arrows:",
            )


with page.sentences():
    show()
