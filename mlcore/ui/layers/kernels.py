"""Preset kernels (edges, blur, sharpen, identity), and kernels as text for the URL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

PRESETS: Final = (
    "vertical edges",
    "horizontal edges",
    "all edges",
    "blur",
    "sharpen",
    "identity",
    "trained",
    "my own",
)

LARGEST_SIZE: Final = 11
"""Rows and columns of a kernel at most."""
LARGEST_WEIGHT: Final = 1e6
"""Absolute value of a weight at most; far larger ones would overflow in the output's squares."""


def preset(name: str, size: int) -> torch.Tensor:
    """A preset kernel, float64 ``[size, size]``.

    Edges are the outer product of a slope and a binomial smoothing (of size 3: Sobel's), blur is
    a mean, *all edges* and *sharpen* are what blur takes away and adds.

    Raises:
        ValueError: If there is no preset of that name.
    """
    import torch

    smooth = torch.tensor([math.comb(size - 1, k) for k in range(size)], dtype=torch.float64)
    steps = torch.arange(size, dtype=torch.float64) * 2 - (size - 1)  # 0 in the middle, exactly
    slope = steps / (size - 1) if size > 1 else torch.ones(1, dtype=torch.float64)
    blur = torch.full((size, size), 1 / size**2, dtype=torch.float64)
    identity = torch.zeros(size, size, dtype=torch.float64)
    identity[size // 2, size // 2] = 1
    match name:
        case "vertical edges":
            return torch.outer(smooth / smooth.sum(), slope)
        case "horizontal edges":
            return torch.outer(slope, smooth / smooth.sum())
        case "all edges":
            return identity - blur
        case "blur":
            return blur
        case "sharpen":
            return 2 * identity - blur
        case "identity":
            return identity
        case _:
            raise ValueError(f"There is no kernel {name!r}; there are {', '.join(PRESETS[:6])}.")


def resized(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """The kernel with rows and columns of zeros added, or the outer ones cut off, on all sides."""
    import torch

    made = torch.zeros(size, size, dtype=kernel.dtype)
    shared = min(size, len(kernel))
    old, new = len(kernel) // 2 - shared // 2, size // 2 - shared // 2
    made[new : new + shared, new : new + shared] = kernel[old : old + shared, old : old + shared]
    return made


def to_text(kernel: torch.Tensor) -> str:
    """A kernel as text for a URL: semicolons between rows, commas between numbers."""
    return ";".join(",".join(f"{v:.5g}" for v in row) for row in kernel.tolist())


def from_text(text: str) -> torch.Tensor | None:
    """The inverse of ``to_text``; None if the text is no square kernel of an allowed size."""
    import torch

    try:
        rows = [[float(v) for v in row.split(",")] for row in text.split(";")]
    except ValueError:
        return None
    square = 1 <= len(rows) <= LARGEST_SIZE and all(len(row) == len(rows) for row in rows)
    fine = square and all(abs(v) <= LARGEST_WEIGHT for row in rows for v in row)
    return torch.tensor(rows, dtype=torch.float64) if fine else None
