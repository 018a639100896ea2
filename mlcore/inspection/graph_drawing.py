"""A model's graph as the drawing takes it: laid out, with texts and steps, as JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from mlcore.autograd import formula as f
from mlcore.autograd.formula import Formula
from mlcore.charts.autograd import COLOURS
from mlcore.charts.layered import layered
from mlcore.inspection.graph_nodes import GraphNode, GraphStep, ModelGraph
from mlcore.inspection.summary_text import shape_text

_LONGEST: Final = 19
"""Characters of a name that fit a box; of a longer one the end is shown."""
_PARAMETERS: Final = 3
"""Parameters of one node whose gradients are written out."""
_LEFT: Final = Formula(r"\lVert", "<mo>‖</mo>")
_RIGHT: Final = Formula(r"\rVert", "<mo>‖</mo>")


def payload(graph: ModelGraph) -> dict[str, Any]:
    """A graph with its layout, texts on nodes and edges, and its steps."""
    edges = [(given, node.index) for node in graph.nodes for given in node.inputs]
    layout = layered(len(graph.nodes), tuple(edges))
    return {
        "shape": "|".join(
            [*(f"{n.title}:{n.op}" for n in graph.nodes), *(f"{a}>{b}" for a, b in edges)]
        ),
        "root": len(graph.nodes) - 1,
        "nodes": [
            _node(node, layout.layers[node.index], layout.places[node.index])
            for node in graph.nodes
        ],
        "edges": [
            {
                "source": source,
                "target": target,
                "slot": 0,
                "route": [list(bend) for bend in route],
                "local": "",
                "flow": "",
            }
            for (source, target), route in zip(edges, layout.routes, strict=True)
        ],
        "stops": [_stop(graph, step, edges) for step in graph.steps],
        "mark": "‖∂‖",
        "legend": ["shape of the output", "‖∂‖ norm of the loss's gradient with respect to it"],
        "colours": COLOURS,
    }


def describe(graph: ModelGraph) -> str:
    """The graph in sentences, as its alt text."""
    said = []
    for node in graph.nodes:
        names = ", ".join(graph.nodes[given].title for given in node.inputs)
        norm = "" if math.isnan(node.gradient_norm) else f", gradient {short(node.gradient_norm)}"
        of = f" from {names}" if names else ""
        said.append(f"{node.title} ({node.op}){of}: {shape_text(node.outputs)}{norm}.")
    return " ".join(said)


def short(value: float) -> str:
    """A norm in three digits; empty for NaN."""
    return "" if math.isnan(value) else f"{value:.3g}"


def _node(node: GraphNode, layer: int, place: float) -> dict[str, Any]:
    leaf = node.kind in ("parameter", "input")
    return {
        "name": node.title if len(node.title) <= _LONGEST else f"…{node.title[1 - _LONGEST :]}",
        "title": node.title,
        "kind": "leaf" if leaf else "operation",
        "op": "" if node.op == node.name else node.op,
        "layer": layer,
        "place": place,
        "value": _shape(node),
        "grad": short(node.gradient_norm),
        "saved": "",
        "record": [
            ["kind", node.op],
            ["output", shape_text(node.outputs)],
            *([["operations", str(node.operations)]] if node.operations > 1 else []),
            *([["‖∂‖", short(node.gradient_norm)]] if short(node.gradient_norm) else []),
            *(
                [p.name.removeprefix(f"{node.name}."), _with_norm(p.shape, p.gradient_norm)]
                for p in node.parameters[: 2 * _PARAMETERS]
            ),
            *(
                [["parameters", f"{len(node.parameters)} in all"]]
                if len(node.parameters) > 2 * _PARAMETERS
                else []
            ),
            *([["backward", f"step {node.backward + 1}"]] if node.backward is not None else []),
        ],
    }


def _shape(node: GraphNode) -> str:
    more = f", +{len(node.outputs) - 1}" if len(node.outputs) > 1 else ""
    return shape_text(node.outputs[:1]) + more


def _with_norm(shape: tuple[int, ...], norm: float) -> str:
    return shape_text([shape]) + (f", ‖∂‖ {short(norm)}" if short(norm) else "")


def _stop(graph: ModelGraph, step: GraphStep, edges: Sequence[tuple[int, int]]) -> dict[str, Any]:
    node, forward = graph.nodes[step.node], step.phase == "forward"
    formula = _forward(graph, node) if forward else _backward(node)
    end = 1 if forward else 0
    return {
        "phase": step.phase,
        "node": step.node,
        "edges": [place for place, edge in enumerate(edges) if edge[end] == step.node],
        "math": formula.mathml,
        "latex": formula.latex,
    }


def _forward(graph: ModelGraph, node: GraphNode) -> Formula:
    name = f.symbol(node.title) if node.op == node.name else _named(node)
    given = [
        shape_text(graph.nodes[i].outputs)
        for i in node.inputs
        if graph.nodes[i].kind != "parameter"
    ]
    made = f.text(shape_text(node.outputs))
    return (
        name
        + f.text(": ")
        + (f.text(", ".join(given)) + f.sign("→") if given else made)
        + (made if given else Formula("", ""))
    )


def _named(node: GraphNode) -> Formula:
    return f.symbol(node.title) + f.text(f" {node.op}")


def _backward(node: GraphNode) -> Formula:
    total = _derivative(node.title, node.gradient_norm)
    shown = node.parameters[:_PARAMETERS]
    for parameter in shown:
        name = parameter.name.removeprefix(f"{node.name}.")
        total = total + f.text(", ") + _derivative(name, parameter.gradient_norm)
    return total + f.text(", …") if len(shown) < len(node.parameters) else total


def _derivative(name: str, norm: float) -> Formula:
    value = f.text("none") if math.isnan(norm) else f.number(float(f"{norm:.4g}"))
    slope = f.derivative(f.symbol("loss"), f.symbol(name))
    return _LEFT + slope + _RIGHT + f.sign("=") + value
