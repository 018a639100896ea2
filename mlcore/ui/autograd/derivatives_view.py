"""Second derivatives, and the check of all derivatives by finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from mlcore.autograd import Leaf, Program, Trace
from mlcore.autograd.explain import Failure
from mlcore.autograd.higher import gradient_graph, second_derivatives
from mlcore.autograd.proof import Difference, differences, frame
from mlcore.autograd.verdicts import Verdict
from mlcore.ui import page
from mlcore.ui.autograd.graph_view import still_graph
from mlcore.ui.autograd.ledger_form import failure_view

MAX_DRAWN: Final = 250


def higher_view(trace: Trace) -> None:
    """Gradient, Hessian, the gradient's own graph, and what happens without ``create_graph``."""
    if trace.failure:
        failure_view(trace.failure)
        return
    try:
        second = second_derivatives(trace.program, trace.leaves)
    except ValueError as error:
        page.error(error)
        return
    z = trace.program.output_name
    left, right = st.columns(2)
    with left:
        st.markdown(f"Gradient, $\\partial {_math(z)} / \\partial \\cdot$")
        st.dataframe(
            pd.DataFrame([second.gradient], columns=list(second.names), index=["∂" + z]),
            key="gradient",
            alt=f"Gradient of {z}",
        )
    with right:
        st.markdown("Hessian: by the row's input, then by the column's")
        st.dataframe(
            pd.DataFrame(
                second.hessian, index=list(second.names), columns=list(second.names), dtype=float
            ),
            key="hessian",
            alt=f"Hessian of {z}: {second.names} by {second.names}",
        )
    wanted = [name for name, given in trace.leaves.items() if given.requires_grad]
    if st.session_state.get("graph_by") not in wanted:
        st.session_state["graph_by"] = wanted[0]
    by = st.pills(
        "The graph of a gradient, recorded by create_graph=True. Gradient by:",
        wanted,
        key="graph_by",
        persist_state="session",
        required=True,
    )
    graph = gradient_graph(trace.program, trace.leaves, by or wanted[0])
    if graph is None:
        st.info(
            f"∂{z}/∂{by} is a constant: it depends on no input that requires a gradient, so it has "
            "no grad_fn, and all its second derivatives are 0."
        )
    elif len(graph.nodes) > MAX_DRAWN:
        st.info(f"The gradient's graph has {len(graph.nodes)} nodes, too many to draw legibly.")
    else:
        still_graph(graph, key="gradient_graph")
    _without(second.without_create_graph)


def _without(failure: Failure | None) -> None:
    if failure is not None:
        with st.expander("What happens without create_graph=True?", key="without_create_graph"):
            failure_view(failure, expected=True)


def proof_view(program: Program, leaves: Mapping[str, Leaf]) -> None:
    """Every derivative by autograd and by finite differences, in float64."""
    order = 2 if st.toggle("Second derivatives too", key="proof_second") else 1
    try:
        found = differences(program, leaves, order=2 if order == 2 else 1)
    except (ValueError, RuntimeError) as error:
        page.error(error)
        return
    st.markdown(_summary(found))
    for verdict in Verdict:
        named = [d.derivative for d in found if d.verdict is verdict]
        if named and verdict is not Verdict.AGREE:
            shown = ", ".join(named[:6]) + (" and others" if len(named) > 6 else "")
            st.markdown(
                f"- **{verdict.value.capitalize()}**: {page.plain(shown)}. {verdict.sentence}"
            )
    st.dataframe(
        frame(found),
        hide_index=True,
        key="proof",
        column_config={
            "autograd": st.column_config.NumberColumn(format="%.10g"),
            "finite difference": st.column_config.NumberColumn(format="%.10g"),
            "relative error": st.column_config.NumberColumn(format="%.1e"),
        },
        alt="Each derivative by autograd and by a finite difference, with the verdict",
    )


def _summary(found: tuple[Difference, ...]) -> str:
    errors = [d.relative_error for d in found if d.verdict is Verdict.AGREE]
    if not errors:
        return f"**None of {len(found)} agrees.**" if len(found) > 1 else "**It does not agree.**"
    most = f"with a relative error of at most {max(errors):.1e}"
    if len(errors) < len(found):
        return f"**{len(errors)} of {len(found)} agree{'s' * (len(errors) == 1)}**, {most}."
    return f"**All {len(found)} agree**, {most}." if len(found) > 1 else f"**It agrees**, {most}."


def _math(name: str) -> str:
    return name if len(name) == 1 else rf"\mathit{{{name}}}".replace("_", r"\_")
