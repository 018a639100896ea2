"""What one can take along of chosen runs; nothing is built before somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from mlcore.runs.comparison import Comparison
    from mlcore.ui.runs.lines import Lines


def popover(run_ids: Sequence[str], *, key: str) -> None:
    """A button that opens the list of files.

    Args:
        run_ids: The runs to take along.
        key: Prefix of all keys.
    """
    with st.popover("Take along", icon=":material/download:", disabled=not run_ids, key=key):
        pass


def of_comparison(comparison: Comparison, lines: Lines) -> None:
    """Files of a comparison: its points, its chart, its report."""
