"""Measures which samples' outputs change when one sample of the batch is changed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import build_norm


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """How far each sample's output moved when one sample's input was changed.

    Attributes:
        kind: Which norm.
        training: Train or eval mode.
        moved: ``[N]``: the largest |change of output| in each sample.
    """

    kind: Norm
    training: bool
    moved: Tensor


@torch.no_grad()
def perturb(
    kind: Norm,
    x: Tensor,
    *,
    sample: int = 0,
    amount: float = 1.0,
    groups: int = 1,
    eps: float = 1e-5,
    training: bool = True,
    seed: int = 0,
) -> Influence:
    """Add noise to one sample and measure how far the output of each sample moves.

    Args:
        kind: Which norm.
        x: ``[N, C, H, W]``.
        sample: Which sample to change, from 0.
        amount: Standard deviation of the noise.
        groups: Of GroupNorm.
        eps: ε.
        training: Train or eval mode (fresh running statistics: mean 0, variance 1).
        seed: Of the noise.

    Raises:
        ValueError: torch's own, see ``normalize``.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(48.0).reshape(3, 4, 2, 2).sin()
        >>> print((mlcore.layers.perturb("batch", x).moved > 0).tolist())
        [True, True, True]
        >>> print((mlcore.layers.perturb("layer", x).moved > 0).tolist())
        [True, False, False]
    """
    n, c, h, w = x.shape
    module = build_norm(kind, (n, c, h, w), groups=groups, eps=eps).to(x.dtype).train(training)
    changed = x.clone()
    noise = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    changed[sample] += amount * noise
    moved = (module(changed) - module(x)).abs().flatten(1).max(1).values
    return Influence(kind, training, moved)
