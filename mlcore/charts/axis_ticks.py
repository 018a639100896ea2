"""Round ends and tick marks of an axis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ONE_PLACE = 1e-8
"""Numbers that differ by less, relatively, have no room for round numbers of ten digits between."""


def round_ends(numbers: Floats, *, log: bool) -> tuple[float, float]:
    """Round ends that enclose all values, so that they seldom change while points arrive.

    Args:
        numbers: Finite ones; with ``log`` all above 0.
        log: Round by factors: 1, 2 and 5 times powers of ten.
    """
    if numbers.size == 0:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    if log:
        low, high = _round_down(low), _tidy(1 / _round_down(1 / high))
        return (low / 2, high * 2) if low == high else (low, high)
    if high - low <= _ONE_PLACE * max(abs(low), abs(high)):
        room = abs(low) / 2 or 0.5
        return low - room, high + room
    step = even_step(high - low, 8)
    return _tidy(math.floor(low / step) * step), _tidy(math.ceil(high / step) * step)


def _round_down(number: float) -> float:
    decade = 10.0 ** math.floor(math.log10(number) + 1e-9)
    return _tidy(max(d for d in (1, 2, 5) if d * decade <= number * (1 + 1e-9)) * decade)


def even_step(span: float, parts: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that splits a span into so many parts.

    Args:
        span: Above 0.
        parts: At most.
    """
    decade = 10.0 ** math.floor(math.log10(span / parts))
    return next(d * decade for d in (1, 2, 5, 10) if span / (d * decade) <= parts)


def even_marks(low: float, high: float) -> list[float]:
    """At most seven evenly spaced round numbers from one end to the other."""
    step = even_step(high - low, 6)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [_tidy(place * step) for place in range(first, last + 1)]


def log_marks(low: float, high: float) -> list[float]:
    """Powers of ten from one end to the other; over few decades also 2 and 5 times them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1,) if math.log10(high / low) > 2.5 else (1, 2, 5)
    every = max(1, len(decades) // 6)
    marks = [_tidy(digit * 10.0**decade) for decade in decades[::every] for digit in digits]
    return [mark for mark in marks if low * (1 - 1e-9) <= mark <= high * (1 + 1e-9)]


def _tidy(number: float) -> float:
    return float(f"{number:.10g}")
