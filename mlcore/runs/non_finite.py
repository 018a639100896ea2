"""Non-finite values (NaN, ±∞) as codes and words, so that charts can mark them."""

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
    """The kind of each value's non-finiteness as a code; 0 for finite values.

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
    """The words of a code, such as ``NaN, ∞``; ``""`` for 0."""
    return ", ".join(text for bit, text in _WORDS.items() if code & bit)


def as_word(value: float) -> str:
    """A non-finite value in words: ``NaN``, ``∞`` or ``−∞``; ``""`` if it is finite."""
    return word(int(codes([value])[0]))
