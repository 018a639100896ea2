"""Local derivatives of the edges, by calling each node's backward formula in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias, cast

import torch
from torch.autograd.graph import Node as Function

from mlcore.autograd.evaluate import Run
from mlcore.autograd.functions import function
from mlcore.autograd.records import Graph, Local, LocalKind, nested

MAX_JACOBIAN: Final = 256
"""Largest Jacobian of one edge that is worked out and shown, in numbers."""

# PyTorch's nodes can be called, though their type does not say so
Formula: TypeAlias = Callable[[torch.Tensor], torch.Tensor | tuple[torch.Tensor, ...]]


def with_locals(graph: Graph, places: Mapping[Function, int], run: Run) -> Graph:
    """The same graph with the local derivative of each edge.

    Each node of PyTorch is itself called, with a 1 for one of its elements at a time; it must not
    have been freed by a backward pass.
    """
    made = {m.behind: m.tensor for m in run.made if m.behind is not None}
    behind = {index: node for node, index in places.items()}
    edges = list(graph.edges)
    with torch.no_grad():
        for index, node in enumerate(graph.nodes):
            fn = behind.get(index)
            tensor = made.get(fn) if fn is not None else None
            if fn is None or tensor is None or node.kind != "operation":
                continue
            slots = {e.slot: i for i, e in enumerate(edges) if e.target == index and e.slot >= 0}
            inputs = {slot: graph.nodes[edges[i].source].shape for slot, i in slots.items()}
            for slot, local in _locals(fn, tensor, node.function, inputs).items():
                edges[slots[slot]] = replace(edges[slots[slot]], local=local)
    return Graph(graph.nodes, tuple(edges), graph.root)


def _locals(
    fn: Function, tensor: torch.Tensor, name: str, inputs: Mapping[int, tuple[int, ...]]
) -> dict[int, Local]:
    if name and function(name).elementwise:
        given = cast("Formula", fn)(torch.ones_like(tensor))
        found: dict[int, Local] = {}
        for slot, shape in inputs.items():
            kind: LocalKind = "scalar" if tensor.dim() == 0 and not shape else "elementwise"
            found[slot] = Local(kind, nested(_tuple(given)[slot].expand_as(tensor)))
        return found
    sizes = {slot: int(torch.Size(shape).numel()) for slot, shape in inputs.items()}
    if not sizes or tensor.numel() * max(sizes.values()) > MAX_JACOBIAN:
        return {}
    rows: dict[int, list[torch.Tensor]] = {slot: [] for slot in inputs}
    for one in torch.eye(tensor.numel(), dtype=tensor.dtype).unbind():
        given = cast("Formula", fn)(one.reshape(tensor.shape))
        for slot in inputs:
            rows[slot].append(_tuple(given)[slot].reshape(-1))
    kinds: dict[int, LocalKind] = {
        slot: "scalar" if tensor.dim() == 0 and not inputs[slot] else "jacobian" for slot in inputs
    }
    return {
        slot: Local(kinds[slot], nested(row[0][0] if kinds[slot] == "scalar" else torch.stack(row)))
        for slot, row in rows.items()
    }


def _tuple(given: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return given if isinstance(given, tuple) else (given,)
