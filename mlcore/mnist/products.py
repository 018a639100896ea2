"""Matrix products of a linear layer, by the BLAS library of torch or by oneDNN.

Which is quicker depends on the processor and on the shape. On an EPYC (Zen 5) MKL, the BLAS of
torch for x86, left more than half of the speed unused: 105 against 235 GFLOP/s for oneDNN on one
core, for the course's 256 × 784 by 784 × 256. On a Xeon (Sapphire Rapids) both reach 150 GFLOP/s
forward, and oneDNN's weight gradient is 12 % slower. So it is measured: see ``steps.calibration``.
torch brings oneDNN along and uses it by itself for convolutions and for bfloat16.
"""

from __future__ import annotations

import platform
from typing import Final, Literal

import torch
from torch import Tensor

Library = Literal["blas", "onednn"]
LIBRARIES: Final[tuple[Library, ...]] = ("blas", "onednn")

WORTH_IT: Final = 10_000
"""Weights a layer needs before oneDNN's product can gain more than its 15 µs a call cost."""


def onednn_multiplies() -> bool:
    """Whether this torch offers oneDNN's matrix product for x86 processors."""
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch's own
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and platform.machine().lower() in ("x86_64", "amd64")
    )


def outputs(
    x: Tensor, weight: Tensor, bias: Tensor, library: Library, out: Tensor | None = None
) -> Tensor:
    """X Wᵀ + b, ``[N, in]`` → ``[N, out]``, in the memory of ``out`` where the library can."""
    if _by_onednn(weight, library):
        return _onednn(x, weight, bias)
    return torch.addmm(bias, x, weight.t(), out=out)


def transposed_outputs(
    x: Tensor, weight: Tensor, bias: Tensor, library: Library, out: Tensor
) -> Tensor:
    """W Xᵀ + b, ``[N, in]`` → ``[out, N]``, in the memory of ``out``; b is ``[out, 1]``."""
    if _by_onednn(weight, library):
        return torch.add(_onednn(weight, x), bias, out=out)
    return torch.addmm(bias, weight, x.t(), out=out)


def weight_gradient(dy: Tensor, x: Tensor, library: Library, out: Tensor | None = None) -> Tensor:
    """∂W = ∂Yᵀ X, ``[out, in]``; written to ``out`` if given."""
    inputs, units = x.shape[1], dy.shape[1]
    if x.dtype == torch.float32 and library == "onednn" and inputs * units >= WORTH_IT:
        found = _onednn(dy.t(), x.t())
        return found if out is None else out.copy_(found)
    return torch.mm(dy.t(), x, out=out)


def input_gradient(
    dy: Tensor, weight: Tensor, library: Library, out: Tensor | None = None
) -> Tensor:
    """∂X = ∂Y W, ``[N, in]``, in the memory of ``out`` where the library can."""
    if _by_onednn(weight, library):
        return _onednn(dy, weight.t())
    return torch.mm(dy, weight, out=out)


def _by_onednn(weight: Tensor, library: Library) -> bool:
    large = weight.dtype == torch.float32 and weight.numel() >= WORTH_IT
    return large and library == "onednn"


def _onednn(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """A bᵀ (+ bias), float32; either may be a transposed view."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")  # noqa: SLF001 - torch is pinned to one release
    return product
