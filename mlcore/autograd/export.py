"""Exports a trace as a table and as Graphviz text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from mlcore.autograd.inputs import Nested
from mlcore.autograd.records import Graph, TensorRow

if TYPE_CHECKING:
    import pandas as pd


def number_text(value: float) -> str:
    """A number in at most six significant digits: ``3``, ``-0.25``, ``1.2e-07``."""
    text = f"{value:.6g}"
    return "0" if text == "-0" else text


def value_text(value: Nested | None, limit: int = 6) -> str:
    """A tensor's elements on one line: ``[1, 2, 3]``; rows beyond ``limit`` become ``…``."""
    if value is None:
        return "None"
    if not isinstance(value, tuple):
        return number_text(value)
    shown = [value_text(item, limit) for item in value[:limit]]
    return "[" + ", ".join(shown + ["…"] * (len(value) > limit)) + "]"


def tensor_frame(rows: Sequence[TensorRow]) -> pd.DataFrame:
    """One row per tensor; ``value`` and ``grad`` are nested tuples, ``grad`` may be None."""
    import pandas as pd

    names = [field.name for field in fields(TensorRow)]
    return pd.DataFrame(
        {name: pd.Series([getattr(row, name) for row in rows], dtype=object) for name in names}
    ).set_index("name")


def dot(graph: Graph) -> str:
    """The graph in Graphviz's DOT language; saved tensors are in the nodes' tooltips."""
    lines = ["digraph autograd {", "  rankdir=LR;", "  node [shape=box, fontname=Helvetica];"]
    for node in graph.nodes:
        parts = [node.name, node.op, f"value {value_text(node.value)}"]
        if node.grad is not None:
            parts.append(f"grad {value_text(node.grad)}")
        label = "\\n".join(_escaped(part) for part in parts if part)
        saved = ", ".join(f"{s.slot}={value_text(s.value)}" for s in node.saved)
        style = ', style=dashed, tooltip="requires no gradient"' if node.kind == "constant" else ""
        tooltip = f', tooltip="saved: {_escaped(saved)}"' if saved else ""
        lines.append(f'  n{node.index} [label="{label}"{style}{tooltip}];')
    for edge in graph.edges:
        if edge.slot < 0:
            lines.append(f"  n{edge.source} -> n{edge.target} [style=dashed];")
            continue
        local = value_text(edge.local.value) if edge.local else ""
        flow = value_text(edge.flow) if edge.flow is not None else ""
        text = "\\n".join(
            _escaped(part) for part in (local and f"× {local}", flow and f"grad {flow}") if part
        )
        lines.append(f'  n{edge.source} -> n{edge.target} [label="{text}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
