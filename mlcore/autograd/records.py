"""The records of a trace: nodes, edges and tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlcore.autograd.inputs import Nested

if TYPE_CHECKING:
    import torch

Kind: TypeAlias = Literal["leaf", "operation", "constant"]
LocalKind: TypeAlias = Literal["scalar", "elementwise", "jacobian"]


@dataclass(frozen=True, slots=True)
class Saved:
    """A tensor that a node keeps for its backward formula.

    Attributes:
        slot: PyTorch's name for it, such as ``self``, ``other``, ``result``.
        name: The learner's name for the same memory, or ``""`` where it has none.
        value: Its elements, as they were when the graph was built.
    """

    slot: str
    name: str
    value: Nested


@dataclass(frozen=True, slots=True)
class Local:
    """The derivative of a node's value by one of its inputs, from the node's own formula.

    Attributes:
        kind: ``scalar``: one number. ``elementwise``: a tensor of the node's shape, the derivative
            of each element by the input's element in its place (the Jacobian's diagonal).
            ``jacobian``: rows are the node's elements, columns the input's, both row by row.
        value: The numbers.
    """

    kind: LocalKind
    value: Nested


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        index: Its place in the forward order; leaves come first.
        name: The learner's name, else the expression as typed.
        kind: ``leaf`` (ends in AccumulateGrad), ``operation``, or ``constant``: a leaf that does
            not require a gradient, so that autograd's own graph does not contain it.
        op: Class of the ``grad_fn``: ``MulBackward0``, ``AccumulateGrad``; ``""`` without one.
        function: The operator or function of the program, such as ``mul``; ``""`` for leaves.
        value: The tensor's elements, or None where only the node is known (graphs of gradients).
        shape: The tensor's shape.
        dtype: The tensor's dtype, such as ``torch.float32``.
        grad: The gradient that arrived here, caught by a hook; None if the backward pass did not
            come here.
        saved: What the node keeps for its backward formula.
        backward_order: Its place in the order in which the engine ran the nodes, from 0; None if
            it did not.
        line: Line of the program, from 1; 0 for leaves.
        column: Column of the program, from 1; 0 for leaves.
    """

    index: int
    name: str
    kind: Kind
    op: str
    function: str
    value: Nested | None
    shape: tuple[int, ...]
    dtype: str
    grad: Nested | None = None
    saved: tuple[Saved, ...] = ()
    backward_order: int | None = None
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """An entry of a node's ``next_functions``; ``a*a`` has two from the same node.

    Attributes:
        source: Index of the node whose value goes in.
        target: Index of the node that uses it.
        slot: Position in the target's ``next_functions``; -1 where there is no entry because the
            source requires no gradient.
        local: The local derivative, or None: no gradient here, or too many numbers to show.
        flow: The gradient that went back along this edge, caught by a hook.
    """

    source: int
    target: int
    slot: int
    local: Local | None = None
    flow: Nested | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph: values flow from source to target, gradients back.

    Attributes:
        nodes: In forward order.
        edges: In order of target and slot.
        root: Index of the node the backward pass starts at.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    root: int

    def incoming(self, node: int) -> tuple[Edge, ...]:
        """The edges into a node."""
        return tuple(edge for edge in self.edges if edge.target == node)

    def outgoing(self, node: int) -> tuple[Edge, ...]:
        """The edges along which a node's value is used and gradients come back."""
        return tuple(edge for edge in self.edges if edge.source == node)


@dataclass(frozen=True, slots=True)
class TensorRow:
    """PyTorch's attributes of a leaf or a named result after the backward pass.

    Attributes:
        name: The learner's name.
        value: Its elements.
        shape: Its shape.
        dtype: Its dtype, such as ``torch.float32``.
        device: Its device, such as ``cpu``.
        requires_grad: As PyTorch says.
        is_leaf: As PyTorch says.
        grad_fn: Class of its ``grad_fn``, or ``None``.
        retains_grad: As PyTorch says.
        grad: Its ``.grad``, or None.
    """

    name: str
    value: Nested
    shape: tuple[int, ...]
    dtype: str
    device: str
    requires_grad: bool
    is_leaf: bool
    grad_fn: str
    retains_grad: bool
    grad: Nested | None


def nested(tensor: torch.Tensor) -> Nested:
    """A tensor's elements as nested tuples of floats."""
    return _tuples(tensor.detach().tolist())


def _tuples(value: object) -> Nested:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, (int, float)):
        return float(value)
    raise TypeError(f"A tensor of {type(value).__name__} holds no real numbers.")
