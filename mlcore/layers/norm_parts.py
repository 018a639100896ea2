"""Shared parts of norms: the module, which cells share a statistic, the statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mlcore.layers.names import Norm

Shape = tuple[int, int, int, int]


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

    Example:
        >>> import mlcore
        >>> norm = mlcore.layers.build_norm("group", (4, 6, 5, 5), groups=2)
        >>> print(norm.num_groups, norm.num_channels)
        2 6
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
    """The index of the statistic that each cell of [N, C, H, W] shares: int64 of that shape.

    Example:
        >>> import mlcore
        >>> mlcore.layers.shared_cells("batch", (1, 3, 1, 2)).tolist()
        [[[[0, 0]], [[1, 1]], [[2, 2]]]]
    """
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


def shape_of(x: Tensor) -> Shape:
    """The four dimensions of a tensor. Raises ValueError if it has another number."""
    if x.dim() != 4 or not x.numel():
        raise ValueError(
            f"The tensor has the shape {tuple(x.shape)}, but must be [N, C, H, W] with no side of "
            "0: use unsqueeze or view to give it four axes."
        )
    n, c, h, w = x.shape
    return n, c, h, w


def average(values: Tensor, cells: Tensor) -> Tensor:
    """Mean over the cells of each statistic, ``[K]``."""
    flat = cells.flatten()
    total = values.new_zeros(int(flat[-1]) + 1).index_add(0, flat, values.flatten())
    return total / flat.bincount()


def statistics(kind: Norm, x: Tensor, cells: Tensor) -> tuple[Tensor | None, Tensor]:
    """μ and σ² of each statistic, ``[K]``; for RMSNorm no mean, and the mean of x²."""
    if kind == "rms":
        return None, average(x * x, cells)
    mean = average(x, cells)
    return mean, average((x - mean[cells]) ** 2, cells)


def running_statistics_of(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    """Running mean and variance, copied; None for a module without them."""
    mean = getattr(module, "running_mean", None)
    variance = getattr(module, "running_var", None)
    if isinstance(mean, Tensor) and isinstance(variance, Tensor):
        return mean.clone(), variance.clone()
    return None


def parameter_of(module: nn.Module, name: str) -> nn.Parameter | None:
    """A parameter of a module by name, or None."""
    found = getattr(module, name, None)
    return found if isinstance(found, nn.Parameter) else None


def fill(module: nn.Module, weight: Tensor | float, bias: Tensor | float) -> None:
    """Set γ and β where the module has them."""
    with torch.no_grad():
        for name, value in (("weight", weight), ("bias", bias)):
            parameter = parameter_of(module, name)
            if parameter is not None:
                parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype))


def affine_of(kind: Norm, module: nn.Module) -> tuple[Tensor, Tensor]:
    """γ and β, reshaped to broadcast over [N, C, H, W]."""
    filled = []
    for name, neutral in (("weight", 1.0), ("bias", 0.0)):
        parameter = parameter_of(module, name)
        if parameter is None:
            filled.append(torch.tensor(neutral))
        else:
            filled.append(parameter if kind in ("layer", "rms") else parameter.view(-1, 1, 1))
    return filled[0], filled[1]


def centred(x: Tensor, mean: Tensor | None, cells: Tensor) -> Tensor:
    """Subtract the mean of each cell's statistic; no change where there is none (RMSNorm)."""
    return x if mean is None else x - mean[cells]
