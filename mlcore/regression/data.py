"""Data sets for regression: the course's hours and scores, generated points, and their checks."""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from mlcore.core import MlcoreError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Numbers: TypeAlias = "Tensor | np.ndarray[tuple[int, ...], np.dtype[np.floating]] | Sequence[float]"

HOURS_SCORES = Path(__file__).parent / "files" / "hours_scores.csv"
"""100 pairs of hours studied and points scored, the course's file; it has no header."""


class DataError(MlcoreError, ValueError):
    """Data that no line can be fitted to; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """Points to fit.

    Attributes:
        x: Inputs, shape (n,), float64.
        y: Targets, shape (n,), float64.
        x_name: What x is, with its unit, for axes.
        y_name: Likewise for y.
        notes: What was done to get here ("3 rows without a number were left out."), a sentence
            each, to be shown beside the data.
    """

    x: Tensor
    y: Tensor
    x_name: str = "x"
    y_name: str = "y"
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return self.x.shape[0]

    def checksum(self) -> str:
        """SHA-256 of the numbers, computed once, as a million of them take noticeable time."""
        if (known := _CHECKSUMS.get(self)) is not None:
            return known
        digest = hashlib.sha256(self.x.contiguous().numpy().tobytes())
        digest.update(self.y.contiguous().numpy().tobytes())
        return _CHECKSUMS.setdefault(self, digest.hexdigest())


_CHECKSUMS: WeakKeyDictionary[Dataset, str] = WeakKeyDictionary()


def as_pair(x: Numbers, y: Numbers) -> tuple[Tensor, Tensor]:
    """Two vectors of equal length in float64, on the CPU.

    Raises:
        DataError: If they are empty, differ in length, are no vectors, or hold NaN or infinity.
    """
    import torch

    pair = []
    for name, values in (("x", x), ("y", y)):
        vector = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
        if vector.ndim != 1:
            raise DataError(
                f"{name} has the shape {tuple(vector.shape)}, but must be a vector: one number a "
                "point."
            )
        if not len(vector):
            raise DataError(f"{name} is empty; give at least one point.")
        if not bool(vector.isfinite().all()):
            row = int((~vector.isfinite()).nonzero()[0])
            raise DataError(
                f"{name}[{row}] is {vector[row].item()}; remove points that are not finite numbers."
            )
        pair.append(vector)
    if len(pair[0]) != len(pair[1]):
        raise DataError(f"x has {len(pair[0])} points and y has {len(pair[1])}; they go in pairs.")
    return pair[0], pair[1]


@functools.cache
def hours_scores() -> Dataset:
    """The course's 100 points: hours studied (x) and points scored (y).

    Example:
        >>> import mlcore
        >>> data = mlcore.regression.hours_scores()
        >>> print(len(data.x), data.x_name, data.y_name)
        100 hours studied (h) score (points)
    """
    import torch

    with HOURS_SCORES.open(newline="") as file:
        rows = [(float(hours), float(score)) for hours, score in csv.reader(file)]
    both = torch.tensor(rows, dtype=torch.float64)
    return Dataset(both[:, 0].clone(), both[:, 1].clone(), "hours studied (h)", "score (points)")


def made(
    slope: float = 1.5,
    intercept: float = 5.0,
    noise: float = 10.0,
    outliers: int = 0,
    count: int = 100,
    seed: int = 0,
) -> Dataset:
    """Generated points around a line: x uniform on 0..100, y = slope x + intercept + noise.

    Args:
        slope: The true w.
        intercept: The true b.
        noise: Standard deviation of the normal noise, in units of y.
        outliers: How many of the points with the largest x are lifted far off the line: by ten
            times the noise, and at least by half the line's own range. Being one-sided and at one
            end, they tilt the squared loss most.
        count: Number of points, at least 1.
        seed: Of the generator; equal arguments give equal points.

    Raises:
        DataError: If there are more outliers than points, or no points.

    Example:
        >>> import mlcore
        >>> data = mlcore.regression.made(slope=2.0, intercept=1.0, noise=0.0, count=50)
        >>> fit = mlcore.regression.least_squares(data.x, data.y)
        >>> print(round(fit.w, 6), round(fit.b, 6))
        2.0 1.0
    """
    import torch

    if not 0 <= outliers <= count or count < 1:
        raise DataError(
            f"{outliers} outliers among {count} points cannot be; ask for at least one point and "
            "no more outliers than points."
        )
    generator = torch.Generator().manual_seed(seed)
    x = 100 * torch.rand(count, generator=generator, dtype=torch.float64)
    y = slope * x + intercept + noise * torch.randn(count, generator=generator, dtype=torch.float64)
    if outliers:
        lift = max(10 * noise, 50 * abs(slope), 1.0)
        y[x.topk(outliers).indices] -= lift
    return Dataset(x, y)
