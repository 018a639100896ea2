"""The arrays the tabs show of a data set, computed once for all tabs."""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts.digits import Bytes
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.sources import DatasetName

if TYPE_CHECKING:
    from torch import Tensor

    from mlcore.mnist import Digits

GALLERY: Final = 96
"""Images of one class in the gallery."""


@st.cache_data(max_entries=8, show_spinner="Reading the images…")
def counts(dataset: DatasetName, folder: str) -> pd.DataFrame:
    """Images of each class: class, split, count."""
    digits = _digits(dataset, folder)
    parts = []
    for split, labels in (("train", digits.train_labels), ("test", digits.test_labels)):
        count = labels.bincount(minlength=len(digits.classes)).numpy()
        parts.append(pd.DataFrame({"class": digits.classes, "split": split, "count": count}))
    return pd.concat(parts, ignore_index=True)


@st.cache_data(max_entries=64, show_spinner="Reading the images…")
def of_class(dataset: DatasetName, folder: str, split: str, label: int) -> NDArray[np.int64]:
    """Indices of all images of one class in a split, in the file's order."""
    _, labels = part(dataset, folder, split)
    places: NDArray[np.int64] = (labels == label).nonzero().flatten().numpy()
    return places


@st.cache_data(max_entries=64, show_spinner="Reading the images…")
def images(dataset: DatasetName, folder: str, split: str, places: tuple[int, ...]) -> Bytes:
    """Images by their indices: uint8 ``[len(places), 28, 28]``."""
    pixels, _ = part(dataset, folder, split)
    chosen: Bytes = pixels[list(places)].numpy()
    return chosen


@st.cache_data(max_entries=64, show_spinner="Reading the images…")
def labels(dataset: DatasetName, folder: str, split: str, places: tuple[int, ...]) -> list[str]:
    """Names of the true classes of images, by their indices."""
    digits = _digits(dataset, folder)
    _, known = part(dataset, folder, split)
    return [digits.classes[label] for label in known[list(places)].tolist()]


@st.cache_data(max_entries=8, show_spinner="Reading the images…")
def classes(dataset: DatasetName, folder: str) -> tuple[str, ...]:
    """Names of the classes, in the order of the labels."""
    return _digits(dataset, folder).classes


@st.cache_data(max_entries=16, show_spinner="Averaging the images…")
def means(dataset: DatasetName, folder: str, split: str) -> Bytes:
    """The mean image of each class, rounded: uint8 ``[classes, 28, 28]``."""
    digits = _digits(dataset, folder)
    pixels, known = part(dataset, folder, split)
    mean = [
        pixels[known == label].double().mean(dim=0).round().byte().numpy()
        for label in range(len(digits.classes))
    ]
    return np.stack(mean)


def held_out(config: MNISTConfig) -> str:
    """The split whose images evaluate a config's runs, as ``part`` reads it."""
    if not config.sealed():
        return "test"
    return MNISTConfig(
        dataset=config.dataset,
        data_dir=config.data_dir,
        train_size=config.train_size,
        validation_size=config.validation_size,
        folds=config.folds,
        fold=config.fold,
        fold_seed=config.fold_seed,
        seed=config.seed,
    ).to_json()


def held_out_words(config: MNISTConfig) -> str:
    """What these images are called: ``test`` or ``validation``."""
    return "validation" if config.sealed() else "test"


def part(dataset: DatasetName, folder: str, split: str) -> "tuple[Tensor, Tensor]":
    """The images and labels of a split.

    Args:
        dataset: The data set.
        folder: Of the data set ``folder``.
        split: ``train``, ``test``, or what ``held_out`` gives.
    """
    digits = _digits(dataset, folder)
    if split == "train":
        return digits.train_images, digits.train_labels
    if split == "test":
        return digits.test_images, digits.test_labels
    return _validation(split)


@st.cache_resource(max_entries=4, show_spinner=False)
def _validation(config_json: str) -> "tuple[Tensor, Tensor]":
    from mlcore.mnist import held_out as held_out_of

    config = MNISTConfig.from_json(config_json)
    held = held_out_of(config, _digits(config.dataset, config.data_dir))
    return held.images, held.labels


def _digits(dataset: DatasetName, folder: str) -> "Digits":
    from mlcore.mnist import load

    return load(dataset, folder)
