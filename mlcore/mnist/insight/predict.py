"""Predictions of a trained network: logits, probabilities, and the last hidden layer.

Functions of this package take a network in either of two ways: over pixels (``on_pixels``), with
pictures as they are; or bare, with images that are normalized already.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.pixels import OnPixels, Picture, as_pixels
from mlcore.mnist.losses import probabilities

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Array = Tensor | NDArray[Any]
Precision = Literal["float32", "bfloat16"]

CHUNK: Final = 500
"""Images at once: those of the run's own examination, so that the numbers are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A network's prediction for one image.

    Attributes:
        label: The class of the largest output, from 0.
        outputs: Raw outputs, float32 ``[classes]``: the logits.
        probabilities: float32 ``[classes]``, see ``mlcore.mnist.losses.probabilities``.
    """

    label: int
    outputs: NDArray[np.float32]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """The outputs of a network for some images.

    Attributes:
        outputs: Raw outputs (logits), float32 ``[N, classes]``.
        features: What the last linear layer is given, float32 ``[N, width]``: the last hidden
            layer, or the pixels themselves where there is none.
    """

    outputs: NDArray[np.float32]
    features: NDArray[np.float32]


def forward(model: nn.Module, images: Array, *, precision: Precision = "float32") -> Forward:
    """Send images through a network.

    Args:
        model: A network of ``mlcore.mnist.build_model``, in eval mode, bare or over pixels.
        images: ``[N, 28, 28]``: uint8 or 0 to 1 for a network over pixels, else normalized.
        precision: In which the network multiplies; ``bfloat16`` as under ``torch.autocast``.

    Raises:
        TypeError: If the network is no chain of layers that ends in a linear one.
        ValueError: If the images have another shape.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> result = insight.forward(network, digits.test_images[:5])
        >>> print(result.outputs.shape, result.features.shape)
        (5, 10) (5, 64)
    """
    pixels = prepared(model, images)
    *body, last = chain(model)
    outputs: list[Tensor] = []
    features: list[Tensor] = []
    with torch.inference_mode(), _autocast(precision):
        for part in torch.split(pixels, CHUNK):
            hidden = part
            for layer in body:
                hidden = layer(hidden)
            features.append(hidden.float())
            outputs.append(last(hidden).float())
    if not outputs:
        return Forward(
            np.zeros((0, last.out_features), np.float32),
            np.zeros((0, last.in_features), np.float32),
        )
    return Forward(torch.cat(outputs).numpy(), torch.cat(features).numpy())


def answer(config: MNISTConfig, model: nn.Module, picture: Picture) -> Answer:
    """Predict the class of one image.

    Args:
        config: What the network was trained by; its loss decides what outputs mean.
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> answer = insight.answer(mlcore.MNISTConfig(), network, digits.test_images[0].numpy())
        >>> print(answer.label in range(10), answer.outputs.shape)
        True (10,)
    """
    with torch.inference_mode():
        outputs = model(as_pixels(picture, model)[:1]).float()
        chances = probabilities(config, outputs)
    return Answer(int(outputs.argmax()), outputs[0].numpy(), chances[0].numpy())


def chain(model: nn.Module) -> list[Any]:
    """The layers of a network in the order in which they compute, the last one linear.

    They are called one after another, without hooks: the network may be shared by threads.

    Raises:
        TypeError: If the network is no chain of layers that ends in a linear one.
    """
    bare = model.model if isinstance(model, OnPixels) else model
    layers = list(bare.children()) if isinstance(bare, nn.Sequential) else []
    if not layers or not isinstance(layers[-1], nn.Linear):
        raise TypeError(
            f"The network is a {type(bare).__name__}, but must be an nn.Sequential that ends in "
            "an nn.Linear, as mlcore.mnist.build_model makes them."
        )
    return layers


def named_chain(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a network with their names, in the order in which they compute.

    Raises:
        TypeError: If the network is no chain of layers that ends in a linear one.
    """
    bare = model.model if isinstance(model, OnPixels) else model
    names = [name for name, _ in bare.named_children()]
    return list(zip(names, chain(bare), strict=True))


def prepared(model: nn.Module, images: Array) -> Tensor:
    """Images as the first layer expects them: normalized, float32 ``[N, 28, 28]``.

    Raises:
        ValueError: If they have another shape or range than the network asks for.
    """
    if isinstance(model, OnPixels):
        pixels = (as_pixels(images, model).float() - model.mean) / model.std
    else:
        pixels = torch.as_tensor(images)
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise ValueError(f"images have the shape {tuple(pixels.shape)}, but must be [N, 28, 28].")
    if not pixels.is_floating_point():
        raise ValueError(
            f"images are {pixels.dtype}, but a bare network takes normalized ones: wrap it in "
            "on_pixels(model, digits), or give (pixel / 255 - digits.mean) / digits.std."
        )
    return pixels.to(torch.float32)


def _autocast(precision: Precision) -> AbstractContextManager[Any]:
    if precision == "bfloat16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()
