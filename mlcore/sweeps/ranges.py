"""The ranges of a sweep: numbers, choices, and ranges under a condition.

A script makes them by functions: ``{"lr": log_range(1e-4, 1), "hidden": [(32,), (128,)]}``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlcore.core import InputError, InputTypeError

DEFAULT_POINTS = 8
"""Points of a continuous range on a grid if no number is given."""


@dataclass(frozen=True, slots=True)
class LinearRange:
    """Every number from ``low`` to ``high``, all equally likely.

    Attributes:
        low: Smallest value.
        high: Largest value.
        points: How many values a grid takes, both ends included; None leaves it to the budget.
    """

    low: float
    high: float
    points: int | None = None

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        _check_points(self.points)

    def spread(self, points: int) -> tuple[float, ...]:
        """``points`` values (or ``self.points``) at equal distances, both ends included."""
        count = self.points or points
        if count == 1:
            return ((self.low + self.high) / 2,)
        step = (self.high - self.low) / (count - 1)
        return (*(self.low + i * step for i in range(count - 1)), self.high)

    def text(self) -> str:
        """As ``parse_range`` reads it: ``lin:0:0.5``."""
        return f"lin:{self.low!r}:{self.high!r}" + _points_text(self.points)


@dataclass(frozen=True, slots=True)
class LogRange:
    """Every number from ``low`` to ``high``, each factor equally likely.

    Attributes:
        low: Smallest value, above 0.
        high: Largest value.
        points: How many values a grid takes, both ends included; None leaves it to the budget.
    """

    low: float
    high: float
    points: int | None = None

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        _check_above_zero(self.low, self.high)
        _check_points(self.points)

    def spread(self, points: int) -> tuple[float, ...]:
        """``points`` values (or ``self.points``) at equal ratios, both ends included."""
        count = self.points or points
        if count == 1:
            return (math.sqrt(self.low * self.high),)
        factor = math.log(self.high / self.low) / (count - 1)
        return (*(self.low * math.exp(i * factor) for i in range(count - 1)), self.high)

    def text(self) -> str:
        """As ``parse_range`` reads it: ``log:0.0001:1``."""
        return f"log:{self.low!r}:{self.high!r}" + _points_text(self.points)


@dataclass(frozen=True, slots=True)
class IntRange:
    """Whole numbers from ``low`` to ``high``.

    Attributes:
        low: Smallest value.
        high: Largest value.
        step: Distance of neighbours, from ``low`` on; 1 with ``log``.
        log: Whether each factor, rather than each number, is equally likely; then ``low`` ≥ 1.
        points: How many values a grid takes; None takes all, with ``log`` what the budget allows.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False
    points: int | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            if isinstance(value := getattr(self, name), bool) or not isinstance(value, int):
                raise InputTypeError(
                    f"{name} is {value!r}, but an integer range needs whole numbers."
                )
        _check_ends(self.low, self.high)
        _check_points(self.points)
        if self.step < 1:
            raise InputError(f"step is {self.step}, but must be a whole number from 1 up.")
        if self.log:
            _check_above_zero(self.low, self.high)
            if self.step != 1:
                raise InputError("A logarithmic integer range has no step: leave it at 1.")

    @property
    def values(self) -> range:
        """All values, in order."""
        return range(self.low, self.high + 1, self.step)

    def spread(self, points: int) -> tuple[int, ...]:
        """All values, or about ``points`` of them (or ``self.points``) spread over the range."""
        count = self.points or (points if self.log else len(self.values))
        if count >= len(self.values):
            return tuple(self.values)
        if self.log:
            spread = LogRange(self.low, self.high).spread(count)
            return tuple(dict.fromkeys(round(value) for value in spread))
        spread = LinearRange(0, len(self.values) - 1).spread(count)
        return tuple(dict.fromkeys(self.values[round(place)] for place in spread))

    def text(self) -> str:
        """As ``parse_range`` reads it: ``int:1:9`` or ``logint:1:512``."""
        if self.log:
            return f"logint:{self.low}:{self.high}" + _points_text(self.points)
        step = f"/{self.step}" if self.step != 1 else ""
        return f"int:{self.low}:{self.high}{step}" + _points_text(self.points)


@dataclass(frozen=True, slots=True)
class Choices:
    """A fixed list of values.

    Attributes:
        values: In the order in which a grid takes them; no two are equal.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError("There are no choices; give at least one value.")
        seen: list[Any] = []
        for value in self.values:
            if any(value == other and type(value) is type(other) for other in seen):
                raise InputError(f"The choice {value!r} is given twice; give each value once.")
            seen.append(value)

    def spread(self, points: int) -> tuple[Any, ...]:  # noqa: ARG002 - all ranges are asked alike
        """All values."""
        return self.values

    def text(self) -> str:
        """As ``parse_range`` reads it: ``0.1,0.2``, or ``32,128x64`` for tuples."""
        if any(isinstance(value, tuple) for value in self.values):
            return ",".join("x".join(map(str, value)) for value in self.values)
        return ",".join(word(value) for value in self.values)


Range: TypeAlias = LinearRange | LogRange | IntRange | Choices
"""What one field is swept over."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """A range that applies only where another field has certain values; see ``when``.

    Attributes:
        range: What the field is swept over then; else it keeps the config's own value.
        field: The other field.
        values: Its values with which the range counts.
    """

    range: Range
    field: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(f"The condition on {self.field} names no value, so it never holds.")


def contains(swept: Range, value: Any) -> bool:
    """Whether a value lies in a range."""
    match swept:
        case Choices():
            return any(value == one and type(value) is type(one) for one in swept.values)
        case IntRange():
            return isinstance(value, int) and value in swept.values
        case LinearRange() | LogRange():
            return isinstance(value, (int, float)) and swept.low <= value <= swept.high


def _check_ends(low: float, high: float) -> None:
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, (int, float)) or not math.isfinite(end):
            raise InputError(f"A range ends at {end!r}, but must end at finite numbers.")
    if low >= high:
        what = "is empty" if low == high else "is inverted"
        raise InputError(
            f"The range from {low:g} to {high:g} {what}: give low, then high above it."
        )


def _check_above_zero(low: float, high: float) -> None:
    if low <= 0:
        raise InputError(
            f"The logarithmic range from {low:g} to {high:g} goes through zero: start above 0, or "
            "take a linear range."
        )


def _check_points(points: int | None) -> None:
    if points is not None and (isinstance(points, bool) or points < 1):
        raise InputError(f"points is {points!r}, but must be a whole number from 1 up.")


def _points_text(points: int | None) -> str:
    return "" if points is None else f":{points}"


def frozen(value: Any) -> Any:
    """Lists as tuples, also nested ones; other values unchanged."""
    return tuple(map(frozen, value)) if isinstance(value, (list, tuple)) else value


def word(value: Any) -> str:
    """A plain value as written on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def linear_range(low: float, high: float, points: int | None = None) -> LinearRange:
    """Numbers from ``low`` to ``high``, equally likely; ``points`` of them on a grid.

    Raises:
        ValueError: If an end is no finite number, or ``low`` is not below ``high``.

    Example:
        >>> import mlcore
        >>> mlcore.linear_range(0, 1).spread(5)
        (0.0, 0.25, 0.5, 0.75, 1.0)
    """
    return LinearRange(float(low), float(high), points)


def log_range(low: float, high: float, points: int | None = None) -> LogRange:
    """Numbers from ``low`` to ``high``, each factor equally likely; ``points`` of them on a grid.

    Raises:
        ValueError: If an end is no finite number, ``low`` is not below ``high`` or not above 0.

    Example:
        >>> import mlcore
        >>> [round(rate, 4) for rate in mlcore.log_range(1e-3, 1).spread(4)]
        [0.001, 0.01, 0.1, 1.0]
    """
    return LogRange(float(low), float(high), points)


def int_range(
    low: int, high: int, step: int = 1, *, log: bool = False, points: int | None = None
) -> IntRange:
    """Whole numbers from ``low`` to ``high``, both included.

    Raises:
        ValueError: If an end is no whole number, or ``low`` is not below ``high``.

    Example:
        >>> import mlcore
        >>> mlcore.int_range(8, 32, step=8).values
        range(8, 33, 8)
    """
    return IntRange(low, high, step, log, points)


def choices(*values: Any) -> Choices:
    """A fixed list of values; ``choices((32,), (128, 64))`` for tuples.

    Raises:
        ValueError: If there is none, or one is given twice.

    Example:
        >>> import mlcore
        >>> mlcore.choices((32,), (128, 64)).values
        ((32,), (128, 64))
    """
    return Choices(tuple(frozen(value) for value in values))


def when(field: str, value: Any, /, **ranges: Range | Iterable[Any]) -> dict[str, Conditional]:
    """Ranges that apply only where another field has one of the given values.

    The other fields keep the config's own value elsewhere::

        space = {"optimizer": ["sgd", "adam"],
                 **mlcore.when("optimizer", "sgd", momentum=mlcore.linear_range(0, 0.99))}

    Raises:
        ValueError: If no range or no value is given.

    Example:
        >>> import mlcore
        >>> space = mlcore.when("optimizer", "sgd", momentum=mlcore.linear_range(0, 0.99))
        >>> print(space["momentum"].field, space["momentum"].values)
        optimizer ('sgd',)
    """
    if not ranges:
        raise InputError(f"when({field!r}, {value!r}) names no field that depends on it.")
    values = tuple(frozen(one) for one in value) if isinstance(value, list) else (frozen(value),)
    return {name: Conditional(as_range(one), field, values) for name, one in ranges.items()}


def as_range(given: Range | Iterable[Any]) -> Range:
    """A range unchanged, any other sequence as choices.

    Raises:
        TypeError: If it is neither.
        ValueError: If the sequence is empty or names a value twice.

    Example:
        >>> from mlcore import sweeps
        >>> sweeps.as_range([0.1, 0.2])
        Choices(values=(0.1, 0.2))
    """
    if isinstance(given, (LinearRange, LogRange, IntRange, Choices)):
        return given
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InputTypeError(
            f"{given!r} is no range. Give mlcore.log_range(a, b), mlcore.linear_range(a, b), "
            "mlcore.int_range(a, b) or a list of values."
        )
    return choices(*given)
