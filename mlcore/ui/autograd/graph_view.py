"""The graph on the page: a component that draws it, zooms, pans and walks over it."""

from __future__ import annotations

import streamlit as st

from mlcore.autograd.records import Graph
from mlcore.autograd.tracing import Trace
from mlcore.autograd.walk import walk
from mlcore.charts.autograd import describe, graph_payload, without_answers
from mlcore.ui.common.assets import asset

_component = st.components.v2.component(
    "mlcore_autograd_graph",
    html=asset("autograd/graph.html"),
    css=asset("autograd/graph.css"),
    js=asset("autograd/graph.js"),
)


def graph_view(trace: Trace, *, key: str, answers: bool = True, height: int = 520) -> None:
    """Draw a trace's graph with the stepper; stepping happens in the browser alone.

    Args:
        trace: What to draw.
        key: Unique on the page.
        answers: False draws values alone, while a learner is to predict the rest.
        height: Of the picture at most, in pixels.
    """
    graph = trace.graph if answers else without_answers(trace.graph)
    stops = [stop for stop in walk(trace) if answers or stop.phase == "forward"]
    payload = graph_payload(graph, stops)
    _component(key=key, data={**payload, "height": height, "alt": describe(graph)})


def still_graph(graph: Graph, *, key: str, height: int = 300) -> None:
    """Draw a graph without a stepper, such as the graph of a gradient."""
    _component(key=key, data={**graph_payload(graph), "height": height, "alt": describe(graph)})
