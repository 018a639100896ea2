"""JSON data for the graph and the curve on the autograd page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from mlcore.autograd.curve import Curve
from mlcore.autograd.export import value_text
from mlcore.autograd.inputs import Nested
from mlcore.autograd.records import Edge, Graph, Node
from mlcore.autograd.walk import Stop
from mlcore.charts import palette
from mlcore.charts.layered import layered

Payload: TypeAlias = dict[str, Any]
"""JSON values; numbers are written out, since JSON has no NaN."""

COLOURS = {"value": palette.VALUE, "gradient": palette.GRADIENT, "theory": palette.THEORY}


def without_answers(graph: Graph) -> Graph:
    """The graph with values only, for a learner who is to predict what autograd does."""
    nodes = tuple(
        replace(n, kind="operation", op="", grad=None, saved=(), backward_order=None)
        for n in graph.nodes
    )
    edges = tuple(replace(e, slot=0, local=None, flow=None) for e in graph.edges)
    return Graph(nodes, edges, graph.root)


def without_gradients(graph: Graph) -> Graph:
    """The graph before the backward pass."""
    nodes = tuple(replace(n, grad=None, backward_order=None) for n in graph.nodes)
    return Graph(nodes, tuple(replace(e, flow=None) for e in graph.edges), graph.root)


def graph_payload(graph: Graph, stops: Sequence[Stop] = ()) -> Payload:
    """A graph with its layout, texts on nodes and edges, and the stops of the walk.

    ``shape`` names the drawing's structure: while it stays the same, only texts changed and
    nothing may move.
    """
    layout = layered(len(graph.nodes), tuple((e.source, e.target) for e in graph.edges))
    users = [sum(e.source == n.index for e in graph.edges) for n in graph.nodes]
    return {
        "shape": "|".join(
            [*(f"{n.name}:{n.op}" for n in graph.nodes)]
            + [f"{e.source}>{e.target}" for e in graph.edges]
        ),
        "root": graph.root,
        "nodes": [
            _node(node, layout.layers[i], layout.places[i], users[i])
            for i, node in enumerate(graph.nodes)
        ],
        "edges": [
            _edge(edge, route) for edge, route in zip(graph.edges, layout.routes, strict=True)
        ],
        "stops": [
            {
                "phase": stop.phase,
                "node": stop.node,
                "edges": list(stop.edges),
                "math": stop.formula.mathml,
                "latex": stop.formula.latex,
            }
            for stop in stops
        ],
        "colours": COLOURS,
    }


def describe(graph: Graph) -> str:
    """The graph in sentences, as its alt text."""
    said = []
    for node in graph.nodes:
        grad = "" if node.grad is None else f", gradient {value_text(node.grad)}"
        names = ", ".join(graph.nodes[e.source].name for e in graph.incoming(node.index))
        of = f" from {names}" if names else ""
        said.append(f"{node.name}{of}: value {value_text(node.value)}{grad}.")
    return " ".join(said)


def curve_payload(curve: Curve, output: str) -> Payload:
    """A curve's three panels; values that are not finite become gaps."""
    return {
        "name": curve.name,
        "output": output,
        "now": curve.now,
        "x": [round(x, 6) for x in curve.x],
        "panels": [
            {"label": f"f = {output}", "y": _finite(curve.f)},
            {"label": f"f′ = ∂{output}/∂{curve.name}", "y": _finite(curve.first)},
            {"label": f"f″ = ∂²{output}/∂{curve.name}²", "y": _finite(curve.second)},
        ],
        "colours": COLOURS,
    }


def short(value: Nested | None) -> str:
    """A tensor as a short text that fits a node: ``0.25``, ``[1, 2]``, ``2×3``."""
    if value is None:
        return ""
    if not isinstance(value, tuple):
        return _digits(value)
    if isinstance(value[0], tuple):
        return f"{len(value)}×{len(value[0])}"
    for digits in (3, 2):
        text = "[" + ", ".join(_digits(v, digits) for v in value if isinstance(v, float)) + "]"
        if len(text) <= 21:
            return text
    return f"{len(value)} numbers"


def _digits(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}g}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e")


def _node(node: Node, layer: int, place: float, users: int) -> Payload:
    where = f"line {node.line}, column {node.column}" if node.line else ""
    return {
        "name": node.name,
        "kind": node.kind,
        "op": node.op or ("no grad_fn" if node.kind == "constant" else ""),
        "layer": layer,
        "place": place,
        "value": short(node.value),
        "grad": short(node.grad),
        "saved": ", ".join(
            f"{saved.slot} = {saved.name or value_text(saved.value)}" for saved in node.saved
        ),
        "record": [
            ["value", value_text(node.value) if node.value is not None else "not named"],
            ["shape", str(list(node.shape))],
            ["dtype", node.dtype],
            *([] if node.grad is None else [["gradient", value_text(node.grad)]]),
            *([["node", node.op]] if node.op else []),
            *([["node", "none: no gradient is required"]] if node.kind == "constant" else []),
            *(
                [f"saved {saved.slot}", f"{saved.name} = {value_text(saved.value)}".lstrip(" =")]
                for saved in node.saved
            ),
            [
                "used by",
                f"{users} operation{'s' * (users != 1)}" if users else "nothing: the output",
            ],
            *([["typed at", where]] if where else []),
            *(
                [["backward", f"step {node.backward_order + 1} of the engine"]]
                if node.backward_order is not None
                else []
            ),
        ],
    }


def _edge(edge: Edge, route: Sequence[tuple[int, float]]) -> Payload:
    local = ""
    if edge.local is not None:
        value = edge.local.value
        rows = value if isinstance(value, tuple) else ()
        row = rows[0] if rows and isinstance(rows[0], tuple) else ()
        local = {
            "scalar": f"×{short(value)}",
            "elementwise": f"⊙{short(value)}",
            "jacobian": f"J {len(rows)}×{len(row)}",
        }[edge.local.kind]
    elif edge.flow is not None:
        local = "J"
    return {
        "source": edge.source,
        "target": edge.target,
        "slot": edge.slot,
        "route": [list(bend) for bend in route],
        "local": local,
        "flow": short(edge.flow),
        "localFull": "" if edge.local is None else value_text(edge.local.value),
        "flowFull": "" if edge.flow is None else value_text(edge.flow),
    }


def _finite(values: Sequence[float]) -> list[float | None]:
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in values]
