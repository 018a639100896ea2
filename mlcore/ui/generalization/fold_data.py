"""The images, folds and models of the view *Folds*, computed once for all tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.mnist.config import MNISTConfig

if TYPE_CHECKING:
    from torch import Tensor

    from mlcore.generalization import FoldCurves
    from mlcore.generalization.fold_training import Leak

FRESH: Final = 4000
"""Training images of MNIST that are in no fold, to see the truth by."""
STEPS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class FoldImages:
    """The images that are divided into folds, and others.

    Attributes:
        places: int64 ``[n]``, where the images are in the training set.
        numbers: int64 ``[n]``, the fold of each, from 1.
        images: float32 ``[n, 28, 28]`` in 0 to 1.
        labels: int64 ``[n]``.
        copies: One affine augmentation of each image after the other, ``[C, n, 28, 28]``.
        fresh: float32 ``[FRESH, 28, 28]``, images in no fold.
        fresh_labels: int64 ``[FRESH]``.
    """

    places: Tensor
    numbers: Tensor
    images: Tensor
    labels: Tensor
    copies: Tensor
    fresh: Tensor
    fresh_labels: Tensor


def config_of(images: int, folds: int, fold_seed: int, seed: int = 0) -> MNISTConfig:
    """The config whose folds are shown.

    Args:
        images: How many images are divided.
        folds: Into how many folds.
        fold_seed: Decides which image is in which fold.
        seed: Decides which images they are.
    """
    return MNISTConfig(train_size=images, folds=folds, fold_seed=fold_seed, seed=seed)


@st.cache_resource(max_entries=16, show_spinner=False)
def fold_images(config: str, copies: int) -> FoldImages:
    """Read the images of a config and draw their copies. Do not change what it returns.

    Args:
        config: As JSON; its folds are drawn with ``fold_seed``.
        copies: Augmented copies of each image, drawn with its seed.
    """
    import torch

    from mlcore.mnist import fold_numbers, load
    from mlcore.mnist.augment import augment

    made = MNISTConfig.from_json(config)
    digits = load(made.dataset)
    numbers = fold_numbers(made, digits.train_labels)
    inside = numbers > 0
    places = inside.nonzero()[:, 0]
    outside = (~inside).nonzero()[:, 0]
    order = torch.randperm(len(outside), generator=torch.Generator().manual_seed(made.seed))
    outside = outside[order[:FRESH]]
    images = digits.train_images[places].float() / 255
    generator = torch.Generator().manual_seed(made.seed)
    drawn = [augment("affine", images, generator) for _ in range(copies)]
    return FoldImages(
        places=places,
        numbers=numbers[places],
        images=images,
        labels=digits.train_labels[places],
        copies=torch.stack(drawn) if drawn else images.new_zeros(0, *images.shape),
        fresh=digits.train_images[outside].float() / 255,
        fresh_labels=digits.train_labels[outside],
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def fold_curves(config: str, copies: int, leak: Leak, *, fresh: bool = True) -> FoldCurves:
    """Train the models of all folds. Do not change what it returns.

    Args:
        config: As JSON.
        copies: As in ``fold_images``.
        leak: What the models get of the fold that judges them.
        fresh: Whether to look at images that are in no fold.
    """
    from mlcore.generalization import train_folds

    data = fold_images(config, copies)
    return train_folds(
        data.images.flatten(1),
        data.labels,
        data.numbers,
        copies=data.copies.flatten(2),
        leak=leak,
        fresh=(data.fresh.flatten(1), data.fresh_labels) if fresh else None,
        steps=STEPS,
    )
