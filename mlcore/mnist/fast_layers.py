"""Faster replacements of torch layers for training; they compute the same numbers.

``nn.Linear`` multiplies float32 with MKL, which on AMD's processors leaves more than half of their
speed unused: 105 against 235 GFLOP/s for oneDNN on one core of an EPYC (Zen 5), for the course's
256 × 784 by 784 × 256. torch brings oneDNN along and uses it for convolutions and for bfloat16;
``OneDNNLinear`` has it do float32 products as well. ``SeededDropout`` draws its masks from a
generator of the caller's choice instead of torch's global one.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import torch
from torch import Tensor, nn

WORTH_IT: Final = 10_000
"""Weights a layer needs before oneDNN's product gains more than its 15 µs a call cost."""

_generator: ContextVar[torch.Generator | None] = ContextVar("dropout_generator", default=None)


def use_fast_layers(model: nn.Module, device: torch.device) -> None:
    """Replace a network's layers in place; parameters and their names stay."""
    for name, layer in list(model.named_modules()):
        if type(layer) is nn.Linear and device.type == "cpu" and onednn_multiplies():
            if layer.weight.numel() >= WORTH_IT:
                model.set_submodule(name, OneDNNLinear(layer))
        elif type(layer) is nn.Dropout:
            model.set_submodule(name, SeededDropout(layer.p))


def onednn_multiplies() -> bool:
    """Whether this torch offers oneDNN's matrix product for x86 processors."""
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch's own
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and platform.machine().lower() in ("x86_64", "amd64")
    )


def product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """X Wᵀ + b, ``[N, in]`` → ``[N, out]``, by the quicker of the two libraries, with gradients."""
    large = x.device.type == "cpu" and x.dtype == torch.float32 and weight.numel() >= WORTH_IT
    if large and onednn_multiplies():
        quick: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch's own
        return quick
    return torch.addmm(bias, x, weight.t())


class OneDNNLinear(nn.Linear):
    """``torch.nn.Linear`` over the parameters of another one, multiplied by oneDNN in float32."""

    def __init__(self, layer: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name for it
        """Input @ weightᵀ + bias, ``[N, in]`` → ``[N, out]``; under autocast torch's own."""
        if torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        output: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]  # torch's own
        return output


class _Product(torch.autograd.Function):
    """Y = X Wᵀ + b, with ∂X = ∂Y W, ∂W = ∂Yᵀ X and ∂b = Σ ∂Y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _times_transposed(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        dx = _times_transposed(dy, weight.t()) if ctx.needs_input_grad[0] else None
        return dx, _times_transposed(dy.t(), x.t()), dy.sum(dim=0)


def _times_transposed(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """A bᵀ (+ bias); either may be a transposed view."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")  # noqa: SLF001 - torch is pinned to one release
    return product


class SeededDropout(nn.Dropout):
    """``torch.nn.Dropout`` that inside ``masks_from`` draws from that generator.

    So a mask depends neither on other runs nor on which thread computes.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name for it
        """Silence each value with probability p and scale the others by 1 / (1 − p)."""
        generator = _generator.get()
        if generator is None or not self.training:
            return super().forward(input)
        keep = 1.0 - self.p
        mask = torch.empty_like(input).bernoulli_(keep, generator=generator)
        return input * mask.div_(keep)


@contextmanager
def masks_from(generator: torch.Generator) -> Iterator[None]:
    """Draw this thread's dropout masks from a generator on the network's device."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)
