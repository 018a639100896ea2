"""Kernels to begin with: edges, blur and sharpen at any size, from two closed forms."""

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


def preset(name: str, size: int) -> torch.Tensor:
    """A kernel, float64 ``[size, size]``.

    Edges are the outer product of a slope and a binomial smoothing (of size 3: Sobel's), blur is
    a mean, *all edges* and *sharpen* are what blur takes away and adds.

    Raises:
        ValueError: If there is no preset of that name.
    """
    import torch

    smooth = torch.tensor([math.comb(size - 1, k) for k in range(size)], dtype=torch.float64)
    slope = torch.linspace(-1, 1, size, dtype=torch.float64) if size > 1 else torch.ones(1).double()
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


def to_text(kernel: torch.Tensor) -> str:
    """A kernel for a URL: rows by semicolons, numbers by commas."""
    return ";".join(",".join(f"{v:.5g}" for v in row) for row in kernel.tolist())


def from_text(text: str) -> torch.Tensor | None:
    """The inverse of ``to_text``; None if the text is no square of 1 to 7 rows of numbers."""
    import torch

    try:
        rows = [[float(v) for v in row.split(",")] for row in text.split(";")]
    except ValueError:
        return None
    square = 1 <= len(rows) <= 7 and all(len(row) == len(rows) for row in rows)
    fine = square and all(math.isfinite(v) for row in rows for v in row)
    return torch.tensor(rows, dtype=torch.float64) if fine else None
