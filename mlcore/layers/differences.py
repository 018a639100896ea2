"""The largest difference between numbers from torch and numbers from a formula."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import Tensor


def largest_difference(*pairs: tuple[Tensor, Tensor]) -> float:
    """The largest |a − b| over some pairs of tensors of equal shapes.

    NaN as soon as one of the numbers is infinite or NaN, since only finite numbers can be compared
    (inf − inf is NaN, and NaN beside NaN says nothing). 0 where there are no numbers at all.
    """
    largest = 0.0
    for a, b in pairs:
        if not a.numel():
            continue
        difference = float((a - b).abs().max())
        if not math.isfinite(difference):
            return math.nan
        largest = max(largest, difference)
    return largest


def worst(differences: Iterable[float]) -> float:
    """The largest of some differences; NaN if one of them is (Python's max may lose a NaN)."""
    found = list(differences)
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)
