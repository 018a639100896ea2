"""Values that are no finite numbers: what a chart leaves a gap for, and marks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NAN: Final = 1
UP: Final = 2
DOWN: Final = 4
"""Bits of a code: which of NaN, ∞ and −∞ are among the values that a row stands for."""

_WORDS: Final = {NAN: "NaN", UP: "∞", DOWN: "−∞"}

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def codes(values: Any) -> Codes:
    """Which of the values are not finite, and in which way; 0 for those that are.

    Args:
        values: Shape (n,).
    """
    raw = np.asarray(values, dtype=np.float64)
    kinds = NAN * np.isnan(raw) + UP * np.isposinf(raw) + DOWN * np.isneginf(raw)
    return np.asarray(kinds, dtype=np.int64)


def finite(values: Any) -> Floats:
    """The values, with NaN where they are not finite."""
    raw = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(raw), raw, np.nan)


def word(code: int) -> str:
    """What a code says, such as ``NaN, ∞``; ``""`` for 0."""
    return ", ".join(text for bit, text in _WORDS.items() if code & bit)


def as_word(value: float) -> str:
    """A value that is not finite, in words: ``NaN``, ``∞`` or ``−∞``; ``""`` if it is finite."""
    return word(int(codes([value])[0]))
