"""Five norms as one formula: they differ only in which cells share a mean and a variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from mlcore.layers.names import Norm

Shape = tuple[int, int, int, int]

AXES: Final[dict[Norm, tuple[str, ...]]] = {
    "batch": ("N", "H", "W"),
    "layer": ("C", "H", "W"),
    "instance": ("H", "W"),
    "group": ("C in a group", "H", "W"),
    "rms": ("C", "H", "W"),
}
"""Over which axes of [N, C, H, W] each norm averages."""


@dataclass(frozen=True, slots=True, eq=False)
class Normalized:
    """A tensor before and after a norm, by a module of ``torch.nn`` and by hand.

    Attributes:
        kind: Which norm.
        input: ``[N, C, H, W]``.
        output: What the module returned, same shape.
        by_hand: γ·(x − μ)/√(σ² + ε) + β from the formula, same shape.
        cells: int64 ``[N, C, H, W]``: the number of the statistic that each cell shares.
        mean: ``[K]``: μ of each statistic; 0 for RMSNorm, the running one for BatchNorm in eval.
        variance: ``[K]``: σ² with the divisor n (biased); RMSNorm's mean square; in eval the
            running one.
        axes: The axes averaged over.
        eps: ε.
        max_difference: The largest |output − by_hand|; NaN beside NaN counts as 0.
        module: The module, with its parameters and running statistics after the call.
    """

    kind: Norm
    input: Tensor
    output: Tensor
    by_hand: Tensor
    cells: Tensor
    mean: Tensor
    variance: Tensor
    axes: tuple[str, ...]
    eps: float
    max_difference: float
    module: nn.Module


@dataclass(frozen=True, slots=True, eq=False)
class NormalizedGradient:
    """Gradients of Σ upstream · output, by autograd and from the formula.

    Attributes:
        input: ``[N, C, H, W]`` by autograd.
        input_by_hand: (γ·g − mean(γ·g) − x̂·mean(γ·g·x̂)) / √(σ² + ε), the means over the cells of
            one statistic (Ioffe, Szegedy: ICML 2015, section 3); in eval γ·g/√(σ² + ε).
        weight: Gradient of γ in γ's shape, or None without affine.
        weight_by_hand: Σ g·x̂.
        bias: Gradient of β, or None (RMSNorm has no β).
        bias_by_hand: Σ g.
        max_difference: The largest difference among all of them.
    """

    input: Tensor
    input_by_hand: Tensor
    weight: Tensor | None
    weight_by_hand: Tensor | None
    bias: Tensor | None
    bias_by_hand: Tensor | None
    max_difference: float


def build_norm(
    kind: Norm,
    shape: Shape,
    *,
    groups: int = 1,
    eps: float = 1e-5,
    momentum: float = 0.1,
    affine: bool = True,
) -> nn.Module:
    """The module of ``torch.nn`` that normalizes tensors of a shape [N, C, H, W].

    Raises:
        ValueError: torch's own, where groups do not divide the channels.
    """
    _, channels, height, width = shape
    match kind:
        case "batch":
            return nn.BatchNorm2d(channels, eps, momentum, affine)
        case "layer":
            return nn.LayerNorm((channels, height, width), eps, affine)
        case "instance":
            return nn.InstanceNorm2d(channels, eps, momentum, affine)
        case "group":
            return nn.GroupNorm(groups, channels, eps, affine)
        case "rms":
            return nn.RMSNorm((channels, height, width), eps, affine)


def shared_cells(kind: Norm, shape: Shape, groups: int = 1) -> Tensor:
    """Which statistic each cell of [N, C, H, W] shares, from 0: int64 of that shape."""
    samples, channels, _, _ = shape
    n = torch.arange(samples).view(-1, 1, 1, 1)
    c = torch.arange(channels).view(1, -1, 1, 1)
    match kind:
        case "batch":
            number = c + 0 * n
        case "layer" | "rms":
            number = n + 0 * c
        case "instance":
            number = n * channels + c
        case "group":
            number = n * groups + c // (channels // groups)
    return number.expand(shape).contiguous()


def normalize(
    kind: Norm,
    x: Tensor,
    *,
    groups: int = 1,
    eps: float = 1e-5,
    momentum: float = 0.1,
    affine: bool = True,
    weight: Tensor | float = 1.0,
    bias: Tensor | float = 0.0,
    training: bool = True,
    module: nn.Module | None = None,
) -> Normalized:
    """Normalize a tensor with a real module, and again by hand.

    Args:
        kind: ``batch``, ``layer``, ``instance``, ``group`` or ``rms``.
        x: Floating-point ``[N, C, H, W]``.
        groups: Of GroupNorm; others pay no heed to it.
        eps: ε, added to the variance.
        momentum: Share of the newest batch in BatchNorm's running statistics.
        affine: Whether there are γ and β.
        weight: γ: a number for all, or a tensor ``[C]`` (LayerNorm, RMSNorm: ``[C, H, W]``).
        bias: β, likewise; RMSNorm has none.
        training: Train or eval mode; only BatchNorm makes a difference between them.
        module: Use this module of the same kind, such as a BatchNorm that has seen batches; the
            settings that make and fill a module are then left aside.

    Raises:
        ValueError: If ``x`` is not [N, C, H, W]; and torch's own errors for groups that do not
            divide the channels or a single value a channel in train mode (``explain`` reads them).
    """
    shape = _shape_of(x)
    if module is None:
        module = build_norm(
            kind, shape, groups=groups, eps=eps, momentum=momentum, affine=affine
        ).to(x.dtype)
        _fill(module, weight, bias)
    module.train(training)
    before = _running(module) if not training else None
    with torch.no_grad():
        output = module(x)
        cells = shared_cells(kind, shape, groups)
        mean, variance = before or _statistics(kind, x, cells)
        hand = (x - mean[cells]) / (variance[cells] + eps).sqrt()
        gamma, beta = _affine(kind, module)
        hand = hand * gamma + beta
    return Normalized(
        kind, x, output, hand, cells, mean, variance, AXES[kind], eps, _gap(output, hand), module
    )


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
    """Send a gradient back through a norm, by autograd and by its closed form.

    Args:
        kind: See ``normalize``, as for the other settings.
        x: ``[N, C, H, W]``.
        upstream: The loss's gradient with respect to the output, same shape.
        groups: Of GroupNorm.
        eps: ε.
        affine: Whether there are γ and β.
        weight: γ.
        training: Train or eval mode.
    """
    shape = _shape_of(x)
    module = build_norm(kind, shape, groups=groups, eps=eps, affine=affine).to(x.dtype)
    _fill(module, weight, 0.0)
    module.train(training)
    running = _running(module) if not training else None
    leaf = x.detach().clone().requires_grad_()
    learned = [
        p for p in (_parameter(module, "weight"), _parameter(module, "bias")) if p is not None
    ]
    grads = torch.autograd.grad(module(leaf), [leaf, *learned], upstream)
    with torch.no_grad():
        cells = shared_cells(kind, shape, groups)
        mean, variance = running or _statistics(kind, x, cells)
        scale = 1.0 / (variance[cells] + eps).sqrt()
        hat = (x - mean[cells]) * scale
        gamma, _ = _affine(kind, module)
        g = upstream * gamma
        if running is not None:
            input_by_hand = g * scale
        else:
            centred = g if kind == "rms" else g - _average(g, cells)[cells]
            input_by_hand = scale * (centred - hat * _average(g * hat, cells)[cells])
        over = (0,) if kind in ("layer", "rms") else (0, 2, 3)
        by_hand = [input_by_hand, (upstream * hat).sum(over), upstream.sum(over)][: len(grads)]
    gap = max(_gap(a, b) for a, b in zip(grads, by_hand, strict=True))
    pad: list[Tensor | None] = [None] * (3 - len(grads))
    auto, hand = [*grads, *pad], [*by_hand, *pad]
    return NormalizedGradient(grads[0], by_hand[0], auto[1], hand[1], auto[2], hand[2], gap)


def _shape_of(x: Tensor) -> Shape:
    if x.dim() != 4 or not x.numel():
        raise ValueError(
            f"The tensor has the shape {tuple(x.shape)}, but must be [N, C, H, W] with no side of "
            "0: use unsqueeze or view to give it four axes."
        )
    n, c, h, w = x.shape
    return n, c, h, w


def _average(values: Tensor, cells: Tensor) -> Tensor:
    """Mean of each statistic's cells, ``[K]``."""
    flat = cells.flatten()
    total = values.new_zeros(int(flat[-1]) + 1).index_add(0, flat, values.flatten())
    return total / flat.bincount()


def _statistics(kind: Norm, x: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    if kind == "rms":
        square = _average(x * x, cells)
        return torch.zeros_like(square), square
    mean = _average(x, cells)
    return mean, _average((x - mean[cells]) ** 2, cells)


def _running(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    mean = getattr(module, "running_mean", None)
    variance = getattr(module, "running_var", None)
    if isinstance(mean, Tensor) and isinstance(variance, Tensor):
        return mean.clone(), variance.clone()
    return None


def _parameter(module: nn.Module, name: str) -> nn.Parameter | None:
    found = getattr(module, name, None)
    return found if isinstance(found, nn.Parameter) else None


def _fill(module: nn.Module, weight: Tensor | float, bias: Tensor | float) -> None:
    with torch.no_grad():
        for name, value in (("weight", weight), ("bias", bias)):
            parameter = _parameter(module, name)
            if parameter is not None:
                parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype))


def _affine(kind: Norm, module: nn.Module) -> tuple[Tensor, Tensor]:
    """γ and β so that they broadcast over [N, C, H, W]."""
    filled = []
    for name, neutral in (("weight", 1.0), ("bias", 0.0)):
        parameter = _parameter(module, name)
        if parameter is None:
            filled.append(torch.tensor(neutral))
        else:
            filled.append(parameter if kind in ("layer", "rms") else parameter.view(-1, 1, 1))
    return filled[0], filled[1]


def _gap(a: Tensor, b: Tensor) -> float:
    both_nan = a.isnan() & b.isnan()
    gap = (a - b).abs().masked_fill(both_nan, 0.0).max()
    return math.nan if bool(gap.isnan()) else float(gap)
