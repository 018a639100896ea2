"""Reads a photo of a digit: finds the ink, or says in a sentence why it cannot."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.mnist.insight.preprocess import BOX, Bytes, DrawingError

if TYPE_CHECKING:
    from PIL import Image

FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MOST_PIXELS: Final = 25_000_000
MOST_BYTES: Final = 30 * 2**20

_WORKING_SIDE: Final = 560
"""Pixels of the longer side at which ink is looked for: 28 a pixel of the box."""
_FITS: Final = 4
"""Times that the paper's brightness is fitted, each time without what is far from the last fit."""
_LEAST_CONTRAST: Final = 20.0
"""Grey levels (of 255) between the means of paper and ink; less is noise."""
_THIN: Final = 1.6
"""Pixels of the 20×20 box below which a pen stroke leaves mere grey; thinner ones are widened."""
_GAP: Final = 0.04
"""Part of the picture's side up to which strokes apart count as one digit."""


def read_photo(data: bytes) -> Bytes:
    """The ink of a photo, dark on light or light on dark; the border decides which.

    Uneven light is taken off; Otsu's threshold parts ink from paper, and the border tells which
    is which; of several blots the one with most ink is kept, together with those close to it;
    strokes so thin that they would leave mere grey in 28×28 pixels are widened.

    Args:
        data: The file: one still picture in one of ``FORMATS``.

    Returns:
        uint8 ``[H, W]``, 255 where there is ink, else 0; ``prepare`` makes a digit of it.

    Raises:
        DrawingError: If it is no picture, too large (by its header, before it is unpacked),
            animated, damaged, or blank.

    Example:
        >>> import io, mlcore
        >>> from PIL import Image, ImageDraw
        >>> photo, file = Image.new("L", (100, 100), 200), io.BytesIO()
        >>> ImageDraw.Draw(photo).rectangle((45, 20, 55, 80), fill=30)  # dark on light
        >>> photo.save(file, "PNG")
        >>> ink = mlcore.mnist.insight.read_photo(file.getvalue())
        >>> print(ink.max(), mlcore.mnist.insight.prepare(ink).shape)
        255 (28, 28)
    """
    from scipy import ndimage

    grey = _working_size(_grey(_opened(data)))
    ink = _ink(grey)
    near = ndimage.binary_dilation(ink, iterations=max(1, round(_GAP / 2 * max(ink.shape))))
    blots, count = ndimage.label(near)
    sizes = ndimage.sum_labels(ink, blots, np.arange(1, count + 1))
    ink &= blots == 1 + int(np.argmax(sizes))
    return _widened(ink).astype(np.uint8) * 255


def otsu(values: NDArray[Any]) -> tuple[int, float]:
    """Otsu's threshold of grey levels, and the distance between the two classes' means.

    It maximizes the variance between the parts, w₀·w₁·(μ₀ − μ₁)² (Otsu, *A Threshold Selection
    Method from Gray-Level Histograms*, 1979).

    Args:
        values: uint8 of any shape, not empty.

    Returns:
        The level t, the upper part being ``values > t``, and ``μ₁ − μ₀`` (0 if there is only one
        level).
    """
    counts = np.bincount(np.asarray(values, dtype=np.uint8).ravel(), minlength=256)
    levels = np.arange(256)
    below, mass = counts.cumsum(), (counts * levels).cumsum()
    above, rest = below[-1] - below, mass[-1] - mass
    both = (below > 0) & (above > 0)
    if not both.any():
        return int(levels[counts > 0][0]), 0.0
    gap = np.zeros(256)
    gap[both] = rest[both] / above[both] - mass[both] / below[both]
    best = int(np.argmax(below * above * gap**2))
    return best, float(gap[best])


def _opened(data: bytes) -> Image.Image:
    """The image with only its header read."""
    from PIL import Image, UnidentifiedImageError

    if len(data) > MOST_BYTES:
        raise DrawingError(
            f"The file has {len(data) / 2**20:,.0f} MB, but may have {MOST_BYTES // 2**20}: take a "
            "smaller photo."
        )
    try:
        with warnings.catch_warnings():
            # Pillow's own bound on the header's size is higher than ours, which follows
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise DrawingError(_too_large("more than 179")) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise DrawingError(
            f"The file is no picture that can be read: choose a {', '.join(FORMATS[:-1])} or "
            f"{FORMATS[-1]} file."
        ) from None
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise DrawingError(_too_large(f"{width * height / 1e6:,.0f}"))
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # what phones call JPEG: a photo and its thumbnail
        raise DrawingError(f"The file holds {frames} pictures: choose one that stands still.")
    return picture


def _too_large(megapixels: str) -> str:
    return (
        f"The picture has {megapixels} megapixels, but may have {MOST_PIXELS // 10**6}: scale it "
        "down first."
    )


def _grey(picture: Image.Image) -> Image.Image:
    """Decode it upright as grey levels; transparency becomes white, or black under white ink."""
    from PIL import Image, ImageOps

    try:
        picture.draft("L", (_WORKING_SIDE * 2, _WORKING_SIDE * 2))  # JPEG unpacks smaller at once
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if upright.mode[0] in "IF":  # more than 8 bits a pixel: conversion would cut, not scale
            return Image.fromarray(_eight_bits(np.asarray(upright, dtype=np.float64)))
        if not upright.has_transparency_data:
            return upright.convert("L")
        layers = upright.convert("RGBA")
        for paper in ("white", "black"):
            ground = Image.new("RGBA", layers.size, paper)
            grey = Image.alpha_composite(ground, layers).convert("L")
            darkest, lightest = grey.getextrema()
            if darkest != lightest:
                break
    except (OSError, ValueError, SyntaxError, EOFError, IndexError):
        raise DrawingError(
            "The picture is damaged or cut off: save it anew, or choose another."
        ) from None
    return grey


def _eight_bits(deep: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Levels of more than 8 bits rescaled to 0 to 255, from the darkest to the lightest.

    A camera of 10, 12 or 14 bits writes files of 16, of whose range it fills a part that the file
    does not tell. A range of less than ``_LEAST_CONTRAST`` of 255 parts of the lightest level is
    noise and is not stretched.
    """
    known = np.isfinite(deep)
    low, high = (float(end(deep[known])) for end in (np.min, np.max)) if known.any() else (0.0, 0.0)
    if high - low <= _LEAST_CONTRAST / 255 * max(abs(low), abs(high)):
        return np.full(deep.shape, 128, dtype=np.uint8)
    even = (np.nan_to_num(deep, nan=low, posinf=high, neginf=low) - low) * (255 / (high - low))
    levels: NDArray[np.uint8] = even.round().clip(0, 255).astype(np.uint8)
    return levels


def _working_size(picture: Image.Image) -> NDArray[np.uint8]:
    """Grey levels resized so that strokes are many pixels wide."""
    from PIL import Image

    width, height = picture.size
    scale = _WORKING_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    return np.asarray(picture.resize(size, way), dtype=np.uint8)


def _ink(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where there is ink: on the other side of the threshold than most of the border."""
    even = (grey - _paper(grey) + 128).clip(0, 255).astype(np.uint8)
    threshold, contrast = otsu(even)
    if contrast < _LEAST_CONTRAST:
        raise DrawingError(
            "The picture is blank: no ink stands out from the paper. Draw darker, or with more "
            "light on the paper."
        )
    light = even > threshold
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return ~light if border.mean() > 0.5 else light


def _paper(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The brightness of the paper: a quadratic surface fitted to all but the outliers.

    Photos are brighter towards the lamp, often by more than ink differs from paper.
    """
    down, across = (np.linspace(-1, 1, side) for side in grey.shape)
    y, x = np.meshgrid(down, across, indexing="ij")
    shape = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    terms, levels = shape[::8, ::8].reshape(-1, 6), grey[::8, ::8].ravel().astype(np.float64)
    kept = np.ones(len(levels), dtype=np.bool_)
    paper = np.array([np.median(levels), 0, 0, 0, 0, 0])
    for _ in range(_FITS):
        off = np.abs(levels - terms @ paper)
        kept = off <= max(3 * float(np.median(off)), 8.0)
        paper = np.linalg.lstsq(terms[kept], levels[kept])[0]
    bent: NDArray[np.float64] = shape @ paper
    return bent


def _widened(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Strokes of at least ``_THIN`` pixels once the digit is scaled into the box."""
    from scipy import ndimage

    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    a_pixel = max(rows[-1] - rows[0], columns[-1] - columns[0], 1) / BOX
    padded = np.pad(ink, 1 + round(a_pixel * _THIN))
    # across a stroke of width w the distance to its edge is w / 4 on the average
    width = 4 * float(ndimage.distance_transform_edt(padded)[padded].mean())
    lacking = _THIN * a_pixel - width
    if lacking <= 0:
        return padded
    wide: NDArray[np.bool_] = ndimage.distance_transform_edt(~padded) <= lacking / 2
    return wide
