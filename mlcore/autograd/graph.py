"""Reads PyTorch's autograd graph: nodes from ``grad_fn``, edges from ``next_functions``.

The learner's names come from matching each tensor's ``grad_fn`` with the node; nothing is derived
from the program's text. Gradients are those that hooks on the nodes catch in a backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import torch
from torch.autograd.graph import Node as Function
from torch.autograd.graph import get_gradient_edge

from mlcore.autograd.evaluate import Made, Run
from mlcore.autograd.program import Program
from mlcore.autograd.records import Edge, Graph, Node, Saved, nested


@dataclass(slots=True)
class Caught:
    """Gradients recorded by hooks in a backward pass, keyed by node of PyTorch's graph."""

    arrived: dict[Function, torch.Tensor] = field(default_factory=dict)
    flowed: dict[Function, tuple[torch.Tensor | None, ...]] = field(default_factory=dict)
    order: dict[Function, int] = field(default_factory=dict)


def node_of(tensor: torch.Tensor) -> Function | None:
    """The node behind a tensor: its ``grad_fn``, or for a leaf its AccumulateGrad."""
    return get_gradient_edge(tensor).node if tensor.requires_grad else None


def reachable(root: Function | None) -> list[Function]:
    """Every node that a backward pass from the root would run, inputs before their users."""
    if root is None:
        return []
    ordered: dict[Function, None] = {}
    stack: list[tuple[Function, bool]] = [(root, False)]
    seen: set[Function] = set()
    while stack:
        node, done = stack.pop()
        if done:
            ordered[node] = None
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((nxt, False) for nxt, _ in reversed(node.next_functions) if nxt)
    return list(ordered)


def catch(nodes: Iterable[Function]) -> Caught:
    """Put hooks on nodes; the next backward pass through them fills the returned record."""
    caught = Caught()

    def watch(node: Function) -> None:
        def before(arriving: tuple[torch.Tensor, ...]) -> None:
            caught.order[node] = len(caught.order)
            caught.arrived[node] = arriving[0]

        def after(
            flowing: tuple[torch.Tensor | None, ...], _arrived: tuple[torch.Tensor, ...]
        ) -> None:
            caught.flowed[node] = flowing

        node.register_prehook(before)
        node.register_hook(after)

    for node in nodes:
        watch(node)
    return caught


def read_graph(program: Program, run: Run) -> tuple[Graph, dict[Function, int]]:
    """Record the graph of an evaluation before its backward pass.

    Returns:
        The graph, without gradients, and the index of each of PyTorch's nodes in it.
    """
    nodes: list[Node] = []
    places: dict[Function, int] = {}
    tensors: dict[int, int] = {}
    memory: dict[tuple[int, tuple[int, ...], tuple[int, ...]], str] = {}

    def add(node: Node, tensor: torch.Tensor, behind: Function | None) -> None:
        tensors[id(tensor)] = node.index
        memory.setdefault(_memory(tensor), node.name)
        if behind is not None:
            places.setdefault(behind, node.index)
        nodes.append(node)

    for name, tensor in run.leaves.items():
        kind, op = ("leaf", "AccumulateGrad") if tensor.requires_grad else ("constant", "")
        add(_node(len(nodes), name, tensor, kind=kind, op=op), tensor, node_of(tensor))
    for made in run.made:
        add(_made_node(len(nodes), program, made), made.tensor, made.behind)
    for hidden in reachable(node_of(run.output)):
        if hidden not in places:  # PyTorch inserted it, such as a conversion of dtypes
            places[hidden] = len(nodes)
            nodes.append(_hidden_node(len(nodes), hidden, nodes, places))
    functions = {index: behind for behind, index in places.items()}
    kept = tuple(
        replace(n, saved=saved_tensors(functions[n.index], memory)) if n.index in functions else n
        for n in nodes
    )
    graph = Graph(kept, tuple(_edges(run, nodes, places, tensors)), tensors[id(run.output)])
    return graph, places


def with_gradients(graph: Graph, places: Mapping[Function, int], caught: Caught) -> Graph:
    """The same graph with the recorded gradients."""
    behind = {index: node for node, index in places.items()}
    nodes = tuple(
        replace(
            node,
            grad=nested(caught.arrived[behind[node.index]]),
            backward_order=caught.order[behind[node.index]],
        )
        if behind.get(node.index) in caught.arrived
        else node
        for node in graph.nodes
    )
    edges = []
    for edge in graph.edges:
        flowing = caught.flowed.get(behind[edge.target]) if edge.target in behind else None
        flow = flowing[edge.slot] if flowing and edge.slot >= 0 else None
        edges.append(edge if flow is None else replace(edge, flow=nested(flow)))
    return Graph(nodes, tuple(edges), graph.root)


def saved_tensors(
    node: Function, memory: Mapping[tuple[int, tuple[int, ...], tuple[int, ...]], str]
) -> tuple[Saved, ...]:
    """The tensors a node saved, each with its name in the program where it has one."""
    kept = ((slot, getattr(node, f"_saved_{slot}")) for slot in _saved_slots(type(node)))
    return tuple(
        Saved(slot, memory.get(_memory(tensor), ""), nested(tensor))
        for slot, tensor in kept
        if isinstance(tensor, torch.Tensor)
    )


@lru_cache(maxsize=512)
def _saved_slots(kind: type[Function]) -> tuple[str, ...]:
    return tuple(name[7:] for name in dir(kind) if name.startswith("_saved_"))


def _memory(tensor: torch.Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def _node(index: int, name: str, tensor: torch.Tensor, *, kind: str, op: str, fn: str = "") -> Node:
    return Node(
        index=index,
        name=name,
        kind=kind,  # type: ignore[arg-type]  # one of the three, by the callers
        op=op,
        function=fn,
        value=nested(tensor),
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype),
    )


def _made_node(index: int, program: Program, made: Made) -> Node:
    operation = program.operations[made.operation]
    op = "" if made.behind is None else type(made.behind).__name__
    node = _node(
        index,
        made.name,
        made.tensor,
        kind="constant" if made.behind is None else "operation",
        op=op,
        fn=operation.function if made.final else _PARTS.get(op, ""),
    )
    return replace(node, line=operation.line, column=operation.column)


# inner parts whose local derivative is elementwise; the others are read as Jacobians
_PARTS: Final = {"ReciprocalBackward0": "div"}


def _hidden_node(
    index: int, hidden: Function, nodes: list[Node], places: Mapping[Function, int]
) -> Node:
    users = (
        nodes[place].name
        for user, place in places.items()
        if place < len(nodes) and any(nxt is hidden for nxt, _ in user.next_functions)
    )
    meta = hidden._input_metadata[0]  # noqa: SLF001  # public nowhere
    return Node(
        index=index,
        name=f"inside {next(users, hidden.name())}",
        kind="operation",
        op=type(hidden).__name__,
        function="",
        value=None,
        shape=tuple(meta.shape),
        dtype=str(meta.dtype),
    )


def _edges(
    run: Run,
    nodes: Sequence[Node],
    places: Mapping[Function, int],
    tensors: Mapping[int, int],
) -> Iterable[Edge]:
    found: list[Edge] = []
    for behind, target in places.items():
        for slot, (nxt, _) in enumerate(behind.next_functions):
            if nxt is not None:
                found.append(Edge(places[nxt], target, slot))
    for made in run.made:
        target = tensors[id(made.tensor)]
        sources = [tensors[id(given)] for given in made.inputs]
        found.extend(Edge(i, target, -1) for i in sources if nodes[i].kind == "constant")
    return sorted(found, key=lambda edge: (edge.target, edge.slot, edge.source))
