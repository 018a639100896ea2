"""The functions and operators of programs, with the PyTorch call of each."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import torch
from torch.autograd.graph import Node

Number: TypeAlias = int | float
Argument: TypeAlias = torch.Tensor | Number
Option: TypeAlias = int | tuple[int | slice, ...] | None


class Part(NamedTuple):
    """An intermediate tensor of an operation, or its result.

    Attributes:
        tensor: The tensor; for one that PyTorch keeps to itself, its value without a graph.
        inputs: What it is made of.
        template: How its source reads, from the sources of the operands; ``""`` for the result.
        node: PyTorch's node behind a tensor that PyTorch keeps to itself.
    """

    tensor: torch.Tensor
    inputs: tuple[Argument, ...]
    template: str = ""
    node: Node | None = None

    def behind(self) -> Node | None:
        """The tensor's node in PyTorch's graph; None where no gradient is required."""
        return self.node if self.template and self.node else self.tensor.grad_fn

    def label(self, sources: Sequence[str]) -> str:
        """The source text of an intermediate tensor, from the source texts of the operands."""
        return self.template.format(*sources)


class ShapesDifferError(ValueError):
    """``mse`` got two shapes. PyTorch warns and broadcasts if it can; here it is an error."""

    def __init__(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        try:
            shape = tuple(torch.empty(a).add(torch.empty(b)).shape)
            common = f"would warn and broadcast both to {shape}"
        except RuntimeError:
            common = "refuses them as well, for they cannot be broadcast"
        super().__init__(
            f"mse here compares tensors of one shape, but these are {a} and {b} (PyTorch's "
            f"mse_loss {common}). Give both the same shape."
        )


Parts: TypeAlias = list[Part]
"""Tensors in the order PyTorch makes them; the last is the result. An operator such as ``2/x``
makes two: the reciprocal, then the product."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or operator of programs.

    Attributes:
        name: As the learner writes it, or a name for an operator.
        call: Applies it to tensors and Python numbers, with the option (``dim`` or an index).
        arguments: Fewest and most arguments, the option not counted.
        option: Whether ``dim=`` may be given.
        elementwise: Whether each element of the result depends only on the elements in its place
            (after broadcasting), so that the local derivative is a tensor of the result's shape.
        torch_name: How PyTorch calls it, for the lines to paste.
        help: One line for the learner.
    """

    name: str
    call: Callable[[Sequence[Argument], Option], Parts]
    arguments: tuple[int, int] = (1, 1)
    option: bool = False
    elementwise: bool = False
    torch_name: str = ""
    help: str = ""


def _one(call: Callable[..., torch.Tensor]) -> Callable[[Sequence[Argument], Option], Parts]:
    return lambda arguments, _option: [Part(call(*arguments), tuple(arguments))]


def _along(call: Callable[..., torch.Tensor]) -> Callable[[Sequence[Argument], Option], Parts]:
    def apply(arguments: Sequence[Argument], option: Option) -> Parts:
        made = call(*arguments) if option is None else call(*arguments, dim=option)
        return [Part(made, tuple(arguments))]

    return apply


def _soft(call: Callable[..., torch.Tensor]) -> Callable[[Sequence[Argument], Option], Parts]:
    def apply(arguments: Sequence[Argument], option: Option) -> Parts:
        return [Part(call(*arguments, dim=-1 if option is None else option), tuple(arguments))]

    return apply


def _divide(arguments: Sequence[Argument], _option: Option) -> Parts:
    over, under = arguments
    if isinstance(over, torch.Tensor) or not isinstance(under, torch.Tensor):
        return [Part(operator.truediv(over, under), (over, under))]
    inverse = under.reciprocal()  # what Tensor.__rtruediv__ does: two nodes, not one
    return [Part(inverse, (under,), "1/({1})"), Part(inverse * over, (inverse,))]


def _matrix_product(arguments: Sequence[Argument], _option: Option) -> Parts:
    left, right = arguments
    product: torch.Tensor = operator.matmul(left, right)
    if (
        not isinstance(left, torch.Tensor)
        or not isinstance(right, torch.Tensor)
        or (left.dim(), right.dim()) != (1, 2)
        or product.grad_fn is None
    ):
        return [Part(product, (left, right))]
    # For a vector times a matrix torch.matmul keeps two tensors to itself: the vector as a row,
    # and the row's product.
    multiply = product.grad_fn.next_functions[0][0]
    before = multiply.next_functions[0][0] if multiply else None
    row = left.detach().unsqueeze(0)
    whole = row @ right.detach()
    return [
        Part(row, (left,), "{0} as a row", before),
        Part(whole, (row, right), "{0} as a row @ {1}", multiply),
        Part(product, (whole,)),
    ]


def _index(arguments: Sequence[Argument], option: Option) -> Parts:
    (tensor,) = arguments
    if not isinstance(tensor, torch.Tensor):
        raise TypeError("a Python number cannot be indexed; only tensors can")
    keys = option if isinstance(option, tuple) else (option,)
    if len(keys) > tensor.dim() or tensor.dim() == 0:
        return [Part(tensor[option], (tensor,))]  # PyTorch's own exception
    made: Parts = []
    dimension = 0
    for count, key in enumerate(keys, start=1):  # x[0, 1] is two selections for autograd
        before, tensor = tensor, tensor[(slice(None),) * dimension + (key,)]
        dimension += isinstance(key, slice)
        written = ", ".join(index_text(k) for k in keys[:count])
        made.append(Part(tensor, (before,), f"{{0}}[{written}]"))
    return [*made[:-1], made[-1]._replace(template="")]


def _mean_squared(arguments: Sequence[Argument], _option: Option) -> Parts:
    a, b = arguments
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and a.shape != b.shape:
        raise ShapesDifferError(tuple(a.shape), tuple(b.shape))
    return [Part(torch.nn.functional.mse_loss(a, b), (a, b))]  # type: ignore[arg-type]


def _extreme(
    whole: Callable[..., torch.Tensor], pair: Callable[..., torch.Tensor]
) -> Callable[[Sequence[Argument], Option], Parts]:
    def apply(arguments: Sequence[Argument], _option: Option) -> Parts:
        call = whole if len(arguments) == 1 else pair
        return [Part(call(*arguments), tuple(arguments))]

    return apply


def index_text(key: int | slice | None) -> str:
    """An index as it is typed: ``2``, ``1:3``."""
    if isinstance(key, slice):
        start = "" if key.start is None else str(key.start)
        stop = "" if key.stop is None else str(key.stop)
        return f"{start}:{stop}" + ("" if key.step is None else f":{key.step}")
    return str(key)


def _elementwise(name: str, call: Callable[..., torch.Tensor], text: str) -> Function:
    return Function(name, _one(call), elementwise=True, torch_name=f"torch.{name}", help=text)


OPERATORS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        f.name: f
        for f in (
            Function("add", _one(operator.add), (2, 2), elementwise=True),
            Function("sub", _one(operator.sub), (2, 2), elementwise=True),
            Function("mul", _one(operator.mul), (2, 2), elementwise=True),
            Function("div", _divide, (2, 2), elementwise=True),
            Function("pow", _one(operator.pow), (2, 2), elementwise=True),
            Function("neg", _one(operator.neg), elementwise=True),
            Function("matmul", _matrix_product, (2, 2)),
            Function("index", _index),
        )
    }
)
"""What the signs ``+ - * / ** @`` and ``[ ]`` stand for."""

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        f.name: f
        for f in (
            _elementwise("sin", torch.sin, "sine"),
            _elementwise("cos", torch.cos, "cosine"),
            _elementwise("tan", torch.tan, "tangent"),
            _elementwise("exp", torch.exp, "exponential"),
            _elementwise("log", torch.log, "natural logarithm"),
            _elementwise("sqrt", torch.sqrt, "square root"),
            _elementwise("abs", torch.abs, "absolute value"),
            _elementwise("relu", torch.relu, "max(x, 0)"),
            _elementwise("sigmoid", torch.sigmoid, "1 / (1 + exp(−x))"),
            _elementwise("tanh", torch.tanh, "hyperbolic tangent"),
            Function(
                "softplus",
                _one(torch.nn.functional.softplus),
                elementwise=True,
                torch_name="torch.nn.functional.softplus",
                help="log(1 + exp(x))",
            ),
            Function(
                "softmax",
                _soft(torch.softmax),
                option=True,
                torch_name="torch.softmax",
                help="exp(x) / sum(exp(x)) along the last dimension, or along dim",
            ),
            Function(
                "log_softmax",
                _soft(torch.log_softmax),
                option=True,
                torch_name="torch.log_softmax",
                help="log(softmax(x)), without overflow",
            ),
            Function("sum", _along(torch.sum), option=True, torch_name="torch.sum", help="sum"),
            Function("mean", _along(torch.mean), option=True, torch_name="torch.mean", help="mean"),
            Function(
                "max",
                _extreme(torch.max, torch.maximum),
                (1, 2),
                torch_name="torch.max",
                help="largest element, or the larger of two tensors element by element",
            ),
            Function(
                "min",
                _extreme(torch.min, torch.minimum),
                (1, 2),
                torch_name="torch.min",
                help="smallest element, or the smaller of two tensors element by element",
            ),
            Function("dot", _one(torch.dot), (2, 2), torch_name="torch.dot", help="inner product"),
            Function(
                "mse",
                _mean_squared,
                (2, 2),
                torch_name="torch.nn.functional.mse_loss",
                help="mean of the squared differences",
            ),
        )
    }
)
"""The functions a program may call, by name."""


def function(name: str) -> Function:
    """The operator or function of that name; KeyError if there is none."""
    return OPERATORS.get(name) or FUNCTIONS[name]
