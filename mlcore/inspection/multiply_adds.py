"""Counts the multiply-adds of matrix products, convolutions and attention while they run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Formula = Callable[..., int]
"""From the operation's arguments, and its output as ``out``, to multiply-adds."""

_ATEN: Final = torch.ops.aten


def _product(a: Tensor, b: Tensor, *_: Any, out: Any) -> int:  # noqa: ARG001 - each formula takes it
    """By a matrix or a vector, batched or not: each value of ``a`` times each column of ``b``."""
    return a.numel() * (b.shape[-1] if b.ndim > 1 else 1)


def _added_product(_: Tensor, a: Tensor, b: Tensor, *more: Any, out: Any) -> int:
    return _product(a, b, *more, out=out)


def _matrix_by_vector(a: Tensor, _: Tensor, *more: Any, out: Any) -> int:  # noqa: ARG001
    return a.numel()


def _added_matrix_by_vector(_: Tensor, a: Tensor, *more: Any, out: Any) -> int:  # noqa: ARG001
    return a.numel()


def _convolution(x: Tensor, weight: Tensor, *more: Any, out: Tensor) -> int:
    """Each value that goes out (of a transposed one: that comes in) takes one kernel."""
    transposed = bool(more[4])
    return (x if transposed else out).numel() * math.prod(weight.shape[1:])


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, out: Any) -> int:  # noqa: ARG001
    """QKᵀ, and the weights times V; the same with a causal mask, as is the convention."""
    *outer, length, width = query.shape
    return math.prod(outer) * length * key.shape[-2] * (width + value.shape[-1])


def _bilinear(x: Tensor, weight: Tensor, *_: Any, out: Any) -> int:  # noqa: ARG001
    return x.numel() // max(x.shape[-1], 1) * weight.numel()


FORMULAS: Final[Mapping[Any, Formula]] = {
    _ATEN.mm: _product,
    _ATEN.bmm: _product,
    _ATEN._int_mm: _product,  # noqa: SLF001 - so are they named
    _ATEN._scaled_mm: _product,  # noqa: SLF001
    _ATEN.dot: _product,
    _ATEN.vdot: _product,
    _ATEN.mv: _matrix_by_vector,
    _ATEN.addmm: _added_product,
    _ATEN._addmm_activation: _added_product,  # noqa: SLF001
    _ATEN.baddbmm: _added_product,
    _ATEN.addbmm: _added_product,
    _ATEN.addmv: _added_matrix_by_vector,
    _ATEN.convolution: _convolution,
    _ATEN._trilinear: _bilinear,  # noqa: SLF001
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention,  # noqa: SLF001
    _ATEN._scaled_dot_product_flash_attention: _attention,  # noqa: SLF001
    _ATEN._scaled_dot_product_efficient_attention: _attention,  # noqa: SLF001
    _ATEN._scaled_dot_product_cudnn_attention: _attention,  # noqa: SLF001
}
"""Operations that are counted. All others, such as additions and activations, count as nothing."""


class MultiplyAdds(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """While it is entered, tells the multiply-adds of each operation.

    Args:
        note: Called with a number above 0.
    """

    def __init__(self, note: Callable[[int], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._note = note

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation and note what it takes."""
        out = func(*args, **(kwargs or {}))
        formula = FORMULAS.get(func.overloadpacket)
        if formula is not None and (count := formula(*args, out=out)):
            self._note(count)
        return out
