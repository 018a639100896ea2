"""Makes ranges in a script: ``{"lr": log_range(1e-4, 1), "hidden": [(32,), (128,)]}``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlcore.sweeps.ranges import (
    Choices,
    Conditional,
    IntRange,
    LinearRange,
    LogRange,
    Range,
    frozen,
)


def linear_range(low: float, high: float, points: int | None = None) -> LinearRange:
    """Numbers from ``low`` to ``high``, equally likely; ``points`` of them on a grid.

    Raises:
        ValueError: If an end is no finite number, or ``low`` is not below ``high``.
    """
    return LinearRange(float(low), float(high), points)


def log_range(low: float, high: float, points: int | None = None) -> LogRange:
    """Numbers from ``low`` to ``high``, each factor equally likely; ``points`` of them on a grid.

    Raises:
        ValueError: If an end is no finite number, ``low`` is not below ``high`` or not above 0.
    """
    return LogRange(float(low), float(high), points)


def int_range(
    low: int, high: int, step: int = 1, *, log: bool = False, points: int | None = None
) -> IntRange:
    """Whole numbers from ``low`` to ``high``, both included.

    Raises:
        ValueError: If an end is no whole number, or ``low`` is not below ``high``.
    """
    return IntRange(low, high, step, log, points)


def choices(*values: Any) -> Choices:
    """These values and no others; ``choices((32,), (128, 64))`` for tuples.

    Raises:
        ValueError: If there is none, or one is given twice.
    """
    return Choices(tuple(frozen(value) for value in values))


def when(field: str, value: Any, /, **ranges: Range | Iterable[Any]) -> dict[str, Conditional]:
    """Ranges that count only where another field has a value, or one of a list of values.

    The other fields keep the config's own value elsewhere::

        space = {"optimizer": ["sgd", "adam"],
                 **mlcore.when("optimizer", "sgd", momentum=mlcore.linear_range(0, 0.99))}

    Raises:
        ValueError: If no range or no value is given.
    """
    if not ranges:
        raise ValueError(f"when({field!r}, {value!r}) names no field that depends on it.")
    values = tuple(frozen(one) for one in value) if isinstance(value, list) else (frozen(value),)
    return {name: Conditional(as_range(one), field, values) for name, one in ranges.items()}


def as_range(given: Range | Iterable[Any]) -> Range:
    """A range as it is, any other sequence as its choices.

    Raises:
        TypeError: If it is neither.
        ValueError: If the sequence is empty or names a value twice.
    """
    if isinstance(given, (LinearRange, LogRange, IntRange, Choices)):
        return given
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(
            f"{given!r} is no range. Give mlcore.log_range(a, b), mlcore.linear_range(a, b), "
            "mlcore.int_range(a, b) or a list of values."
        )
    return choices(*given)
