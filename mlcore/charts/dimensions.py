"""Maps a table's column to an axis: linear, logarithmic or categorical."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlcore.charts.axis_ticks import even_marks, log_marks, round_ends

Kind = Literal["linear", "log", "category"]
Floats = NDArray[np.float64]

LOG_FROM: Final = 50.0
"""Positive numbers whose largest is so many times the smallest may lie better on a log axis."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One column as an axis of a chart.

    Attributes:
        column: Name of the column.
        title: What the axis is called, with its unit.
        kind: How values are spread.
        low: Where the axis begins; of categories 0.
        high: Where it ends, above ``low``; of categories how many there are.
        categories: Texts of the categories, in order.
        share: Whether its numbers are shares of 1, which are shown in percent.
    """

    column: str
    title: str
    kind: Kind
    low: float
    high: float
    categories: tuple[str, ...] = ()
    share: bool = False

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        column: str,
        *,
        title: str | None = None,
        kind: Kind | None = None,
        cover: Iterable[float] = (),
        categories: Sequence[object] = (),
    ) -> Self:
        """Infer an axis from a column.

        Args:
            frame: The table.
            column: One of its columns.
            title: By default the column's name.
            kind: By default ``category`` where there is anything but numbers, ``log`` for positive
                numbers that span a factor of ``LOG_FROM`` and lie more evenly so, else ``linear``.
            cover: Numbers that must lie on the axis too, such as the bounds of a search; where all
                values lie between them, the axis ends with them.
            categories: Values that must be among the categories, first and in this order.

        Raises:
            ValueError: If there is no such column, or a log axis is asked for what is not positive.
        """
        if column not in frame.columns:
            known = ", ".join(map(str, frame.columns)) or "none"
            raise ValueError(f"The table has no column {column!r}; its columns are: {known}.")
        name = column if title is None else title
        values = frame[column]
        numbers = as_numbers(values)
        if kind == "category" or (kind is None and (numbers is None or len(categories) > 0)):
            texts = tuple(dict.fromkeys(map(as_text, [*categories, *_in_order(values)])))
            return cls(column, name, "category", 0.0, float(max(1, len(texts))), texts)
        if numbers is None:
            raise ValueError(
                f"The column {column!r} holds more than numbers, so its axis can only be of kind "
                f"'category', not {kind!r}."
            )
        bounds = np.fromiter(cover, np.float64)
        known_numbers = np.concatenate([numbers[np.isfinite(numbers)], bounds])
        if kind == "log" and known_numbers.size and known_numbers.min() <= 0:
            raise ValueError(
                f"The column {column!r} goes down to {known_numbers.min():g}, but a log axis needs "
                "numbers above 0. Use kind='linear'."
            )
        kind = kind or _spread(known_numbers)
        if bounds.size and bounds.min() < bounds.max():
            ends = float(bounds.min()), float(bounds.max())
            if ends == (known_numbers.min(), known_numbers.max()):
                return cls(column, name, kind, *ends)
        return cls(column, name, kind, *round_ends(known_numbers, log=kind == "log"))

    # --- values and places -------------------------------------------------------------------

    def places(self, values: pd.Series) -> Floats:
        """Positions of values, from 0 (start of the axis) to 1 (its end); NaN for missing ones."""
        if self.kind == "category":
            order = {text: place for place, text in enumerate(self.categories)}
            at = [order.get(as_text(value), math.nan) for value in values]
            return (np.asarray(at, np.float64) + 0.5) / len(self.categories or (0,))
        numbers = as_numbers(values)
        if numbers is None:
            raise ValueError(f"The values of {self.column!r} are not numbers, but its axis is.")
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        if self.kind == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.where(numbers > 0, np.log(numbers), np.nan)
            return (logs - math.log(self.low)) / math.log(self.high / self.low)
        return (numbers - self.low) / (self.high - self.low)

    def values_at(self, places: Floats) -> Floats:
        """The numbers at positions, the inverse of ``places``; clipped to the ends.

        Of categories the place in ``categories`` of the nearest.
        """
        inside = np.clip(places, 0.0, 1.0)
        if self.kind == "category":
            last = len(self.categories) - 1
            return np.clip(np.floor(inside * len(self.categories)), 0, max(0, last))
        if self.kind == "log":
            return np.asarray(self.low * (self.high / self.low) ** inside, np.float64)
        return self.low + inside * (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Positions and texts of about five marks along the axis; of every category."""
        if self.kind == "category":
            count = len(self.categories)
            return [((k + 0.5) / count, text) for k, text in enumerate(self.categories)]
        marks = (
            log_marks(self.low, self.high)
            if self.kind == "log"
            else even_marks(self.low, self.high)
        )
        places = self.places(pd.Series(marks, dtype="float64"))
        texts = [f"{mark:g}" if not self.share else f"{100 * mark:.6g}%" for mark in marks]
        return [(float(at), text) for at, text in zip(places, texts, strict=True)]

    def text(self, value: object) -> str:
        """A value as readable text: as ``as_text``, or in percent."""
        if self.share and _is_known(value) and _is_number(value):
            return f"{as_text(100 * cast('float', value))}%"
        return as_text(value)

    def texts(self, values: pd.Series) -> list[str]:
        """Values as tooltip texts."""
        return [self.text(value) for value in values]

    def drawn(self, values: pd.Series) -> pd.Series:
        """The column's values for a chart's rows: numbers, or texts of categories."""
        if self.kind == "category":
            texts = pd.Series(self.texts(values), index=values.index, dtype="object")
            return texts.where(values.map(_is_known), None)
        numbers = as_numbers(values)
        return pd.Series(numbers, index=values.index, dtype="float64")


Column = str | Dimension
"""A column by its name, or with how it lies."""


def dimension(frame: pd.DataFrame, column: Column) -> Dimension:
    """The axis of a column; inferred from the table where only a name is given.

    Raises:
        ValueError: If there is no such column.
    """
    return column if isinstance(column, Dimension) else Dimension.of(frame, column)


def as_numbers(values: pd.Series) -> Floats | None:
    """A column as numbers, missing ones as NaN; None if any other value is in it.

    A column in which everything is missing counts as one of numbers.
    """
    if pd.api.types.is_bool_dtype(values):
        return None
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy("float64", na_value=np.nan)
    known = [value for value in values if _is_known(value)]
    if not all(_is_number(value) for value in known):
        return None
    return np.asarray([value if _is_known(value) else math.nan for value in values], np.float64)


def as_text(value: object) -> str:
    """A value as readable text: ``256, 64`` for a tuple, ``true``, ``0.01``; — if missing."""
    if not _is_known(value):
        return "—"
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, list | tuple):
        return ", ".join(as_text(one) for one in value)
    if _is_number(value):
        number = float(cast("float", value))
        whole = number.is_integer() and abs(number) < 1e9
        return str(int(number)) if whole else f"{number:.4g}"
    return str(value)


def _in_order(values: pd.Series) -> list[object]:
    """The distinct values: sorted if they can be compared, else in order of appearance."""
    known = [tuple(v) if isinstance(v, list) else v for v in values if _is_known(v)]
    different: list[Hashable] = list(dict.fromkeys(known))
    try:
        return sorted(different)  # type: ignore[type-var]  # what cannot be compared is caught
    except TypeError:
        return list(different)


def _is_known(value: object) -> bool:
    if isinstance(value, list | tuple | str):
        return True
    return not bool(pd.isna(cast("float", value)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def _spread(numbers: Floats) -> Kind:
    """Logarithmic if that puts the median nearer to the middle of the axis, else linear."""
    if numbers.size == 0 or numbers.min() <= 0:
        return "linear"
    low, middle, high = (float(q) for q in np.quantile(numbers, (0, 0.5, 1)))
    if high / low < LOG_FROM:
        return "linear"
    evenly, by_factors = (
        (middle - low) / (high - low),
        math.log(middle / low) / math.log(high / low),
    )
    return "log" if abs(by_factors - 0.5) < abs(evenly - 0.5) else "linear"
