"""Records the autograd graph of one forward pass of any model, and one backward pass through it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._C._autograd import _get_sequence_nr
from torch.autograd.graph import Node, get_gradient_edge

from mlcore.autograd.graph import reachable
from mlcore.core import InputError
from mlcore.inspection.batches import call, moved, scalar
from mlcore.inspection.curvature import MODES, Mode
from mlcore.inspection.graph_nodes import LOSS, GraphNode, Kind, ModelGraph, ModuleCall
from mlcore.inspection.layer_trace import (
    FAILURES,
    Shape,
    example_tensors,
    refusal,
    shapes_in,
    tensors_in,
)
from mlcore.inspection.untouched import check_module, plain_kernels, seeded, untouched

MOST: Final = 20_000
"""Nodes of autograd's graph at most."""


def graph(
    model: nn.Module,
    example_input: Any,
    *,
    loss: Callable[[Any], Tensor] | None = None,
    depth: int | None = None,
    mode: Mode = "eval",
    seed: int = 0,
) -> ModelGraph:
    """Record the autograd graph of one forward pass, and the gradients of one backward pass.

    The nodes are those that autograd itself keeps (``grad_fn`` and ``next_functions``), each with
    the module that made it, in the order in which they were made. The gradient's norm at each is
    what arrives there in the backward pass, in the order in which autograd's engine runs. The
    graph begins at the parameters and at the example's floating-point tensors, which are
    differentiated as well.

    The model, ``.grad`` and the random states are left bit for bit as they were.

    Args:
        model: Any module.
        example_input: A tensor; or a tuple or list of arguments by position; or a dict by name.
        loss: From the model's output to a scalar. By default the sum of all output numbers, each
            times a weight drawn from the standard normal distribution: it reaches every output,
            and no normalization makes its gradient vanish.
        depth: None keeps each operation; a number collapses modules as
            ``ModelGraph.collapsed`` does.
        mode: Of the layers: ``eval``, or ``train``, in which normalization needs more than one
            sample.
        seed: Of dropout and of the default loss's weights.

    Raises:
        InputTypeError: If the model is no module, or the loss returns no tensor.
        InputError: If the model fails on the example, with the layer where it does; if nothing in
            its output can be differentiated; or if the graph has more than ``MOST`` nodes.

    Example:
        >>> import mlcore, torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> found = mlcore.graph(model, torch.ones(1, 4))
        >>> print([node.op for node in found.nodes if node.kind == "operation"])
        ['T', 'Addmm', 'Relu', 'T', 'Addmm']
        >>> print([(node.name, node.op) for node in found.collapsed(1).nodes])
        [('input', 'input'), ('0', 'Linear'), ('1', 'ReLU'), ('2', 'Linear'), ('loss', 'loss')]
    """
    model = getattr(check_module(model), "_orig_mod", model)  # of torch.compile
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, but must be 'train' or 'eval'.")
    example_tensors(example_input)
    with untouched(model, loss, weights=False), _kernels(model, mode), seeded(seed):
        model.train(mode == "train")
        leaves: dict[str, Tensor] = {}
        given = _leaves(moved(example_input, model), leaves)
        calls = _Calls(model)
        with calls:
            try:
                out = call(model, given)
            except FAILURES as error:
                raise InputError(refusal(calls.current, error)) from error
            calls.end_of_model()
        value = scalar(_weighted(out) if loss is None else loss(out))
        found = _Graph(model, value, leaves, calls)
        found.run_backward(value)
        made = ModelGraph(tuple(found.nodes()), tuple(calls.made), mode)
    return made if depth is None else made.collapsed(depth)


def _kernels(model: nn.Module, mode: Mode) -> Any:
    """CuDNN's recurrences have no backward pass in eval mode."""
    fused = any(parameter.is_cuda for parameter in model.parameters())
    return plain_kernels(model) if fused and mode == "eval" else nullcontext()


def _leaves(value: Any, leaves: dict[str, Tensor], name: str = "input") -> Any:
    """The same nest with a copy of each floating-point tensor that hangs on a leaf.

    A copy, as a model may overwrite its input in place, which no leaf allows.
    """
    if isinstance(value, Tensor):
        if not (value.is_floating_point() or value.is_complex()) or value.layout != torch.strided:
            return value
        leaf = value.detach().clone().requires_grad_()
        leaves[name] = leaf
        return leaf.clone()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = zip(value._fields, value, strict=True)
        return type(value)(*(_leaves(item, leaves, f"{name}.{key}") for key, item in fields))
    if isinstance(value, (tuple, list)):
        one = len(value) == 1
        return type(value)(
            _leaves(item, leaves, name if one else f"{name} {place}")
            for place, item in enumerate(value)
        )
    if isinstance(value, dict):
        return {key: _leaves(item, leaves, f"{name} {key}") for key, item in value.items()}
    return value


def _weighted(out: object) -> Tensor:
    """Every number of an output times a weight that is drawn, summed."""
    parts = [
        (tensor * torch.randn(tensor.shape).to(tensor)).sum()
        for tensor in tensors_in(out)
        if tensor.requires_grad and tensor.is_floating_point()
    ]
    if not parts:
        raise InputError(
            "Nothing in the model's output depends on a parameter or on the example by "
            "differentiable operations. Look for .detach(), argmax or torch.no_grad() in the "
            "model, or give a loss."
        )
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


class _Calls:
    """While it is entered, notes which of autograd's sequence numbers each call of a module made.

    Autograd numbers its nodes as it makes them, so a node belongs to the innermost call during
    which its number was given.
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = {module: name for name, module in model.named_modules()}
        self._counts = dict.fromkeys(self._names.values(), 0)
        self._running: list[int] = []
        self._stack = ExitStack()
        self._marks: list[tuple[int, tuple[int, ...]]] = [(0, ())]
        """From this sequence number on, these calls run."""
        self.made: list[ModuleCall] = []

    @property
    def current(self) -> str:
        """Name of the innermost module that runs; after an error, that which failed."""
        return self.made[self._running[-1]].name if self._running else ""

    def __enter__(self) -> _Calls:
        self._marks = [(_get_sequence_nr(), ())]
        for module in self._names:
            self._stack.callback(module.register_forward_pre_hook(self._begin).remove)
            self._stack.callback(module.register_forward_hook(self._end).remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def end_of_model(self) -> None:
        """What comes now is the loss."""
        self._running = [LOSS]
        self._mark()

    def around(self, number: int) -> tuple[int, ...]:
        """The calls during which a sequence number was given, the outermost first."""
        low, high = 0, len(self._marks)
        while high - low > 1:
            middle = (low + high) // 2
            if self._marks[middle][0] <= number:
                low = middle
            else:
                high = middle
        return self._marks[low][1]

    def _begin(self, module: nn.Module, _given: Any) -> None:
        name = self._names[module]
        self._counts[name] += 1
        leaf = not any(True for _ in module.children())
        self._running.append(len(self.made))
        self.made.append(ModuleCall(name, type(module).__name__, self._counts[name], leaf, ()))
        self._mark()

    def _end(self, _module: nn.Module, _given: Any, out: Any) -> None:
        place = self._running.pop()
        done = self.made[place]
        shapes = shapes_in(out)
        self.made[place] = ModuleCall(done.name, done.kind, done.number, done.leaf, shapes)
        self._mark()

    def _mark(self) -> None:
        number = _get_sequence_nr()
        self._marks.append((number, tuple(self._running)))


class _Graph:
    """Autograd's nodes behind a scalar, and what arrives at them in a backward pass."""

    def __init__(
        self, model: nn.Module, value: Tensor, inputs: Mapping[str, Tensor], calls: _Calls
    ) -> None:
        self._calls = calls
        self._names = {id(tensor): name for name, tensor in inputs.items()}
        self._inputs = {get_gradient_edge(tensor).node for tensor in inputs.values()}
        self._names.update((id(p), name) for name, p in model.named_parameters())
        found = reachable(value.grad_fn)
        if len(found) > MOST:
            raise InputError(
                f"Autograd's graph of this pass has {len(found):,} nodes, but at most {MOST:,} are "
                "recorded. Give a shorter sequence or a smaller model."
            )
        self._leaves = {node: node.variable for node in found if hasattr(node, "variable")}
        self._operations = sorted(
            (node for node in found if node not in self._leaves),
            key=lambda node: node._sequence_nr(),  # noqa: SLF001 - public nowhere
        )
        self._arrived: dict[Node, float] = {}

    def run_backward(self, value: Tensor) -> None:
        """Differentiate, without touching ``.grad``; hooks note the order and the norms."""
        with ExitStack() as stack:
            for node in self._operations:
                stack.callback(node.register_prehook(self._note(node)).remove)
            for node, tensor in self._leaves.items():
                hook = self._note(node)
                handle = tensor.register_hook(lambda grad, hook=hook: hook((grad,)))
                stack.callback(handle.remove)
            torch.autograd.grad(value, list(self._leaves.values()), allow_unused=True)

    def _note(self, node: Node) -> Callable[[Sequence[Tensor | None]], None]:
        def arrived(gradients: Sequence[Tensor | None]) -> None:
            norms = [_norm(gradient) for gradient in gradients if gradient is not None]
            if norms:
                self._arrived[node] = math.hypot(*norms)

        return arrived

    def nodes(self) -> Iterator[GraphNode]:
        """The nodes in the order of the forward pass, leaves before their first user."""
        places: dict[Node, int] = {}
        order = {node: place for place, node in enumerate(self._arrived)}
        for node in self._operations:
            used = [nxt for nxt, _ in node.next_functions if nxt is not None]
            if any(nxt in self._inputs for nxt in used):  # the copy that stands for the input
                places[node] = len(places)
                name = self._names[id(self._leaves[used[0]])]
                yield self._node(node, places, order, "input", name, "input")
                continue
            for leaf in used:
                if leaf not in places:
                    places[leaf] = len(places)
                    name = self._names.get(id(self._leaves[leaf]), "(a tensor of the model)")
                    yield self._node(leaf, places, order, "parameter", name, "parameter")
            places[node] = len(places)
            around = self._calls.around(node._sequence_nr())  # noqa: SLF001 - public nowhere
            inner = around[-1] if around else LOSS
            made = None if inner == LOSS else self._calls.made[inner]
            yield self._node(
                node,
                places,
                order,
                "loss" if made is None else "operation",
                "loss" if made is None else made.name,
                _short(type(node).__name__),
                around,
                1 if made is None else made.number,
            )

    def _node(
        self,
        node: Node,
        places: Mapping[Node, int],
        order: Mapping[Node, int],
        kind: Kind,
        name: str,
        op: str,
        calls: tuple[int, ...] = (),
        number: int = 1,
    ) -> GraphNode:
        used = (nxt for nxt, _ in node.next_functions if nxt is not None)
        leaf = self._leaves.get(node)
        return GraphNode(
            index=places[node],
            kind=kind,
            name=name,
            op=op,
            call=number,
            operations=1,
            outputs=_shapes(node) if leaf is None else (tuple(leaf.shape),),
            inputs=() if kind == "input" else tuple(dict.fromkeys(places[nxt] for nxt in used)),
            gradient_norm=self._arrived.get(node, math.nan),
            backward=order.get(node),
            calls=calls,
        )


def _shapes(node: Node) -> tuple[Shape, ...]:
    known: Sequence[Any] = node._input_metadata  # noqa: SLF001 - public nowhere
    return tuple(tuple(one.shape) for one in known)


def _short(op: str) -> str:
    return op.rstrip("0123456789").removesuffix("Backward")


def _norm(gradient: Tensor) -> float:
    dense = gradient.coalesce().values() if gradient.layout == torch.sparse_coo else gradient
    real = torch.view_as_real(dense.resolve_conj()) if dense.is_complex() else dense
    return float(torch.linalg.vector_norm(real.detach(), dtype=torch.float64))
