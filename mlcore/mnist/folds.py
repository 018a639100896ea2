"""The folds of cross-validation: which training image is in which fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.core import ConfigError
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.shares import shares

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def fold_numbers(config: MNISTConfig, labels: Tensor) -> Tensor:
    """The fold of each training image; stratified, and decided by ``fold_seed``.

    Fewer images than all (``train_size``) are drawn with the seed, each class by its share. They
    are shuffled within their class, and dealt out class after class: one to the first fold, one to
    the next, and so on. So two folds differ by at most one image, in all and in each class, as
    those of scikit-learn's ``StratifiedKFold`` do.

    Args:
        config: Its ``folds``, ``fold_seed``, ``train_size`` and ``seed`` decide, ``fold`` does not.
        labels: int64 ``[N]``, the class of each training image of the data set.

    Returns:
        int64 ``[N]``: 1 to ``folds``, and 0 for an image that is in none.

    Raises:
        ConfigError: If a class has fewer images than there are folds.

    Example:
        >>> import mlcore
        >>> labels = mlcore.mnist.load().train_labels
        >>> numbers = mlcore.mnist.fold_numbers(mlcore.MNISTConfig(folds=5), labels)
        >>> numbers.bincount().tolist()
        [0, 12000, 12000, 12000, 12000, 12000]
    """
    counts = class_counts(config, labels)
    numbers = torch.zeros(len(labels), dtype=torch.int64)
    dealt = 0
    for label, count in enumerate(counts.tolist()):
        places = (labels == label).nonzero()[:, 0]
        if count < len(places):
            generator = seeded(config.seed, "fold images", label)
            places = places[torch.randperm(len(places), generator=generator)[:count].sort().values]
        order = torch.randperm(count, generator=seeded(config.fold_seed, "folds", label))
        numbers[places[order]] = torch.arange(dealt, dealt + count) % config.folds + 1
        dealt += count
    return numbers


def class_counts(config: MNISTConfig, labels: Tensor) -> Tensor:
    """How many images of each class are divided among the folds: int64 ``[classes]``.

    Raises:
        ConfigError: If a class has fewer than there are folds.
    """
    there = labels.bincount()
    counts = shares(min(config.train_size, len(labels)), there, there)
    few = [label for label, n in enumerate(counts.tolist()) if n < config.folds and there[label]]
    if few:
        label, n = few[0], int(counts[few[0]])
        raise ConfigError(
            {
                "folds": f"folds is {config.folds}, but of the class with label {label} there "
                f"{'is' if n == 1 else 'are'} {n} image{'s' * (n != 1)}, and each fold needs "
                "one: give fewer folds, or more images (train_size)."
            }
        )
    return counts
