"""A run's predictions on its held-out images, computed once for all tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.sources import DatasetName
from mlcore.ui.common.torch_threads import one_thread
from mlcore.ui.mnist import view_data
from mlcore.ui.trained_models import Moment

if TYPE_CHECKING:
    from torch import Tensor

    from mlcore.mnist.insight import Examination, Plane
    from mlcore.mnist.insight.predict import Precision

IN_PLANE: Final = 2000
"""Held-out images whose last hidden layer is laid into the plane: the first ones."""


@st.cache_data(max_entries=64, show_spinner="Evaluating the network…")
@one_thread()
def examination(moment: Moment) -> Examination:
    """Predictions of a run's network for all held-out images, in its training precision."""
    from mlcore.mnist.insight import examine

    config = moment.config
    return examine(
        moment.model(),
        _held_images(config),
        torch_labels(config),
        loss=config.loss,
        precision=_precision(config),
    )


@st.cache_data(max_entries=64, show_spinner="Reading the last hidden layer…")
@one_thread()
def plane(moment: Moment) -> Plane:
    """The principal plane of the last hidden layer for the first ``IN_PLANE`` held-out images."""
    from mlcore.mnist.insight import principal_plane

    return principal_plane(first_images(moment)[0])


@st.cache_data(max_entries=16, show_spinner="UMAP computes the layout; the first time takes long…")
def umap(moment: Moment, neighbours: int) -> NDArray[np.float64]:
    """The UMAP embedding of the same images.

    Raises:
        ImportError: If the extra is not installed.
    """
    from mlcore.mnist.insight import umap_plane

    return umap_plane(first_images(moment)[0], neighbours=neighbours)


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def first_images(moment: Moment) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and probabilities of the first ``IN_PLANE`` held-out images (``of_pictures``)."""
    config = moment.config
    return _passed(moment, _held_images(config)[:IN_PLANE])


@one_thread()
def of_pictures(
    moment: Moment, pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and probabilities of images, uint8 ``[N, 28, 28]``.

    Returns:
        The last hidden layer, float32 ``[N, width]``, and probabilities, ``[N, classes]``.
    """
    return _passed(moment, normal(moment.config, pictures))


def _passed(moment: Moment, images: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import torch

    from mlcore.mnist.insight import forward
    from mlcore.mnist.losses import probabilities

    config = moment.config
    made = forward(moment.model(), images, precision=_precision(config))
    return made.features, probabilities(config, torch.from_numpy(made.outputs)).numpy()


def normal(config: MNISTConfig, pictures: NDArray[np.uint8]) -> Tensor:
    """Images normalized for a config's network, float32 ``[N, 28, 28]``."""
    import torch

    from mlcore.mnist import load
    from mlcore.mnist.batches import normalized

    return normalized(load(config.dataset, config.data_dir), torch.from_numpy(pictures))


def labels(config: MNISTConfig) -> NDArray[np.int64]:
    """True classes of all held-out images of a config, int64 ``[M]``."""
    known: NDArray[np.int64] = torch_labels(config).numpy()
    return known


def torch_labels(config: MNISTConfig) -> Tensor:
    """The same as a tensor."""
    part = view_data.held_out(config)
    return view_data.part(config.dataset, config.data_dir, part)[1]


def _held_images(config: MNISTConfig) -> Tensor:
    return _normal_images(config.dataset, config.data_dir, view_data.held_out(config))


@st.cache_resource(max_entries=2, show_spinner="Reading the images…")
def _normal_images(dataset: DatasetName, folder: str, part: str) -> Tensor:
    images, _ = view_data.part(dataset, folder, part)
    return normal(MNISTConfig(dataset=dataset, data_dir=folder), images.numpy())


def _precision(config: MNISTConfig) -> Precision:
    """The training precision if this machine supports it, else float32."""
    import torch

    from mlcore.core import ConfigError
    from mlcore.mnist.runtime import precision_for

    try:
        return precision_for(config, torch.device("cpu"))
    except ConfigError:
        return "float32"
