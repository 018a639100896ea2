"""Leaves, the inputs of a program: as text, as numbers and as PyTorch tensors."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from mlcore.autograd import tokens
from mlcore.autograd.errors import ProgramError

if TYPE_CHECKING:
    import torch

MAX_ELEMENTS: Final = 64
DType: TypeAlias = Literal["float32", "float64", "float16", "bfloat16", "int64"]
DTYPES: Final[tuple[DType, ...]] = get_args(DType)

Nested: TypeAlias = float | tuple["Nested", ...]
"""A tensor's elements as nested tuples; a scalar is a plain float."""
LeafValue: TypeAlias = float | Sequence["LeafValue"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One input of a program.

    Attributes:
        value: A number, a vector or a matrix of at most ``MAX_ELEMENTS`` elements.
        requires_grad: Whether PyTorch is asked for its gradient.
        dtype: Name of the PyTorch dtype.
    """

    value: Nested
    requires_grad: bool = True
    dtype: DType = "float32"

    def tensor(self, dtype: DType | None = None) -> torch.Tensor:
        """A new leaf tensor; the proofs ask for float64.

        Raises:
            RuntimeError: PyTorch's own, where an integer leaf is to require a gradient.
        """
        import torch

        chosen = dtype or self.dtype
        value = _whole(self.value) if chosen == "int64" else self.value
        return torch.tensor(value, dtype=getattr(torch, chosen), requires_grad=self.requires_grad)

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for a scalar, ``(n,)`` for a vector, ``(rows, columns)`` for a matrix."""
        return shape_of(self.value)

    def replace(self, index: tuple[int, ...], value: float) -> Leaf:
        """The same leaf with one element changed; ``()`` is a scalar's index."""
        return replace(self, value=_replaced(self.value, index, value))


def leaf(value: LeafValue | Leaf, *, requires_grad: bool = True, dtype: DType = "float32") -> Leaf:
    """Make a leaf from a number, a (nested) sequence or a tensor.

    Raises:
        TypeError: For text.
        ValueError: For too many elements, ragged rows, more than two dimensions or a number that
            is not finite.
    """
    if isinstance(value, Leaf):
        return value
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}, but must be one of {', '.join(DTYPES)}.")
    listed = value.tolist() if hasattr(value, "tolist") else value
    nested = _nested(listed)
    shape_of(nested)
    return Leaf(nested, requires_grad, dtype)


def parse_leaf(text: str, *, requires_grad: bool = True, dtype: DType = "float32") -> Leaf:
    """Parse a leaf's text: ``2``, ``[1, -2.5]`` or ``[[1, 2], [3, 4]]``.

    Raises:
        ProgramError: With the column, for anything else and for more than ``MAX_ELEMENTS``.

    Example:
        >>> from mlcore import autograd
        >>> autograd.parse_leaf("[1, -2.5]").tensor()
        tensor([ 1.0000, -2.5000], requires_grad=True)
    """
    text = " ".join(text.split())
    for token in tokens.scan(text):
        if token.kind == "name" or (
            token.kind == "operator" and token.text not in ("[", "]", ",", "-", "+")
        ):
            raise ProgramError(
                f"{token.text[:20]!r} is no number; write a number such as 2 or 1e-6, or a list "
                "such as [1, 2].",
                1,
                token.column,
                text,
            )
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        said = "nothing is written" if not text else "this cannot be read"
        raise ProgramError(f"{said}; write 2, [1, 2] or [[1, 2], [3, 4]].", 1, 1, text) from None
    value = _read(node, text)
    try:
        return leaf(value, requires_grad=requires_grad, dtype=dtype)
    except ValueError as error:
        raise ProgramError(str(error), 1, 1, text) from None


def _read(node: ast.expr, text: str) -> LeafValue:
    sign = 1
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign, node = sign * (-1 if isinstance(node.op, ast.USub) else 1), node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(sign * node.value)
    if isinstance(node, ast.List):
        return [_read(item, text) for item in node.elts]
    raise ProgramError(
        "this cannot be read; write 2, [1, 2] or [[1, 2], [3, 4]].", 1, node.col_offset + 1, text
    )


def leaf_text(value: Nested) -> str:
    """The inverse of ``parse_leaf``: ``[1, -2.5]``."""
    if isinstance(value, tuple):
        return "[" + ", ".join(leaf_text(item) for item in value) + "]"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def shape_of(value: Nested) -> tuple[int, ...]:
    """The shape of nested tuples.

    Raises:
        ValueError: For ragged rows, more than two dimensions or too many elements.
    """
    if not isinstance(value, tuple):
        return ()
    shapes = {shape_of(item) for item in value}
    if not value or len(shapes) != 1:
        raise ValueError("All rows must have the same length, one or more, as in [[1, 2], [3, 4]].")
    shape = (len(value), *shapes.pop())
    if len(shape) > 2:
        raise ValueError("At most two dimensions are allowed: a number, a vector or a matrix.")
    if math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(
            f"There are {math.prod(shape)} elements; at most {MAX_ELEMENTS} are allowed."
        )
    return shape


def elements(value: Nested) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Every element with its index, row by row."""
    if not isinstance(value, tuple):
        return (((), value),)
    return tuple(
        ((i, *index), element) for i, item in enumerate(value) for index, element in elements(item)
    )


def element_name(name: str, index: tuple[int, ...]) -> str:
    """``x``, ``w[0]``, ``A[0,1]``."""
    return name + (f"[{','.join(map(str, index))}]" if index else "")


def at(value: Nested, index: tuple[int, ...]) -> float:
    """The element at an index."""
    for i in index:
        if not isinstance(value, tuple):
            break
        value = value[i]
    if isinstance(value, tuple):
        raise IndexError(f"The index {index} names no single element.")
    return value


def named_elements(leaves: Mapping[str, Leaf]) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """Each element of each leaf that requires a gradient: its name → leaf and index."""
    return MappingProxyType(
        {
            element_name(name, index): (name, index)
            for name, given in leaves.items()
            if given.requires_grad
            for index, _ in elements(given.value)
        }
    )


def _nested(value: LeafValue) -> Nested:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"A leaf is a number or a list of numbers, not {value!r:.40}.")
    if isinstance(value, Sequence):
        if len(value) > MAX_ELEMENTS:
            raise ValueError(
                f"There are {len(value)} rows; at most {MAX_ELEMENTS} elements are allowed."
            )
        return tuple(_nested(item) for item in value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is given, but only finite numbers are allowed.")
    return number


def _replaced(value: Nested, index: tuple[int, ...], new: float) -> Nested:
    if not index:
        return new
    if not isinstance(value, tuple):
        raise IndexError("The index is longer than the leaf has dimensions.")
    return tuple(_replaced(v, index[1:], new) if i == index[0] else v for i, v in enumerate(value))


def _whole(value: Nested) -> int | list[object]:
    return [_whole(item) for item in value] if isinstance(value, tuple) else int(value)
