"""Five norms as one formula: they differ only in which cells share a mean and a variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import (
    affine_of,
    build_norm,
    fill,
    gap,
    running_statistics_of,
    shape_of,
    shared_cells,
    statistics,
)

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
    shape = shape_of(x)
    if module is None:
        module = build_norm(
            kind, shape, groups=groups, eps=eps, momentum=momentum, affine=affine
        ).to(x.dtype)
        fill(module, weight, bias)
    module.train(training)
    before = running_statistics_of(module) if not training else None
    with torch.no_grad():
        output = module(x)
        cells = shared_cells(kind, shape, groups)
        mean, variance = before or statistics(kind, x, cells)
        hand = (x - mean[cells]) / (variance[cells] + eps).sqrt()
        gamma, beta = affine_of(kind, module)
        hand = hand * gamma + beta
    return Normalized(
        kind, x, output, hand, cells, mean, variance, AXES[kind], eps, gap(output, hand), module
    )
