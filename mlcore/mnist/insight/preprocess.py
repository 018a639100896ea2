"""Preprocesses a drawing to a 28×28 image as MNIST was made: crop, scale, centre by mass."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.core import MlcoreError

Bytes = NDArray[np.uint8]

SIDE: Final = 28
BOX: Final = 20
"""Side of the box that MNIST's digits were fitted into, in pixels."""


class DrawingError(MlcoreError, ValueError):
    """An image holds no digit that could be read; the text says why and what to do."""


def prepare(drawing: NDArray[Any]) -> Bytes:
    """Scale and centre ink in 28×28 pixels as MNIST does.

    The recipe (LeCun, Cortes, Burges: *The MNIST database of handwritten digits*,
    http://yann.lecun.com/exdb/mnist): the digit is "size normalized to fit in a 20×20 pixel box
    while preserving its aspect ratio", with grey levels "as a result of the anti-aliasing
    technique", and "centered in a 28×28 image by computing the center of mass of the pixels, and
    translating the image so as to position this point at the center". Here each pixel of the box
    is the mean of the drawing's area under it. The translation is by whole pixels: it brings the
    centre of mass to 14 pixels from the edge or less than one farther, where it lies in every
    image of the original files. So a digit of MNIST, enlarged by a whole factor, comes back as it
    was.

    Args:
        drawing: uint8 ``[H, W]`` of any size; 0 is background, 255 is ink.

    Returns:
        uint8 ``[28, 28]``, 0 is background.

    Raises:
        DrawingError: If there is no ink.
        ValueError: If it is no grey picture of bytes.

    Example:
        >>> import mlcore, numpy
        >>> drawing = numpy.zeros((100, 100), numpy.uint8)
        >>> drawing[10:90, 45:55] = 255  # a one
        >>> picture = mlcore.mnist.insight.prepare(drawing)
        >>> print(picture.shape, picture.max())
        (28, 28) 255
    """
    ink = cropped(drawing)
    longest = max(ink.shape)
    height, width = (max(1, round(side * BOX / longest)) for side in ink.shape)
    small = means(means(ink, height).T, width).T
    down, across = center_of_mass(small)
    top, left = _start(down, height), _start(across, width)
    pixels = np.zeros((SIDE, SIDE), dtype=np.uint8)
    pixels[top : top + height, left : left + width] = (small + 0.5).astype(np.uint8)
    return pixels


def _start(center: float, size: int) -> int:
    """Where a row of pixels begins so that its centre of mass lies in 14 to 15, if possible."""
    whole = math.ceil(SIDE / 2 - center - 1e-9)  # a tie must not hang on the last digit
    return min(max(whole, 0), SIDE - size)


def cropped(drawing: NDArray[Any]) -> NDArray[np.float64]:
    """The smallest rectangle that holds all ink, float64 ``[h, w]`` in 0 to 255.

    Raises:
        DrawingError: If there is no ink.
        ValueError: If it is no grey picture of bytes.
    """
    picture = np.asarray(drawing)
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError(
            f"The drawing is {picture.dtype} of shape {picture.shape}, but must be uint8 of shape "
            "(height, width): 0 for background, 255 for ink."
        )
    rows, columns = (np.flatnonzero(picture.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise DrawingError("The canvas is empty: draw a digit on it.")
    box = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return box.astype(np.float64)


def means(values: NDArray[np.float64], outputs: int) -> NDArray[np.float64]:
    """Resize the rows of an image to a number of rows, each the mean of the area under it.

    Exact for any ratio: the running sum over the rows is linear between them, and a mean over an
    area is its difference between the area's edges.

    Args:
        values: ``[rows, columns]``.
        outputs: How many rows there will be.
    """
    inputs = len(values)
    edges = np.linspace(0, inputs, outputs + 1)
    whole = np.minimum(edges.astype(np.int64), inputs - 1)
    sums = np.vstack([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    reached = sums[whole] + (edges - whole)[:, None] * values[whole]
    return np.diff(reached, axis=0) * (outputs / inputs)


def center_of_mass(picture: NDArray[np.float64]) -> tuple[float, float]:
    """The centre of mass of an image, in pixels from its top edge and from its left edge."""
    mass = picture.sum()
    down = picture.sum(axis=1) @ (np.arange(picture.shape[0]) + 0.5) / mass
    across = picture.sum(axis=0) @ (np.arange(picture.shape[1]) + 0.5) / mass
    return float(down), float(across)


def enlarged(pixels: Bytes, factor: int = 10) -> Bytes:
    """The bitmap of a digit with each pixel as a square: ``[28, 28]`` → ``[280, 280]``."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
