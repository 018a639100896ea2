"""Learning rates read off the curve of a range test, by the rules of fastai."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST: Final = 6
"""Points that a rule needs."""
GRAIN: Final = 1e-3
"""The smallest fall that counts in a valley, as a part of the range of the losses."""


def judged(rates: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """The part that is judged: without the first tenth, the last five, and what is not finite.

    At first the running mean has seen too little, and at the end the loss may have diverged.
    """
    chosen = slice(len(rates) // 10, max(len(rates) - 5, 0))
    rates, losses = rates[chosen], losses[chosen]
    finite = np.isfinite(losses)
    return rates[finite], losses[finite]


def valley(rates: Floats, losses: Floats) -> float | None:
    """The middle of the longest valley.

    The valley is the longest subsequence of losses of which each is below the one before. With
    the end e and the length n of the first of these, the point is e − n + ⌊n/3⌋ + ⌊n/6⌋. A fall
    counts from a thousandth of the range of the losses.

    Args:
        rates: Ascending, shape (n,).
        losses: Smoothed, finite, shape (n,).

    Returns:
        A rate, or None if there are fewer than ``FEWEST`` points or the loss never falls.
    """
    if len(rates) < FEWEST:
        return None
    least = GRAIN * float(np.ptp(losses))
    lengths = np.ones(len(losses), dtype=np.int64)
    for place in range(1, len(losses)):
        above = lengths[:place][losses[:place] - losses[place] > least]
        if above.size:
            lengths[place] = above.max() + 1
    end = int(lengths.argmax())
    length = int(lengths[end])
    if length == 1:
        return None
    return float(rates[max(end - length, 0) + length // 3 + length // 6])


def steepest(rates: Floats, losses: Floats) -> float | None:
    """Where the loss falls fastest against the logarithm of the rate; None as in ``valley``."""
    if len(rates) < FEWEST:
        return None
    slopes = np.diff(losses) / np.diff(np.log(rates))
    place = int(slopes.argmin())
    return float(rates[place]) if slopes[place] < 0 else None


def tenth_of_lowest(rates: Floats, losses: Floats) -> float | None:
    """A tenth of the rate at which the loss was lowest; None as in ``valley``."""
    if len(rates) < FEWEST or losses.argmin() == 0:
        return None
    return float(rates[losses.argmin()]) / 10
