"""Random shifts, turns and scales of a whole batch at once, on its device."""

from __future__ import annotations

import math
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

MAX_SHIFT: Final = 2
MAX_ANGLE: Final = math.radians(10)
MAX_SCALE: Final = 0.1


def augment(kind: Literal["shift", "affine"], images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, turn and scale every image by its own random draw; pixels from outside are 0.

    Args:
        kind: ``shift``: by up to 2 whole pixels each way. ``affine``: by up to 2 pixels (of any
            fraction), turned by up to 10° and scaled by 0.9 to 1.1, bilinearly.
        images: float32 ``[N, H, W]``.
        generator: A CPU generator, which decides every draw on every device.

    Returns:
        New images of the same shape.
    """
    return (shift if kind == "shift" else affine)(images, generator)


def shift(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move each image by up to ``MAX_SHIFT`` whole pixels; arguments as in ``augment``."""
    count, height, width = images.shape
    moves = torch.randint(0, 2 * MAX_SHIFT + 1, (2, count, 1), generator=generator)
    rows = (moves[0] + torch.arange(height)).to(images.device)
    columns = (moves[1] + torch.arange(width)).to(images.device)
    padded = functional.pad(images, (MAX_SHIFT,) * 4)
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]]


def affine(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, turn and scale each image bilinearly; arguments as in ``augment``."""
    count, height, width = images.shape
    angle, scale, down, right = torch.rand(4, count, generator=generator).mul_(2).sub_(1)
    angle, scale = angle * MAX_ANGLE, 1 + scale * MAX_SCALE
    cos, sin = angle.cos() / scale, angle.sin() / scale
    reach = 2 * MAX_SHIFT / torch.tensor([width, height])
    theta = torch.stack(
        [
            torch.stack([cos, -sin, right * reach[0]], dim=1),
            torch.stack([sin, cos, down * reach[1]], dim=1),
        ],
        dim=1,
    ).to(images.device)
    grid = functional.affine_grid(theta, [count, 1, height, width], align_corners=False)
    return functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]
