"""Checks of numbers that a user gives: each refusal names the argument and what is allowed."""

from __future__ import annotations

import math

from mlcore.core import InputError


def whole(name: str, value: float, low: int, high: int) -> int:
    """A whole number within bounds.

    Raises:
        InputError: If it is not whole, or out of bounds.
    """
    if isinstance(value, bool) or not math.isfinite(value) or value != int(value):
        raise InputError(f"{name} is {value}, but must be a whole number from {low} to {high:,}.")
    if not low <= value <= high:
        raise InputError(f"{name} is {value:,}, but must be from {low} to {high:,}.")
    return int(value)


def real(name: str, value: float, low: float, high: float) -> float:
    """A finite number within bounds.

    Raises:
        InputError: If it is NaN, infinite or out of bounds.
    """
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} is {value:g}, but must be a number from {low:g} to {high:g}.")
    return float(value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of some names.

    Raises:
        InputError: If it is none of them.
    """
    if value not in allowed:
        raise InputError(f"{name} is {value!r}, but must be one of {', '.join(allowed)}.")
    return value
