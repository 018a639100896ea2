"""Second derivatives: the gradient's graph and the Hessian, by ``create_graph=True``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mlcore.autograd.evaluate import Run, evaluate
from mlcore.autograd.explain import Failure, failure
from mlcore.autograd.graph import catch, node_of, reachable, saved_tensors
from mlcore.autograd.inputs import DType, Leaf, named_elements
from mlcore.autograd.program import Program
from mlcore.autograd.records import Edge, Graph, Node, nested

if TYPE_CHECKING:
    from torch.autograd.graph import Node as Function

MAX_SECOND: Final = 64
"""Most leaf elements of a Hessian."""


@dataclass(frozen=True, slots=True)
class Second:
    """First and second derivatives of a scalar output.

    Attributes:
        names: The n elements of the leaves that require gradients: ``x``, ``w[0]``.
        gradient: The n first derivatives.
        hessian: The n×n second derivatives, row by row.
        without_create_graph: What PyTorch raised when the gradient, taken without
            ``create_graph=True``, was differentiated again; None if there was nothing to do.
    """

    names: tuple[str, ...]
    gradient: tuple[float, ...]
    hessian: tuple[tuple[float, ...], ...]
    without_create_graph: Failure | None


def second_derivatives(
    program: Program, leaves: Mapping[str, Leaf], dtype: DType | None = None
) -> Second:
    """Gradient and Hessian by running autograd on its own result (``create_graph=True``).

    Raises:
        ValueError: For more than ``MAX_SECOND`` elements.
        RuntimeError: PyTorch's own, where the output has no gradient.
    """
    names = named_elements(leaves)
    if len(names) > MAX_SECOND:
        raise ValueError(
            f"The Hessian of {len(names)} leaf elements was asked for; at most {MAX_SECOND} are "
            "allowed. Switch requires_grad off for some leaves."
        )
    run = evaluate(program, {name: given.tensor(dtype) for name, given in leaves.items()})
    wanted = [run.leaves[name] for name, given in leaves.items() if given.requires_grad]
    first = torch.autograd.grad(
        run.output, wanted, create_graph=True, allow_unused=True, materialize_grads=True
    )
    flat = torch.cat([g.reshape(-1).double() for g in first])
    rows = [_row(element, wanted) for g in first for element in g.reshape(-1).unbind()]
    return Second(
        tuple(names),
        tuple(flat.tolist()),
        tuple(rows),
        _without_create_graph(program, leaves, dtype),
    )


def _row(element: torch.Tensor, wanted: list[torch.Tensor]) -> tuple[float, ...]:
    if not element.requires_grad:  # a constant gradient has no graph and second derivatives of 0
        return (0.0,) * sum(leaf.numel() for leaf in wanted)
    second = torch.autograd.grad(
        element, wanted, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return tuple(torch.cat([s.reshape(-1).double() for s in second]).tolist())


def _without_create_graph(
    program: Program, leaves: Mapping[str, Leaf], dtype: DType | None
) -> Failure | None:
    run = evaluate(program, {name: given.tensor(dtype) for name, given in leaves.items()})
    name = next(name for name, given in leaves.items() if given.requires_grad)
    leaf = run.leaves[name]
    try:
        (gradient,) = torch.autograd.grad(run.output, leaf, allow_unused=True)
        torch.autograd.grad(torch.zeros(()) if gradient is None else gradient.sum(), leaf)
    except RuntimeError as error:
        return failure(error, f"torch.autograd.grad(d{name}, {name})")
    return None


class _Outputs(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's is untyped
    """Keeps every tensor that PyTorch makes, so that nodes inside backward formulas have values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's is untyped
        self.made: list[torch.Tensor] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,  # part of torch's protocol
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.made.append(made)
        return made


def gradient_graph(program: Program, leaves: Mapping[str, Leaf], by: str) -> Graph | None:
    """The graph of the gradient by one leaf, made with ``create_graph=True``.

    Nodes of the value's own graph, which the gradient reaches through saved tensors, keep the
    learner's names; those that are gradients are named ``∂z/∂x``; the others are parts of a
    backward formula and bear the name of their operation.

    Returns:
        The graph, or None where the gradient is constant and so has no graph.
    """
    outputs = _Outputs()
    with outputs:
        run = evaluate(program, {name: given.tensor() for name, given in leaves.items()})
        forward = reachable(node_of(run.output))
        caught = catch(forward)
        (gradient,) = torch.autograd.grad(
            run.output, run.leaves[by], create_graph=True, allow_unused=True
        )
    if gradient is None or gradient.grad_fn is None:
        return None
    values = {t.grad_fn: t for t in outputs.made if t.grad_fn is not None}
    names = _names(program, run, by, gradient, caught.arrived)
    functions = reachable(gradient.grad_fn)
    memory = {
        (t.data_ptr(), tuple(t.shape), t.stride()): n
        for t, n in [(t, n) for n, t in run.leaves.items()]
        + [(made.tensor, made.name) for made in run.made]
    }
    places = {fn: index for index, fn in enumerate(functions)}
    leaf_names = {node_of(t): n for n, t in run.leaves.items() if t.requires_grad}
    nodes = []
    for fn, index in places.items():
        leaf = leaf_names.get(fn)
        tensor = run.leaves[leaf] if leaf is not None else values.get(fn)
        nodes.append(_node(index, fn, names.get(fn, ""), leaf, tensor))
    kept = tuple(
        replace(node, saved=saved_tensors(fn, memory))
        for node, fn in zip(nodes, functions, strict=True)
    )
    edges = tuple(
        Edge(places[nxt], target, slot)
        for fn, target in places.items()
        for slot, (nxt, _) in enumerate(fn.next_functions)
        if nxt is not None
    )
    return Graph(kept, edges, places[gradient.grad_fn])


def _names(
    program: Program,
    run: Run,
    by: str,
    gradient: torch.Tensor,
    arrived: Mapping[Function, torch.Tensor],
) -> dict[Function | None, str]:
    forward: dict[Function | None, str] = {
        made.behind: made.name for made in run.made if made.behind is not None
    }
    z = program.output_name
    names = {
        gradient.grad_fn: f"∂{z}/∂{_bracketed(forward[fn])}"
        for fn, gradient in arrived.items()
        if fn in forward and gradient.grad_fn is not None
    }
    return {**names, gradient.grad_fn: f"∂{z}/∂{by}", **forward}


def _bracketed(name: str) -> str:
    return name if name.isidentifier() else f"({name})"


def _node(
    index: int, fn: Function, name: str, leaf: str | None, tensor: torch.Tensor | None
) -> Node:
    op = type(fn).__name__
    meta = fn._input_metadata[0] if tensor is None else tensor  # noqa: SLF001  # public nowhere
    return Node(
        index=index,
        name=leaf or name or op.removesuffix("0").removesuffix("Backward"),
        kind="operation" if leaf is None else "leaf",
        op=op,
        function="",
        value=None if tensor is None else nested(tensor),
        shape=tuple(meta.shape),
        dtype=str(meta.dtype),
    )
