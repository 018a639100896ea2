"""Five norms as one formula: they differ in which cells share a mean and a variance.

RMSNorm alone leaves the mean out and divides by the root of the mean square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import (
    affine_of,
    build_norm,
    centred,
    fill,
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
    """A tensor before and after a norm, by a module of ``torch.nn`` and by formula.

    Attributes:
        kind: Which norm.
        input: ``[N, C, H, W]``.
        output: What the module returned, same shape.
        by_hand: γ·(x − μ)/√(σ² + ε) + β from the formula, same shape; for RMSNorm
            γ·x/√(mean of x² + ε).
        cells: int64 ``[N, C, H, W]``: the number of the statistic that each cell shares.
        mean: ``[K]``: μ of each statistic, for BatchNorm in eval the running one; None for
            RMSNorm, which subtracts no mean.
        variance: ``[K]``: σ² with the divisor n (biased), for BatchNorm in eval the running one;
            None for RMSNorm, which takes the mean square instead.
        mean_square: ``[K]``: the mean of x², for RMSNorm; None for the others.
        divisor: ``[K]``: what x − μ (RMSNorm: x) is divided by: √(σ² + ε), or √(mean square + ε).
        axes: The axes averaged over.
        eps: ε.
        max_difference: The largest |output − by_hand|; NaN where one of them is not finite.
        module: The module, with its parameters and running statistics after the call.
    """

    kind: Norm
    input: Tensor
    output: Tensor
    by_hand: Tensor
    cells: Tensor
    mean: Tensor | None
    variance: Tensor | None
    mean_square: Tensor | None
    divisor: Tensor
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
    """Normalize a tensor with a module of ``torch.nn``, and again by formula.

    Args:
        kind: ``batch``, ``layer``, ``instance``, ``group`` or ``rms``.
        x: Floating-point ``[N, C, H, W]``.
        groups: Of GroupNorm; the others ignore it.
        eps: ε, added to the variance (RMSNorm: to the mean square).
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

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(16.0).reshape(1, 4, 2, 2)
        >>> norm = mlcore.layers.normalize("group", x, groups=2)
        >>> print(norm.axes, norm.mean, norm.max_difference < 1e-6)
        ('C in a group', 'H', 'W') tensor([ 3.5000, 11.5000]) True
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
        mean, square = before or statistics(kind, x, cells)
        divisor = (square + eps).sqrt()
        gamma, beta = affine_of(kind, module)
        hand = centred(x, mean, cells) / divisor[cells] * gamma + beta
    return Normalized(
        kind=kind,
        input=x,
        output=output,
        by_hand=hand,
        cells=cells,
        mean=mean,
        variance=None if kind == "rms" else square,
        mean_square=square if kind == "rms" else None,
        divisor=divisor,
        axes=AXES[kind],
        eps=eps,
        max_difference=largest_difference((output, hand)),
        module=module,
    )
