"""Reads a picture file as the grey square that a trained network takes.

It needs NumPy and Pillow alone. The rule:

1. The first frame, upright (EXIF), as grey levels from 0 to 255. Of 16 bits the upper 8 count.
   Transparency becomes white, or black where the picture would then be blank.
2. Where more than half of the border is lighter than 127, the background is light, and the picture
   is inverted: training images are light on black.
3. A picture of the right size stays as it is, pixel for pixel. Any other is scaled as a whole until
   its longer side fits, by the mean over each pixel's area (bicubic where it is enlarged), and
   centred on its background.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Background = Literal["auto", "dark", "light"]

BACKGROUNDS: Final = ("auto", "dark", "light")
FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
ENDINGS: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MOST_PIXELS: Final = 25_000_000
MOST_MEGABYTES: Final = 30


class PictureError(ValueError):
    """A file cannot be read as a picture; the text says why."""


def read_picture(
    path: Path, side: int, background: Background = "auto"
) -> tuple[NDArray[np.uint8], bool]:
    """One picture as a network was trained on them.

    Args:
        path: A file in one of ``FORMATS``.
        side: Pixels of the square's side.
        background: ``dark`` inverts nothing, ``light`` inverts, ``auto`` looks at the border.

    Returns:
        uint8 ``[side, side]``, 0 is background; and whether it was inverted.

    Raises:
        PictureError: If it is no picture, damaged, or too large (by its header, before it is
            unpacked).
    """
    grey = _grey(_opened(path), side)
    levels = np.asarray(grey, dtype=np.uint8)
    border = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    inverted = background == "light" or (background == "auto" and bool((border > 127).mean() > 0.5))
    if inverted:
        grey, border = ImageOps.invert(grey), 255 - border
    return _square(grey, side, int(np.median(border))), inverted


def _opened(path: Path) -> Image.Image:
    """The picture with only its header read."""
    try:
        if not path.is_file():
            raise PictureError("It is no file.")
        size = path.stat().st_size
        if size > MOST_MEGABYTES * 2**20:
            raise PictureError(
                f"It has {size / 2**20:,.0f} MB, but may have {MOST_MEGABYTES}: scale it down."
            )
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"It cannot be read: {error.strerror or error}.") from None
    try:
        with warnings.catch_warnings():
            # Pillow's own bound on the header's size is higher than ours, which follows
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError(_too_large("more than 179")) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise PictureError(
            f"It is no picture that can be read: choose {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        ) from None
    if picture.mode == "F":
        raise PictureError("Its levels are fractions of an unknown range: save it as PNG.")
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise PictureError(
            _too_large(f"{width:,} × {height:,} pixels, {width * height // 10**6:,}")
        )
    return picture


def _too_large(megapixels: str) -> str:
    return (
        f"It has {megapixels} megapixels, but may have {MOST_PIXELS // 10**6}: scale it down first."
    )


def _grey(picture: Image.Image, side: int) -> Image.Image:
    """Decode it upright as grey levels of 8 bits."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on damaged metadata that is not used
            picture.draft("L", (8 * side, 8 * side))  # JPEG unpacks smaller at once
            picture.load()
            upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I"):
            deep = np.asarray(upright).astype(np.int64)
            return Image.fromarray((deep.clip(0, 65535) >> 8).astype(np.uint8))
        if not upright.has_transparency_data:
            return upright.convert("L")
        layers = upright.convert("LA")
        level, alpha = layers.getchannel("L"), layers.getchannel("A")
        for paper in (255, 0):
            ground = Image.new("L", level.size, paper)
            grey = Image.composite(level, ground, alpha)
            darkest, lightest = grey.getextrema()
            if darkest != lightest:
                break
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError):
        raise PictureError("It is damaged or cut off.") from None
    return grey


def _square(grey: Image.Image, side: int, background: int) -> NDArray[np.uint8]:
    """The whole picture scaled until its longer side fits, centred on its background."""
    if grey.size != (side, side):
        width, height = grey.size
        longest = max(width, height)
        size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
        way = Image.Resampling.BICUBIC if longest < side else Image.Resampling.BOX
        small = grey.resize(size, way)
        grey = Image.new("L", (side, side), background)
        grey.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.array(grey, dtype=np.uint8)
