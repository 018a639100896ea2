"""The same as text to paste: plain PyTorch, and this package's own call."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mlcore.autograd import Leaf, Program
from mlcore.autograd.as_pytorch import as_pytorch, as_trace


def code_view(program: Program, leaves: Mapping[str, Leaf]) -> None:
    """Lines that give exactly the numbers on the screen."""
    order = 2 if st.toggle("With second derivatives", key="code_second") else 1
    st.caption("Plain PyTorch")
    st.code(as_pytorch(program, leaves, order=order), language="python")
    st.caption("With this package")
    st.code(as_trace(program, leaves, order=order), language="python", wrap_lines=True)
