"""Derivatives as limits of difference quotients, each with an error bound.

One step size does not fit all: f has its own scale near a pole, at the edge of its domain and at
x = 1e12. So the quotient is computed for a whole ladder of steps h, h/2, h/4, …; each two of them
are combined so that the leading error cancels (Richardson), and the error is what neighbouring
rungs disagree by, plus what rounding may add (Ridders, Advances in Engineering Software 4, 1982).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

FINEST: Final = 44
"""The smallest step is 2⁻⁴⁴ of |x|, which float64 still adds to x with eight bits to spare."""
AT_ZERO: Final = 110
"""Rungs of the ladder at x = 0: from 1/4 down to about 1e-34."""
_ALIVE: Final = 8
_DIVERGING: Final = 20
_ACCEPTED: Final = 1e-2
_FLAT: Final = 1e-6


def ladder(x: float) -> FloatArray:
    """The step sizes to try at x: powers of two from about max(1, abs x)/4 down, shape ``[K]``."""
    first = math.frexp(max(1.0, abs(x)))[1] - 3
    rungs = AT_ZERO if x == 0 else first - (math.frexp(x)[1] - FINEST)
    exponents = np.arange(first, first - rungs, -1)
    return np.ldexp(1.0, np.maximum(exponents, -1070))


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of a quotient as the step goes to 0.

    Attributes:
        value: The limit; NaN where none was found.
        error: What it may be off by; inf where none was found.
        alive: Whether f has finite values at the smallest steps on this side.
        diverges: Whether the quotient grows without bound, as far as rounding lets one see.
    """

    value: float
    error: float
    alive: bool
    diverges: bool


def limit(quotients: FloatArray, noise: FloatArray, order: int, scale: float) -> Limit:
    """The limit of quotients whose step halves from one to the next.

    Args:
        quotients: Shape ``[K]``; NaN where a step was too small for float64, ±inf or NaN where f
            has no finite value.
        noise: What rounding may have added to each, shape ``[K]``; inf where a step was too small.
        order: Power of the step in the leading error: 2 for central quotients, 1 for one-sided.
        scale: A quotient of the usual size, against which a limit of 0 is judged.
    """
    usable = np.isfinite(noise)
    alive = bool(usable.any()) and bool(np.isfinite(quotients[usable][-_ALIVE:]).all())
    if not alive:
        return Limit(math.nan, math.inf, alive=False, diverges=False)
    if _diverges(quotients[usable], noise[usable]):
        return Limit(math.nan, math.inf, alive=True, diverges=True)
    weight = 2.0**order
    with np.errstate(all="ignore"):
        refined = (weight * quotients[1:] - quotients[:-1]) / (weight - 1)
        rounding = (weight * noise[1:] + noise[:-1]) / (weight - 1)
        steps = np.abs(np.diff(refined))
        error = np.maximum(steps[:-1], steps[1:]) + rounding[1:-1]
        value = refined[1:-1]
        relative = error / (np.abs(value) + _FLAT * scale)
    relative = np.where(error == 0, 0.0, np.where(np.isnan(relative), np.inf, relative))
    best = _best(value, error, relative)
    if best is None:
        return Limit(math.nan, math.inf, alive=True, diverges=False)
    return Limit(float(value[best]), float(error[best]), alive=True, diverges=False)


def differ(limits: Sequence[Limit]) -> bool:
    """Whether two limits differ by more than their errors."""
    known = [found for found in limits if math.isfinite(found.error)]
    return any(_apart(a, b) for i, a in enumerate(known) for b in known[i + 1 :])


def _apart(a: Limit, b: Limit) -> bool:
    size = max(abs(a.value), abs(b.value))
    sure = max(a.error, b.error) <= _ACCEPTED * size
    return sure and abs(a.value - b.value) > 4 * (a.error + b.error) + 1e-5 * size


def _best(value: FloatArray, error: FloatArray, relative: FloatArray) -> int | None:
    """The index of the smallest error that no two neighbouring smaller steps contradict.

    A function such as x + 1e-9·sin(1e9·x) looks like x at large steps: their limit is sharp and
    wrong, and smaller steps show it.
    """
    for rung in np.lexsort((error, relative)):
        if not math.isfinite(error[rung]):
            return None
        with np.errstate(all="ignore"):
            gap = np.abs(value[rung + 1 :] - value[rung])
            against = gap > 2 * (error[rung + 1 :] + error[rung])
        if not (against[1:] & against[:-1]).any():
            return int(rung)
    return None


def _diverges(quotients: FloatArray, noise: FloatArray) -> bool:
    with np.errstate(all="ignore"):
        clear = np.flatnonzero(noise <= _ACCEPTED * np.abs(quotients))
    if not len(clear):
        return False
    end = int(clear[-1]) + 1
    # smaller steps must have drowned in noise, not shown something else
    if end < len(noise) and noise[end] < 1e-4 * abs(quotients[end - 1]):
        return False
    last = quotients[:end][-_DIVERGING:]
    if len(last) < _DIVERGING or not np.isfinite(last).all() or (last == 0).any():
        return False
    return bool((last[1:] / last[:-1] >= 1.01).all())
