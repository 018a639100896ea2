"""The autograd graph of a forward pass: its nodes, its steps, and the same by module."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlcore.core import InputError
from mlcore.inspection.curvature import Mode
from mlcore.inspection.layer_trace import Shape
from mlcore.inspection.summary_text import aligned, shape_text

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["input", "parameter", "operation", "module", "loss"]
Phase = Literal["forward", "backward"]

LOSS = -1
"""The call that stands for the loss, beside those of modules."""


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a module in the forward pass.

    Attributes:
        name: The module's name in the model; empty for the model itself.
        kind: Its class.
        number: Which call of this module it is, from 1.
        leaf: Whether no module is inside it.
        outputs: Shape of each tensor that it returned.
    """

    name: str
    kind: str
    number: int
    leaf: bool
    outputs: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class LeafGradient:
    """A parameter that only one node uses.

    Attributes:
        name: Its name in the model.
        shape: Its shape.
        gradient_norm: Euclidean norm of the loss's gradient with respect to it; NaN if none came.
    """

    name: str
    shape: Shape
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class GraphNode:
    """An operation of autograd's graph; or a leaf; or a call of a module with all that is in it.

    Attributes:
        index: Its place in the forward order, leaves before their first user.
        kind: ``operation``, ``module`` (a call), ``parameter``, ``input``, or ``loss``.
        name: Of the module that made it, of the parameter, or of the input.
        op: What it does: the class of its ``grad_fn`` without ``Backward0``, or of the module.
        call: Which call of the module it belongs to, from 1.
        operations: Nodes of autograd's graph that it stands for.
        outputs: Shape of each tensor that it made.
        inputs: Indices of the nodes that it uses.
        gradient_norm: Euclidean norm of the loss's gradient with respect to its outputs, as it
            arrived in the backward pass; NaN if none did.
        backward: Its place in the order in which autograd's engine ran the nodes, from 0; None if
            it did not.
        parameters: The parameters that it alone uses; in a graph of operations they are nodes.
        calls: The calls around it, the model's own first: places in ``ModelGraph.calls``.
    """

    index: int
    kind: Kind
    name: str
    op: str
    call: int
    operations: int
    outputs: tuple[Shape, ...]
    inputs: tuple[int, ...]
    gradient_norm: float
    backward: int | None
    parameters: tuple[LeafGradient, ...] = ()
    calls: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """Its name with the number of the call, if the module was called before."""
        again = f", call {self.call}" if self.call > 1 else ""
        return f"{self.name or '(model)'}{again}"

    @property
    def parameter_gradient_norm(self) -> float:
        """Euclidean norm over ``parameters``; NaN if there are none."""
        known = [p.gradient_norm for p in self.parameters if not math.isnan(p.gradient_norm)]
        return math.hypot(*known) if known else math.nan


@dataclass(frozen=True, slots=True)
class GraphStep:
    """One step: a node is computed, or a gradient arrives at it.

    Attributes:
        phase: ``forward`` or ``backward``.
        node: Index of the node.
    """

    phase: Phase
    node: int


@dataclass(frozen=True, slots=True, eq=False)
class ModelGraph:
    """The autograd graph of one forward pass, with the gradients of one backward pass.

    Attributes:
        nodes: In the order of the forward pass; the last one is the loss.
        calls: Every call of a module.
        mode: The mode of the layers, ``train`` or ``eval``.
    """

    nodes: tuple[GraphNode, ...]
    calls: tuple[ModuleCall, ...]
    mode: Mode

    @property
    def depth(self) -> int:
        """How deep the called modules are nested; 0 for a model without any."""
        return max((call.name.count(".") + 1 for call in self.calls if call.name), default=0)

    @property
    def steps(self) -> tuple[GraphStep, ...]:
        """Forward in the order of computation, then backward in that of autograd's engine."""
        forward = [GraphStep("forward", n.index) for n in self.nodes if n.kind != "parameter"]
        reached = [node for node in self.nodes if node.backward is not None]
        reached.sort(key=lambda node: node.backward or 0)
        return (*forward, *(GraphStep("backward", node.index) for node in reached))

    def collapsed(self, depth: int) -> ModelGraph:
        """The same with one node for each call of a module, down to a depth.

        A module of that depth, or above it without modules inside, becomes one node (where a
        container of that depth is not called itself, so do those in it): its
        parameters, unless others use them too, and its operations are in it. What the modules
        above compute themselves, such as the sum of a residual block, stays a node. Modules that
        compute nothing, such as dropout in eval mode, have none.

        Args:
            depth: 0 leaves the model alone, 1 its direct children, and so on.

        Raises:
            InputError: If it is below 0, or the graph is collapsed already.
        """
        if depth < 0:
            raise InputError(f"depth is {depth}, but must be at least 0.")
        if any(node.kind == "module" for node in self.nodes):
            raise InputError("This graph is collapsed already: collapse the one of operations.")
        return _Collapsing(self, depth).graph()

    def readable(self, most: int = 60) -> ModelGraph:
        """The graph collapsed as little as needed to have at most so many nodes.

        Args:
            most: Nodes; the graph of depth 0 is returned if all others have more.
        """
        if len(self.nodes) <= most:
            return self
        for depth in range(self.depth, 0, -1):
            found = self.collapsed(depth)
            if len(found.nodes) <= most:
                return found
        return self.collapsed(0)

    def table(self) -> pd.DataFrame:
        """One row a step: step, phase, name, call, kind, op, operations, outputs, gradient_norm,
        parameter_gradient_norm. The norms are NaN in the forward pass.
        """  # noqa: D205 - the columns are the summary
        import pandas as pd

        rows = []
        for place, step in enumerate(self.steps, start=1):
            node, back = self.nodes[step.node], step.phase == "backward"
            rows.append(
                {
                    "step": place,
                    "phase": step.phase,
                    "name": node.name,
                    "call": node.call,
                    "kind": node.kind,
                    "op": node.op,
                    "operations": node.operations,
                    "outputs": node.outputs,
                    "gradient_norm": node.gradient_norm if back else math.nan,
                    "parameter_gradient_norm": node.parameter_gradient_norm if back else math.nan,
                }
            )
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        columns = ("Forward", "Layer", "Operation", "Output", "Backward", "‖∂‖", "‖∂ weights‖")
        place = {step.node: k for k, step in enumerate(self.steps, 1) if step.phase == "forward"}
        rows = [
            (
                str(place.get(node.index, "–")),
                node.title,
                node.op,
                shape_text(node.outputs),
                "–" if node.backward is None else str(node.backward + 1),
                _number(node.gradient_norm),
                _number(node.parameter_gradient_norm),
            )
            for node in self.nodes
        ]
        count = sum(node.operations for node in self.nodes)
        below = {"Graph": f"{count:,} nodes of autograd's graph, in {self.mode} mode"}
        return aligned(columns, rows, words=4, below=below)

    def __repr__(self) -> str:
        count = sum(node.operations for node in self.nodes)
        return f"ModelGraph({len(self.nodes)} nodes for {count} of autograd's; {self.mode} mode)"


class _Collapsing:
    """Puts the operations of each call into one node."""

    def __init__(self, whole: ModelGraph, depth: int) -> None:
        self._whole, self._depth = whole, depth
        self._group: dict[int, tuple[str, int]] = {}
        """The group of each operation: of a call, or of its own."""
        self._users: list[list[int]] = [[] for _ in whole.nodes]

    def graph(self) -> ModelGraph:
        nodes = self._whole.nodes
        for node in nodes:
            for given in node.inputs:
                self._users[given].append(node.index)
            if node.kind != "parameter":
                self._group[node.index] = self._of(node)
        for node in nodes:
            if node.kind == "parameter":
                users = {self._group[user] for user in self._users[node.index]}
                alone = users.pop() if len(users) == 1 else ("node", node.index)
                own = alone[0] == "node"  # of an operation: parameters stay beside it
                self._group[node.index] = ("node", node.index) if own else alone
        members: dict[tuple[str, int], list[GraphNode]] = {}
        for node in nodes:
            members.setdefault(self._group[node.index], []).append(node)
        # a call stands where its last operation does, as all that it uses has been computed there
        order = sorted(members, key=lambda group: members[group][-1].index)
        index = {group: place for place, group in enumerate(order)}
        made = [self._node(index, group, members[group]) for group in order]
        return replace(self._whole, nodes=tuple(_ranked(made)))

    def _of(self, node: GraphNode) -> tuple[str, int]:
        calls = self._whole.calls
        for call in node.calls:
            if call == LOSS:
                return ("call", LOSS)
            name = calls[call].name
            depth = name.count(".") + 1 if name else 0
            if depth >= self._depth or calls[call].leaf:
                return ("call", call)
        return ("node", node.index)

    def _is_used_outside(self, node: GraphNode, mine: set[int]) -> bool:
        users = self._users[node.index]
        return not users or not mine.issuperset(users)

    def _node(
        self, index: dict[tuple[str, int], int], group: tuple[str, int], inside: list[GraphNode]
    ) -> GraphNode:
        mine = {node.index for node in inside}
        given = sorted({index[self._group[i]] for n in inside for i in n.inputs if i not in mine})
        if group[0] == "node":
            return replace(inside[0], index=index[group], inputs=tuple(given))
        last = [n for n in inside if n.kind != "parameter" and self._is_used_outside(n, mine)]
        norms = [n.gradient_norm for n in last if not math.isnan(n.gradient_norm)]
        ran = [n.backward for n in inside if n.backward is not None]
        call = None if group[1] == LOSS else self._whole.calls[group[1]]
        return GraphNode(
            index=index[group],
            kind="loss" if call is None else "module",
            name="loss" if call is None else call.name,
            op="loss" if call is None else call.kind,
            call=1 if call is None else call.number,
            operations=sum(node.operations for node in inside),
            outputs=((),) if call is None else call.outputs or _shapes(last),
            inputs=tuple(given),
            gradient_norm=math.hypot(*norms) if norms else math.nan,
            backward=min(ran, default=None),
            parameters=tuple(
                LeafGradient(n.name, n.outputs[0], n.gradient_norm)
                for n in inside
                if n.kind == "parameter"
            ),
            calls=inside[0].calls,
        )


def _shapes(nodes: Iterable[GraphNode]) -> tuple[Shape, ...]:
    return tuple(shape for node in nodes for shape in node.outputs)


def _ranked(nodes: Sequence[GraphNode]) -> list[GraphNode]:
    """The places in the backward pass, counted anew without gaps."""
    order = sorted(node.backward for node in nodes if node.backward is not None)
    rank = {backward: place for place, backward in enumerate(order)}
    return [n if n.backward is None else replace(n, backward=rank[n.backward]) for n in nodes]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"
