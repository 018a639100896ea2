"""Images as the input of a network that is one's own: its shape, and pixels brought into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlcore.core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

SIDES: Final = (8, 64)
"""Smallest and largest height and width of an image, in pixels."""

_FLAT: Final = 28 * 28


def image_shape(example: object) -> tuple[int, int, int] | None:
    """Channels, height and width, if an example input is one small image; else None.

    An image is a floating-point tensor ``[1, C, H, W]`` with 1 or 3 channels, ``[1, H, W]``, or
    ``[1, 784]``, with sides of ``SIDES``.

    Args:
        example: One sample, as ``Config.example_input`` returns it.

    Example:
        >>> import torch
        >>> from mlcore.core.image_input import image_shape
        >>> print(image_shape(torch.zeros(1, 3, 32, 32)), image_shape(torch.zeros(1, 4)))
        (3, 32, 32) None
    """
    import torch

    if not isinstance(example, torch.Tensor) or not example.is_floating_point():
        return None
    match tuple(example.shape):
        case (1, n) if n == _FLAT:
            found = (1, 28, 28)
        case (1, height, width):
            found = (1, height, width)
        case (1, (1 | 3) as channels, height, width):
            found = (channels, height, width)
        case _:
            return None
    return found if all(SIDES[0] <= side <= SIDES[1] for side in found[1:]) else None


def shaped_like(pixels: Tensor, example: object) -> Tensor:
    """Grey images in the shape that a network takes: scaled, and one channel copied to all.

    Args:
        pixels: Floats ``[N, H, W]``.
        example: What the network takes, see ``image_shape``.

    Raises:
        InputError: If that is no image.
    """
    from torch.nn import functional

    shape = image_shape(example)
    if shape is None:
        raise InputError(
            "example_input is no small image. Return a float tensor [1, C, H, W] with 1 or 3 "
            f"channels and sides of {SIDES[0]} to {SIDES[1]} pixels, such as "
            "torch.zeros(1, 1, 28, 28)."
        )
    channels, height, width = shape
    images = pixels[:, None]
    if tuple(images.shape[2:]) != (height, width):
        images = functional.interpolate(
            images, (height, width), mode="bilinear", antialias=True, align_corners=False
        )
    images = images.expand(-1, channels, -1, -1)
    given: tuple[int, ...] = tuple(example.shape)  # type: ignore[attr-defined]  # a tensor by now
    return images.reshape(len(pixels), *given[1:])
