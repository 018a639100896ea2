"""Occlusion: how much a class's logit falls when a patch of the image is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.mnist.insight.attribution import CHUNK
from mlcore.mnist.insight.pixels import Picture, answer_of, as_pixels


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """The effect on one class's logit of covering each place of an image.

    Attributes:
        label: The class, from 0.
        score: Its raw output for the whole picture.
        size: Side of the patch in pixels.
        drop: ``[28, 28]``: ``score`` less the output with the patch's middle at that pixel.
        flips: bool ``[28, 28]``: where covering makes another class the answer.
    """

    label: int
    score: float
    size: int
    drop: NDArray[np.float64]
    flips: NDArray[np.bool_]


def occlusion(
    model: nn.Module,
    picture: Picture,
    label: int | None = None,
    *,
    size: int = 5,
    fill: float = 0.0,
) -> Occlusion:
    """Cover a square around every pixel in turn and measure how much the class's logit falls.

    Source: Zeiler, Fergus, *Visualizing and Understanding Convolutional Networks*, ECCV 2014,
    section 4.2. A patch that reaches over the edge covers what lies inside.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.
        label: The class; by default the one with the largest output.
        size: Side of the patch in pixels, odd.
        fill: What it is covered with; 0 is background.

    Raises:
        ValueError: If the size is even or below 1.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> result = insight.occlusion(network, digits.test_images[0].numpy(), label=7, size=5)
        >>> print(result.drop.shape, result.flips.dtype)
        (28, 28) bool
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"The patch has {size} pixels a side, but must have an odd number.")
    pixels = as_pixels(picture, model)
    label = answer_of(model, pixels) if label is None else label
    height, width = pixels.shape[1:]
    near_row, near_column = (_near(side, size) for side in (height, width))
    covered = near_row[:, None, :, None] & near_column[None, :, None, :]
    variants = torch.where(covered.reshape(-1, height, width), fill, pixels)
    with torch.no_grad():
        score = float(model(pixels)[0, label])
        outputs = torch.cat([model(part) for part in torch.split(variants, CHUNK)])
    drop = score - outputs[:, label].double()
    answer = answer_of(model, pixels)
    return Occlusion(
        label,
        score,
        size,
        drop.view(height, width).numpy(),
        (outputs.argmax(dim=1) != answer).view(height, width).numpy(),
    )


def _near(side: int, size: int) -> torch.Tensor:
    """Whether two positions in a row are within half a patch: bool ``[side, side]``."""
    places = torch.arange(side)
    return (places[:, None] - places).abs() <= size // 2
