"""The gradients of a norm: by autograd and in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import (
    affine_of,
    average,
    build_norm,
    centred,
    fill,
    parameter_of,
    running_statistics_of,
    shape_of,
    shared_cells,
    statistics,
)


@dataclass(frozen=True, slots=True, eq=False)
class NormalizedGradient:
    """Gradients of Σ upstream · output, by autograd and from the formula.

    Attributes:
        input: ``[N, C, H, W]`` by autograd.
        input_by_hand: (γ·g − mean(γ·g) − x̂·mean(γ·g·x̂)) / √(σ² + ε), the means over the cells of
            one statistic (Ioffe, Szegedy: ICML 2015, section 3); for RMSNorm without mean(γ·g); in
            eval mode of BatchNorm γ·g/√(σ² + ε).
        weight: Gradient of γ in γ's shape, or None without affine.
        weight_by_hand: Σ g·x̂.
        bias: Gradient of β, or None (RMSNorm has no β).
        bias_by_hand: Σ g.
        max_difference: The largest difference among them; NaN where a number is not finite.
    """

    input: Tensor
    input_by_hand: Tensor
    weight: Tensor | None
    weight_by_hand: Tensor | None
    bias: Tensor | None
    bias_by_hand: Tensor | None
    max_difference: float


def normalize_backward(
    kind: Norm,
    x: Tensor,
    upstream: Tensor,
    *,
    groups: int = 1,
    eps: float = 1e-5,
    affine: bool = True,
    weight: Tensor | float = 1.0,
    training: bool = True,
) -> NormalizedGradient:
    """Backpropagate through a norm, by autograd and by its closed form.

    Args:
        kind: See ``normalize``, as for the other settings.
        x: ``[N, C, H, W]``.
        upstream: The loss's gradient with respect to the output, same shape.
        groups: Of GroupNorm.
        eps: ε.
        affine: Whether there are γ and β.
        weight: γ.
        training: Train or eval mode.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(16.0, dtype=torch.float64).reshape(1, 4, 2, 2)
        >>> gradient = mlcore.layers.normalize_backward("layer", x, torch.ones_like(x))
        >>> print(gradient.bias.shape, gradient.max_difference < 1e-12)
        torch.Size([4, 2, 2]) True
    """
    shape = shape_of(x)
    module = build_norm(kind, shape, groups=groups, eps=eps, affine=affine).to(x.dtype)
    fill(module, weight, 0.0)
    module.train(training)
    running = running_statistics_of(module) if not training else None
    leaf = x.detach().clone().requires_grad_()
    learned = [
        p for p in (parameter_of(module, "weight"), parameter_of(module, "bias")) if p is not None
    ]
    grads = torch.autograd.grad(module(leaf), [leaf, *learned], upstream)
    with torch.no_grad():
        cells = shared_cells(kind, shape, groups)
        mean, square = running or statistics(kind, x, cells)
        scale = 1.0 / (square[cells] + eps).sqrt()
        hat = centred(x, mean, cells) * scale
        gamma, _ = affine_of(kind, module)
        g = upstream * gamma
        if running is not None:
            input_by_hand = g * scale
        else:
            rest = g if kind == "rms" else g - average(g, cells)[cells]
            input_by_hand = scale * (rest - hat * average(g * hat, cells)[cells])
        over = (0,) if kind in ("layer", "rms") else (0, 2, 3)
        by_hand = [input_by_hand, (upstream * hat).sum(over), upstream.sum(over)][: len(grads)]
    largest = largest_difference(*zip(grads, by_hand, strict=True))
    pad: list[Tensor | None] = [None] * (3 - len(grads))
    auto, hand = [*grads, *pad], [*by_hand, *pad]
    return NormalizedGradient(grads[0], by_hand[0], auto[1], hand[1], auto[2], hand[2], largest)
