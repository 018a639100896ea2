"""The arrays the tabs show of a data set, computed once for all tabs."""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts.digits import Bytes
from mlcore.mnist.data.sources import DatasetName

if TYPE_CHECKING:
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
    digits = _digits(dataset, folder)
    labels = digits.train_labels if split == "train" else digits.test_labels
    places: NDArray[np.int64] = (labels == label).nonzero().flatten().numpy()
    return places


@st.cache_data(max_entries=64, show_spinner="Reading the images…")
def images(dataset: DatasetName, folder: str, split: str, places: tuple[int, ...]) -> Bytes:
    """Images by their indices: uint8 ``[len(places), 28, 28]``."""
    digits = _digits(dataset, folder)
    pixels = digits.train_images if split == "train" else digits.test_images
    chosen: Bytes = pixels[list(places)].numpy()
    return chosen


@st.cache_data(max_entries=64, show_spinner="Reading the images…")
def labels(dataset: DatasetName, folder: str, split: str, places: tuple[int, ...]) -> list[str]:
    """Names of the true classes of images, by their indices."""
    digits = _digits(dataset, folder)
    known = digits.train_labels if split == "train" else digits.test_labels
    return [digits.classes[label] for label in known[list(places)].tolist()]


@st.cache_data(max_entries=8, show_spinner="Reading the images…")
def classes(dataset: DatasetName, folder: str) -> tuple[str, ...]:
    """Names of the classes, in the order of the labels."""
    return _digits(dataset, folder).classes


@st.cache_data(max_entries=16, show_spinner="Averaging the images…")
def means(dataset: DatasetName, folder: str, split: str) -> Bytes:
    """The mean image of each class, rounded: uint8 ``[classes, 28, 28]``."""
    digits = _digits(dataset, folder)
    pixels = digits.train_images if split == "train" else digits.test_images
    known = digits.train_labels if split == "train" else digits.test_labels
    mean = [
        pixels[known == label].double().mean(dim=0).round().byte().numpy()
        for label in range(len(digits.classes))
    ]
    return np.stack(mean)


def _digits(dataset: DatasetName, folder: str) -> "Digits":
    from mlcore.mnist import load

    return load(dataset, folder)
