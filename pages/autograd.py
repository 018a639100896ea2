"""Automatic differentiation: type a program, change its inputs, see what autograd does."""

from collections.abc import Callable

import streamlit as st

from mlcore.ui import page

page.header(
    "Automatic differentiation",
    "How does PyTorch know the gradient of a program?",
)

from mlcore.autograd import ProgramError, trace
from mlcore.autograd.presets import PRESETS
from mlcore.course.autograd import State
from mlcore.ui import tasks
from mlcore.ui.autograd.code_view import code_view
from mlcore.ui.autograd.curve_view import curve_view
from mlcore.ui.autograd.derivatives_view import higher_view, proof_view
from mlcore.ui.autograd.graph_view import graph_view, has_run
from mlcore.ui.autograd.ledger_form import failure_view, ledger_view
from mlcore.ui.autograd.narrow import stack_on_narrow_screens
from mlcore.ui.autograd.program_form import program_form, show_pointer
from mlcore.ui.autograd.table_view import predicting, table_view


@st.fragment
def bench() -> None:
    """Everything below the header; moving a leaf reruns only this part."""
    stack_on_narrow_screens()
    controls, picture = page.columns()
    with controls:
        given = program_form()
    if given is None:
        return
    program, leaves = given
    with picture:
        try:
            traced = trace(program, leaves)
        except ProgramError as error:
            show_pointer(error)
            return
        guessing = predicting(traced)
        with st.container(key="autograd_picture"):
            graph_view(traced, key="graph", answers=not guessing)
        views: dict[str, Callable[[], object]] = {
            "Tensors": lambda: table_view(traced),
            "Ledger of .grad": lambda: ledger_view(program, leaves),
            "Curve": lambda: curve_view(program, leaves),
            "Second derivatives": lambda: higher_view(traced),
            "Proof": lambda: proof_view(program, leaves),
            "As Python": lambda: code_view(program, leaves),
        }
        with st.container(key="autograd_views"):
            if traced.failure:
                failure_view(traced.failure)
            for tab, view in zip(
                st.tabs(list(views), key="view", bind="query-params"), views.values(), strict=True
            ):
                if tab.open:
                    with tab:
                        view()
    with controls, st.container(key="autograd_notes"):
        preset = st.session_state.get("preset")
        if preset and not guessing and has_run(program):  # before, it would give the answer away
            st.caption(PRESETS[preset].look)
        st.caption("Copy the URL to share this program with its inputs and the open tab.")
    tasks.look("autograd", State(traced))


bench()
page.explain(
    "How the graph, the gradients and the proof are computed", "autograd", key="autograd.text"
)
