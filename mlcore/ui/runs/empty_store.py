"""What the page *Runs* shows while the store is empty."""

from __future__ import annotations

import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page, run_parts
from mlcore.ui.runs import import_box


def show() -> None:
    """Say that there are no runs yet, and offer to make or import the first."""
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
