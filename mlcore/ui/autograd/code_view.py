"""The program as code to paste: plain PyTorch, and the call of this package."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mlcore.autograd import Leaf, Program
from mlcore.autograd.as_pytorch import as_pytorch, as_trace


def code_view(program: Program, leaves: Mapping[str, Leaf]) -> None:
    """Code that gives exactly the numbers on the page."""
    order = 2 if st.toggle("With second derivatives", key="code_second") else 1
    st.caption("Plain PyTorch")
    st.code(as_pytorch(program, leaves, order=order), language="python")
    st.caption("With this package")
    st.code(as_trace(program, leaves, order=order), language="python", wrap_lines=True)
