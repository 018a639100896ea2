"""Max and average pooling, by torch's modules and by formula."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Pooling


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """An image before and after pooling.

    Attributes:
        output: What ``nn.MaxPool2d`` or ``nn.AvgPool2d`` returned, ``[N, C, H_out, W_out]``.
        by_hand: The largest, or the mean, of each window.
        max_difference: The largest |output − by_hand|.
    """

    output: Tensor
    by_hand: Tensor
    max_difference: float


@torch.no_grad()
def pool(x: Tensor, kind: Pooling, size: int) -> Pooled:
    """Pool with windows that do not overlap; leftover rows and columns are dropped.

    Args:
        x: ``[N, C, H, W]``.
        kind: ``max``, ``average``, or ``none`` to return the input.
        size: Side of a window, and the stride.

    Raises:
        RuntimeError: torch's own where not one window fits.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(16.0).reshape(1, 1, 4, 4)
        >>> mlcore.layers.pool(x, "max", 2).output.tolist()
        [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    if kind == "none":
        return Pooled(x, x, 0.0)
    output = (nn.MaxPool2d(size) if kind == "max" else nn.AvgPool2d(size))(x)
    n, c, rows, columns = output.shape
    windows = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    hand = windows.amax((3, 5)) if kind == "max" else windows.sum((3, 5)) / size**2
    return Pooled(output, hand, largest_difference((output, hand)))
