"""How many images of each class make a stratified part of a data set."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(size: int, counts: Tensor, available: Tensor) -> Tensor:
    """How many of each class make a part of a size: its share, rounded by largest remainders.

    Args:
        size: Of the part, in images.
        counts: int64 ``[classes]``, how many images of each class the data has.
        available: int64 ``[classes]``, how many of them may be taken.

    Returns:
        int64 ``[classes]``, whose sum is ``size``.
    """
    exact = counts.double() * size / counts.sum()
    whole = torch.minimum(exact.floor().long(), available)
    remainder = torch.where(whole < available, exact - whole, -torch.ones_like(exact))
    more = size - int(whole.sum())
    whole[remainder.argsort(descending=True, stable=True)[:more]] += 1
    return whole
