"""Explains torch's errors on the page: their text, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mlcore.layers import explain
from mlcore.ui import page


@contextmanager
def refusals() -> Iterator[None]:
    """Show an error that torch raised inside: its text, why, and what to do.

    An error that no setting of a layer leads to is a fault of the program and is raised.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        refusal = explain(error)
        if refusal is None:
            raise
        st.error(f"PyTorch says: **{page.plain(refusal.said)}**", icon=":material/block:")
        st.markdown(f"**Why.** {refusal.meaning}\n\n**What to do.** {refusal.mend}")
