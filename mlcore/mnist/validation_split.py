"""The split of the training images: which are learned from, and which are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from mlcore.mnist.folds import fold_numbers
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.shares import shares

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig
    from mlcore.mnist.data.digits import Digits

Part = Literal["validation", "test"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places among all training images of a data set, each part in ascending order.

    Attributes:
        train: int64 ``[num_train]``, the images that the run learns from; None for all of them.
        validation: int64 ``[validation_images]``, the images held out; None without a split.
    """

    train: Tensor | None
    validation: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """The images on which a run is evaluated while it trains.

    Attributes:
        part: ``validation`` where the config has a split, else ``test``.
        images: uint8 ``[M, 28, 28]``.
        labels: int64 ``[M]``.
    """

    part: Part
    images: Tensor
    labels: Tensor


def split(config: MNISTConfig, labels: Tensor) -> Split:
    """Draw a config's training and validation part; both depend on its seed alone.

    With ``folds`` they are the fold that is held out and the others together: see
    ``mlcore.mnist.folds``.

    With a validation part both parts are stratified: each class's share of a part is its share of
    the data, rounded to whole images. Without one, fewer images than all are drawn at random.

    Args:
        config: Its ``train_size``, ``validation_size`` and ``seed`` decide.
        labels: int64 ``[N]``, the class of each training image of the data set.

    Raises:
        DataUnavailableError: If the folder has no more images than ``validation_size``.
        ConfigError: If a class has fewer images than there are folds.

    Example:
        >>> import mlcore
        >>> config = mlcore.MNISTConfig(validation_size=10_000)
        >>> parts = mlcore.mnist.split(config, mlcore.mnist.load().train_labels)
        >>> print(len(parts.train), len(parts.validation))
        50000 10000
    """
    if config.folds:
        numbers = fold_numbers(config, labels)
        inside = (numbers > 0) & (numbers != config.fold)
        return Split(inside.nonzero()[:, 0], (numbers == config.fold).nonzero()[:, 0])
    if not config.validation_size:
        if config.train_size >= len(labels):
            return Split(None, None)
        order = torch.randperm(len(labels), generator=seeded(config.seed, "subset"))
        return Split(order[: config.train_size].sort().values, None)
    images = config.num_train()  # raises where the folder is too small
    counts = labels.bincount()
    held = shares(config.validation_size, counts, counts)
    learned = shares(images, counts, counts - held)
    train, validation = [], []
    for label in range(len(counts)):
        places = (labels == label).nonzero()[:, 0]
        generator = seeded(config.seed, "validation", label)
        order = places[torch.randperm(len(places), generator=generator)]
        cut = int(held[label])
        validation.append(order[:cut])
        train.append(order[cut : cut + int(learned[label])])
    return Split(torch.cat(train).sort().values, torch.cat(validation).sort().values)


def held_out(config: MNISTConfig, digits: Digits) -> HeldOut:
    """The images that evaluate a run: its validation part, or the test set without a split.

    Example:
        >>> import mlcore
        >>> digits = mlcore.mnist.load()
        >>> held = mlcore.mnist.held_out(mlcore.MNISTConfig(validation_size=500), digits)
        >>> print(held.part, held.images.shape)
        validation torch.Size([500, 28, 28])
    """
    places = split(config, digits.train_labels).validation if config.sealed() else None
    if places is None:
        return HeldOut("test", digits.test_images, digits.test_labels)
    return HeldOut("validation", digits.train_images[places], digits.train_labels[places])
