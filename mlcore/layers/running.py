"""BatchNorm's running mean and variance over a series of batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlcore.layers.differences import largest_difference


@dataclass(frozen=True, slots=True, eq=False)
class RunningTrace:
    """Each batch's statistics, and BatchNorm's running statistics after it.

    Attributes:
        batch_mean: ``[T, C]``: mean of each batch.
        biased: ``[T, C]``: variance of each batch with the divisor n, which train mode divides by.
        unbiased: ``[T, C]``: with the divisor n − 1, which the running variance takes in.
        running_mean: ``[T + 1, C]``: the module's, before the first batch and after each.
        running_variance: ``[T + 1, C]``: likewise.
        mean_by_rule: ``[T + 1, C]``: (1 − m)ᵗ·0 + Σ m·(1 − m)ᵗ⁻ᵏ·batch mean, in closed form.
        variance_by_rule: ``[T + 1, C]``: likewise, from 1 and the unbiased variances.
        train_eval_gap: ``[T]``: the largest difference of a batch's output between train mode and
            eval mode right after it.
        max_difference: Between the module's running statistics and the rule's.
        module: The BatchNorm after all batches, in eval mode.
    """

    batch_mean: Tensor
    biased: Tensor
    unbiased: Tensor
    running_mean: Tensor
    running_variance: Tensor
    mean_by_rule: Tensor
    variance_by_rule: Tensor
    train_eval_gap: Tensor
    max_difference: float
    module: nn.BatchNorm2d


@torch.no_grad()
def running_statistics(
    batches: Tensor, *, momentum: float = 0.1, eps: float = 1e-5
) -> RunningTrace:
    """Feed batches to a BatchNorm in train mode and record its running statistics.

    Args:
        batches: ``[T, N, C, H, W]``.
        momentum: m, the share of the newest batch: running ← (1 − m)·running + m·batch.
        eps: ε.

    Raises:
        ValueError: torch's own, if a batch holds a single value a channel.

    Example:
        >>> import mlcore, torch
        >>> batches = torch.ones(3, 2, 1, 2, 2, dtype=torch.float64)
        >>> trace = mlcore.layers.running_statistics(batches, momentum=0.5)
        >>> print(trace.running_mean.flatten().tolist())
        [0.0, 0.5, 0.75, 0.875]
    """
    moments, _, channels, _, _ = batches.shape
    module = nn.BatchNorm2d(channels, eps, momentum).to(batches.dtype)
    means, variances = [_copy(module.running_mean)], [_copy(module.running_var)]
    gaps: list[Tensor] = []
    for batch in batches:
        trained = module.train()(batch)
        means.append(_copy(module.running_mean))
        variances.append(_copy(module.running_var))
        gaps.append((trained - module.eval()(batch)).abs().max())
    over = (1, 3, 4)
    batch_mean = batches.mean(over)
    biased = batches.var(over, correction=0)
    unbiased = batches.var(over, correction=1)
    keep = (1.0 - momentum) ** torch.arange(moments + 1, dtype=batches.dtype)
    # weights[t, k]: what batch k still counts for after batch t.
    age = torch.arange(moments + 1).view(-1, 1) - torch.arange(1, moments + 1)
    weights = momentum * (1.0 - momentum) ** age.clamp(min=0).to(batches.dtype) * (age >= 0)
    mean_by_rule = weights @ batch_mean
    variance_by_rule = keep.view(-1, 1) + weights @ unbiased
    running_mean, running_variance = torch.stack(means), torch.stack(variances)
    gap = largest_difference((running_mean, mean_by_rule), (running_variance, variance_by_rule))
    return RunningTrace(
        batch_mean,
        biased,
        unbiased,
        running_mean,
        running_variance,
        mean_by_rule,
        variance_by_rule,
        torch.stack(gaps),
        gap,
        module,
    )


def _copy(statistic: Tensor | None) -> Tensor:
    if statistic is None:
        raise TypeError("The BatchNorm has no running statistics.")
    return statistic.clone()
