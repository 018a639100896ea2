"""The graph component: draws the graph, zooms, pans and steps through it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.autograd.program import Program
from mlcore.autograd.records import Graph
from mlcore.autograd.tracing import Trace
from mlcore.autograd.walk import walk
from mlcore.charts.autograd import (
    Payload,
    describe,
    graph_payload,
    without_answers,
    without_gradients,
)
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

_RAN: Final = "autograd_ran"

_component = component(
    "mlcore_autograd_graph",
    html=asset("autograd/graph.html"),
    css=asset("autograd/graph.css"),
    js=asset("autograd/graph.js"),
)


def has_run(program: Program) -> bool:
    """Whether the backward pass of this program was stepped through to its end."""
    return bool(st.session_state.get(_RAN) == program.text)


def graph_view(trace: Trace, *, key: str, answers: bool = True, height: int = 700) -> None:
    """Draw a trace's graph with the stepper, at its first step.

    Stepping happens in the browser; the page reruns only when the backward pass has ended and
    when the user steps back from its end.

    Args:
        trace: What to draw.
        key: Unique on the page.
        answers: False draws values alone, while a learner is to predict the rest.
        height: Of the picture at most, in pixels.
    """
    graph = trace.graph if answers else without_answers(trace.graph)
    stops = [stop for stop in walk(trace) if answers or stop.phase == "forward"]
    ran = has_run(trace.program) or not answers
    known = graph if ran else without_gradients(graph)

    def told() -> None:
        st.session_state[_RAN] = st.session_state[key].ended

    _component(
        key=key,
        data={
            **graph_payload(graph, stops),
            "height": height,
            "alt": describe(known),
            "program": trace.program.text,
            "ran": ran,
        },
        default={"ended": ""},
        on_ended_change=told,
    )


def still_graph(graph: Graph, *, key: str, height: int = 300) -> None:
    """Draw a graph without a stepper, such as the graph of a gradient."""
    _component(key=key, data={**graph_payload(graph), "height": height, "alt": describe(graph)})


def draw(payload: Payload, *, key: str, alt: str, height: int = 700) -> None:
    """Draw a graph of any kind that comes with its layout, such as that of a model.

    Args:
        payload: As ``graph_payload`` makes it.
        key: Unique on the page.
        alt: The graph in words.
        height: Of the picture at most, in pixels.
    """
    _component(key=key, data={**payload, "height": height, "alt": alt})
