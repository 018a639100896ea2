"""Softmax regression on all folds of a cross-validation at once, without and with a leak.

A leak is whatever lets a model learn from the samples that are to judge it. Two of them are here:

- ``normalization``: mean and standard deviation are taken over all samples, those of the fold that
  is held out included.
- ``copies``: the samples are augmented before they are divided, so that copies of those that are
  held out are among those that are learned from.

Source: Kaufman, Rosset, Perlich and Stitelman, "Leakage in data mining", ACM TKDD 6(4), 2012;
Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, section 7.10.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mlcore.core import InputError
from mlcore.generalization.checks import one_of, real, whole

Leak = Literal["none", "normalization", "copies"]

LEAKS: Final[tuple[Leak, ...]] = get_args(Leak)
LEAST_STD: Final = 0.1
"""Inputs are divided by no less than this, or those that hardly vary would count most."""
MOMENTUM: Final = 0.9
MOST_STEPS: Final = 1000
_EVERY: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class FoldCurves:
    """What the models of K folds reached while they were trained.

    Attributes:
        steps: int64 ``[E]``, steps of gradient descent done, every fifth and the last.
        train: Accuracy on what each model learns from, ``[E, K]``, copies included.
        validation: Accuracy on the fold that each model does not learn from, ``[E, K]``.
        fresh: Accuracy on samples that are in no fold, ``[E, K]``; None if there were none.
        weights: Of the standardized inputs in the end, ``[K, D, classes]``.
        biases: ``[K, classes]``.
    """

    steps: Tensor
    train: Tensor
    validation: Tensor
    fresh: Tensor | None
    weights: Tensor
    biases: Tensor

    @property
    def estimate(self) -> float:
        """The cross-validated accuracy: the mean over the folds in the end."""
        return float(self.validation[-1].mean())

    @property
    def standard_error(self) -> float:
        """s/√K of the accuracies in the end, as if the folds were independent."""
        return float(self.validation[-1].std()) / math.sqrt(self.validation.shape[1])

    @property
    def truth(self) -> float:
        """What is estimated: the models' mean accuracy on fresh samples; NaN without any."""
        return math.nan if self.fresh is None else float(self.fresh[-1].mean())


def train_folds(
    samples: Tensor,
    labels: Tensor,
    numbers: Tensor,
    *,
    copies: Tensor | None = None,
    leak: Leak = "none",
    fresh: tuple[Tensor, Tensor] | None = None,
    steps: int = 60,
    lr: float = 0.03,
) -> FoldCurves:
    """Train a softmax regression for each fold by gradient descent, all of them as one program.

    Model k starts from zeros and minimizes the mean cross-entropy of softmax(W_kᵀz + b_k) over the
    samples of all folds but the k-th, z = (x − mean)/max(std, 0.1) for each input, by full-batch
    gradient descent with momentum 0.9. Mean and std are of what the model learns from. As z is
    linear in x, W_k acts on x as W_k/std, so that one product serves all folds.

    Args:
        samples: Floating point ``[N, D]``.
        labels: int64 ``[N]``, classes from 0.
        numbers: int64 ``[N]``, the fold of each sample, from 1, as ``mlcore.mnist.fold_numbers``
            gives them.
        copies: Augmented copies of each sample, ``[C, N, D]``. A model learns from those of its
            own samples.
        leak: What each model gets of the fold that judges it.
        fresh: Samples ``[F, D]`` and labels ``[F]`` that are in no fold, to see the truth.
        steps: Of gradient descent.
        lr: Learning rate.

    Raises:
        ValueError: If the shapes do not fit, a fold is empty, or a number is out of bounds.

    Example:
        >>> import torch
        >>> from mlcore.generalization import train_folds
        >>> generator = torch.Generator().manual_seed(0)
        >>> labels = torch.arange(60) % 3
        >>> samples = torch.randn(60, 4, generator=generator) + 2 * labels[:, None]
        >>> folds = train_folds(samples, labels, torch.arange(60) // 12 + 1)
        >>> print(folds.validation.shape, folds.estimate > 0.8)
        torch.Size([13, 5]) True
    """
    one_of("leak", leak, LEAKS)
    whole("steps", steps, 1, MOST_STEPS)
    real("lr", lr, 1e-6, 10.0)
    count = _check(samples, labels, numbers, copies)
    n = len(samples)
    rows = samples if copies is None else torch.cat([samples, *copies])
    targets = labels.repeat(len(rows) // n)
    held = numbers == torch.arange(1, count + 1)[:, None]
    learned = ~held.repeat(1, len(rows) // n)
    if leak == "copies":
        learned[:, n:] = True
    share = learned.to(rows.dtype)
    share = share / share.sum(dim=1, keepdim=True)
    seen = torch.full_like(share, 1 / len(rows)) if leak == "normalization" else share
    mean, std = _moments(rows, seen)
    classes = int(labels.max()) + 1
    truth = one_hot(targets, classes).to(rows.dtype)
    weights = rows.new_zeros(count, rows.shape[1], classes)
    biases = rows.new_zeros(count, classes)
    parts = (weights, biases, torch.zeros_like(weights), torch.zeros_like(biases))
    logs: list[tuple[int, Tensor, Tensor, Tensor | None]] = []
    for step in range(steps + 1):
        outputs = _outputs(rows, weights, biases, mean, std)
        if step % _EVERY == 0 or step == steps:
            right = (outputs.argmax(dim=2) == targets[:, None]).T.to(rows.dtype)
            inside = (right[:, :n] * held).sum(dim=1) / held.sum(dim=1)
            of_fresh = None
            if fresh is not None:
                guessed = _outputs(fresh[0], weights, biases, mean, std).argmax(dim=2)
                of_fresh = (guessed == fresh[1][:, None]).to(rows.dtype).mean(dim=0)
            logs.append((step, (right * share).sum(dim=1), inside, of_fresh))
        if step < steps:
            _descend(parts, rows, outputs.softmax(dim=2) - truth[:, None], share, mean, std, lr)
    found = [one[3] for one in logs if one[3] is not None]
    return FoldCurves(
        steps=torch.tensor([one[0] for one in logs]),
        train=torch.stack([one[1] for one in logs]),
        validation=torch.stack([one[2] for one in logs]),
        fresh=torch.stack(found) if found else None,
        weights=weights,
        biases=biases,
    )


def _moments(rows: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each input, weighted for each fold: ``[K, D]``."""
    mean = seen @ rows
    variance = (seen @ rows.square() - mean.square()).clamp(min=0)
    return mean, variance.sqrt().clamp(min=LEAST_STD)


def _outputs(rows: Tensor, weights: Tensor, biases: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Outputs of all models for all rows, ``[M, K, classes]``."""
    scaled = weights / std[:, :, None]
    shift = biases - (mean[:, None] @ scaled)[:, 0]
    count, inputs, classes = scaled.shape
    together = scaled.permute(1, 0, 2).reshape(inputs, count * classes)
    return (rows @ together + shift.flatten()).view(-1, count, classes)


def _descend(
    parts: tuple[Tensor, Tensor, Tensor, Tensor],
    rows: Tensor,
    errors: Tensor,
    share: Tensor,
    mean: Tensor,
    std: Tensor,
    lr: float,
) -> None:
    """One step of all models, in place; ``errors`` are softmax less target, ``[M, K, classes]``."""
    weights, biases, velocity, bias_velocity = parts
    errors = errors * share.T[:, :, None]
    summed = errors.sum(dim=0)
    count, classes = summed.shape
    raw = (rows.T @ errors.flatten(1)).view(-1, count, classes).permute(1, 0, 2)
    gradient = (raw - mean[:, :, None] * summed[:, None]) / std[:, :, None]
    weights.sub_(velocity.mul_(MOMENTUM).add_(gradient), alpha=lr)
    biases.sub_(bias_velocity.mul_(MOMENTUM).add_(summed), alpha=lr)


def _check(samples: Tensor, labels: Tensor, numbers: Tensor, copies: Tensor | None) -> int:
    """Refuse shapes that do not fit; returns the number of folds."""
    n = len(samples)
    if samples.ndim != 2 or labels.shape != (n,) or numbers.shape != (n,) or not n:
        raise InputError(
            f"samples has the shape {list(samples.shape)}, labels {list(labels.shape)} and numbers "
            f"{list(numbers.shape)}; give [N, D], [N] and [N]."
        )
    if copies is not None and copies.shape[1:] != samples.shape:
        raise InputError(
            f"copies has the shape {list(copies.shape)}; give [C, {n}, {samples.shape[1]}]."
        )
    sizes = numbers.bincount() if int(numbers.min()) >= 0 else numbers.new_zeros(1)
    if int(sizes[0]) or len(sizes) < 3 or int(sizes[1:].min()) == 0:
        raise InputError(
            "numbers must hold the fold of each sample, from 1 to at least 2, and each fold needs "
            f"a sample; it holds {sorted(set(numbers.tolist()))[:6]}."
        )
    return len(sizes) - 1
