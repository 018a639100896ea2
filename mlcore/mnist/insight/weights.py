"""Weights and feature maps of a network as images, and how far the weights moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.predict import Array, named_chain, prepared

_SIDE = 28
_PIXELS = _SIDE * _SIDE

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A weight or a layer's output, split into images.

    Attributes:
        name: The layer's name in the network.
        kind: Its class in ``torch.nn``, such as ``Linear``.
        shape: Shape as torch stores it.
        tiles: float32 ``[count, height, width]``.
        labels: What each tile is, to end a sentence: ``unit 3``.
        meaning: What the cells of a tile are, in words.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    tiles: Floats
    labels: tuple[str, ...]
    meaning: str


def matrices(model: nn.Module) -> tuple[Matrix, ...]:
    """The weights of every linear and convolutional layer, in the order of the network.

    A linear layer that looks at the pixels gives a 28 × 28 tile a unit; a convolution a tile for
    each pair of an output and an input channel; any other linear layer is one tile as it is.

    Args:
        model: A network of ``mlcore.mnist.build_model``.

    Example:
        >>> import mlcore
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> for matrix in mlcore.mnist.insight.matrices(model):
        ...     print(matrix.name, matrix.shape, matrix.tiles.shape)
        hidden1 (8, 784) (8, 28, 28)
        output (10, 8) (1, 10, 8)
    """
    found, sees_pixels = [], True
    for name, layer in named_chain(model):
        weight = getattr(layer, "weight", None)
        if isinstance(layer, nn.Linear | nn.Conv2d) and isinstance(weight, Tensor):
            found.append(matrix_of(name, layer, weight.detach(), sees_pixels=sees_pixels))
        sees_pixels = sees_pixels and isinstance(layer, nn.Flatten | nn.Unflatten)
    return tuple(found)


def feature_maps(model: nn.Module, image: Array) -> tuple[Matrix, ...]:
    """Every layer's output for one image: a tile per channel, or one row for a vector.

    Args:
        model: A network of ``mlcore.mnist.build_model``, in eval mode, bare or over pixels.
        image: ``[28, 28]``, normalized for a bare network.

    Example:
        >>> import mlcore, numpy
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,))).eval()
        >>> maps = mlcore.mnist.insight.feature_maps(model, numpy.zeros((28, 28), numpy.float32))
        >>> print([(each.name, each.tiles.shape) for each in maps])
        [('hidden1', (1, 1, 8)), ('activation1', (1, 1, 8)), ('output', (1, 1, 10))]
    """
    hidden = prepared(model, torch.as_tensor(image)[None])
    found = []
    with torch.inference_mode():
        for name, layer in named_chain(model):
            hidden = layer(hidden)
            if isinstance(layer, nn.Flatten | nn.Unflatten | nn.Dropout):
                continue  # the same numbers once more
            values = hidden[0].float()
            tiles = values if values.ndim == 3 else values[None, None]
            channels = len(tiles) if values.ndim == 3 else 0
            found.append(
                Matrix(
                    name=name,
                    kind=type(layer).__name__,
                    shape=tuple(values.shape),
                    tiles=tiles.numpy(),
                    labels=tuple(f"channel {c}" for c in range(channels)) or ("all units",),
                    meaning="places in the image" if channels else "units",
                )
            )
    return tuple(found)


def weight_history(moments: Iterable[tuple[float, nn.Module]]) -> pd.DataFrame:
    """Norm and movement of each layer's weights over the epochs.

    Args:
        moments: The epoch and the network at each moment, the first one the start.

    Returns:
        One row per moment and layer: epoch, layer, norm (‖W‖, Frobenius), moved (‖W − W₀‖ / ‖W₀‖;
        NaN where ‖W₀‖ = 0), largest (max |w|).

    Example:
        >>> import mlcore
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> history = mlcore.mnist.insight.weight_history([(0.0, model), (1.0, model)])
        >>> print(history[["epoch", "layer", "moved"]].values.tolist())
        [[0.0, 'hidden1', 0.0], [0.0, 'output', 0.0], [1.0, 'hidden1', 0.0], [1.0, 'output', 0.0]]
    """
    rows, start = [], dict[str, Tensor]()
    for epoch, model in moments:
        for name, layer in named_chain(model):
            if not isinstance(layer, nn.Linear | nn.Conv2d):
                continue
            weight = layer.weight.detach().double()
            first = start.setdefault(name, weight)
            length = float(first.norm())
            rows.append(
                {
                    "epoch": float(epoch),
                    "layer": name,
                    "norm": float(weight.norm()),
                    "moved": float((weight - first).norm()) / length if length else float("nan"),
                    "largest": float(weight.abs().max()),
                }
            )
    return pd.DataFrame(rows, columns=["epoch", "layer", "norm", "moved", "largest"])


def matrix_of(name: str, layer: nn.Module, weight: Tensor, *, sees_pixels: bool) -> Matrix:
    """The weight of a linear or convolutional layer as tiles; see ``matrices``.

    Args:
        name: The layer's name.
        layer: The layer.
        weight: Its weight, two or four dimensions.
        sees_pixels: Whether it is given the pixels themselves.
    """
    shape = tuple(weight.shape)
    if weight.ndim == 4:
        out, into, height, width = shape
        tiles = weight.reshape(out * into, height, width)
        one = into == 1
        labels = tuple(
            f"channel {o}" if one else f"channel {i} to {o}"
            for o in range(out)
            for i in range(into)
        )
        meaning = "the kernel's taps"
    elif sees_pixels and shape[1] == _PIXELS:
        tiles = weight.reshape(-1, _SIDE, _SIDE)
        labels = tuple(f"unit {unit}" for unit in range(shape[0]))
        meaning = "the unit's weight of each pixel"
    else:
        tiles = weight[None]
        labels = ("all units",)
        meaning = "one row per unit, one column per input"
    return Matrix(name, type(layer).__name__, shape, tiles.float().numpy(), labels, meaning)
