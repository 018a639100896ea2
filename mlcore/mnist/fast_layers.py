"""Replacements of torch layers for training; they compute the same numbers.

``MeasuredLinear`` multiplies by the libraries it is given (see ``mlcore.mnist.products``).
``SeededDropout`` draws its masks from a generator of the caller's choice instead of torch's global
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from mlcore.mnist import products
from mlcore.mnist.products import WORTH_IT, Library

_generator: ContextVar[torch.Generator | None] = ContextVar("dropout_generator", default=None)


def use_fast_layers(
    model: nn.Module, device: torch.device, libraries: tuple[Library, Library]
) -> None:
    """Replace a network's layers in place; parameters and their names stay.

    Args:
        model: The network.
        device: Where it computes.
        libraries: Which one multiplies forward, and which one backward, on the CPU.
    """
    measured = device.type == "cpu" and "onednn" in libraries
    for name, layer in list(model.named_modules()):
        if type(layer) is nn.Linear and measured and layer.weight.numel() >= WORTH_IT:
            model.set_submodule(name, MeasuredLinear(layer, libraries))
        elif type(layer) is nn.Dropout:
            model.set_submodule(name, SeededDropout(layer.p))


def product(x: Tensor, weight: Tensor, bias: Tensor, libraries: tuple[Library, Library]) -> Tensor:
    """X Wᵀ + b, ``[N, in]`` → ``[N, out]``, by these libraries, with gradients.

    Under autocast by torch, as in ``OneDNNLinear``.
    """
    if torch.is_autocast_enabled(x.device.type):
        return torch.addmm(bias, x, weight.t())
    if "onednn" in libraries and weight.numel() >= WORTH_IT and x.dtype == torch.float32:
        quick: Tensor = _Product.apply(x, weight, bias, libraries)  # type: ignore[no-untyped-call]  # torch's own
        return quick
    return torch.addmm(bias, x, weight.t())


class MeasuredLinear(nn.Linear):
    """``torch.nn.Linear`` over the parameters of another one, multiplied by given libraries."""

    def __init__(self, layer: nn.Linear, libraries: tuple[Library, Library]) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self._libraries = libraries

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name for it
        """Input @ weightᵀ + bias, ``[N, in]`` → ``[N, out]``; under autocast torch's own."""
        if torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        return product(input, self.weight, self.bias, self._libraries)


class _Product(torch.autograd.Function):
    """Y = X Wᵀ + b, with ∂X = ∂Y W, ∂W = ∂Yᵀ X and ∂b = Σ ∂Y."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, libraries: tuple[Library, Library]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.back = libraries[1]
        return products.outputs(x, weight, bias, libraries[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        dx = products.input_gradient(dy, weight, ctx.back) if ctx.needs_input_grad[0] else None
        return dx, products.weight_gradient(dy, x, ctx.back), dy.sum(dim=0), None


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
