"""Comparisons of a filter: a field with a number, text, boolean, date, tag or list."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

from mlcore.experiments import EXPERIMENTS, config_class
from mlcore.runs.filters.nodes import Node, Search, as_series, holds
from mlcore.runs.filters.tokens import FilterError, quoted
from mlcore.runs.status import Status
from mlcore.runs.store.run_table import CONFIG, IS_NAN, METRIC, MOMENTS, VERSION

if TYPE_CHECKING:
    import pandas as pd

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_NAMED: Final = 30
_TEXTS: Final = ("id", "name", "note", "error")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)
_NOT_FINITE: Final = {
    "nan": math.nan,
    **dict.fromkeys(("inf", "+inf", "infinity", "∞", "+∞"), math.inf),
    **dict.fromkeys(("-inf", "-infinity", "-∞", "−∞"), -math.inf),
}
_TRUTH: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Value:
    """The value a field is compared with, as it was written."""

    text: str
    quoted: bool = field(default=False, compare=False)
    place: int = field(default=0, compare=False)

    @property
    def number(self) -> float | None:
        """The value as a number, ``97%`` as 0.97, also ``nan`` and ``inf``; None if it is none."""
        if not self.quoted and (known := _NOT_FINITE.get(self.text.casefold())) is not None:
            return known
        if self.quoted or not _NUMBER.fullmatch(self.text):
            return None
        return float(self.text[:-1]) / 100 if self.text.endswith("%") else float(self.text)

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True)
class Compare(Node):
    """A comparison of a field with a value.

    Attributes:
        words: The words before the operator; as many of the last ones as name a field are the
            field (``test accuracy``), those before are looked for as text.
        operator: ``< <= > >= = != ~ !~ in :``.
        values: One, or several for lists.
        place: Where the field stands in the filter.
    """

    words: tuple[str, ...]
    operator: str
    values: tuple[Value, ...]
    place: int = field(default=0, compare=False)

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """See ``Node.mask``."""
        column, searched = self._resolve(frame, text)
        kept = self._compared(frame, column, text)
        for word in searched:
            kept &= Search(word).mask(frame, text)
        return kept

    def __str__(self) -> str:
        field_text = " ".join(map(quoted, self.words))
        values = ",".join(map(str, self.values))
        if self.operator == "in":
            return f"{field_text} in ({values})"
        space = "" if self.operator == ":" else " "
        return f"{field_text}{space}{self.operator}{space}{values}"

    def _resolve(self, frame: pd.DataFrame, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The column of the field, None if no run here has it; and words before it.

        A name that stands there exactly so comes first, then one that differs in the case of its
        letters, or in ``_``, ``-`` or a space between its words.
        """
        columns = [str(name) for name in frame.columns if not str(name).startswith(IS_NAN)]
        exact = dict.fromkeys(columns)
        relaxed: dict[str, list[str]] = {}
        for column in columns:
            relaxed.setdefault(_plain_name(column), []).append(column)
        for start in range(len(self.words)):
            words = self.words[start:]
            for spelt in (" ".join(words), "_".join(words)):
                for prefix in ("", CONFIG, METRIC, VERSION):
                    if prefix + spelt in exact:
                        return prefix + spelt, self.words[:start]
            name = _plain_name("_".join(words))
            name = "tags" if name == "tag" else name
            for prefix in ("", CONFIG, METRIC, VERSION):
                if found := relaxed.get(prefix + name):
                    return self._only(found, text), self.words[:start]
            if name.removeprefix(CONFIG) in _config_fields():
                return None, self.words[:start]
        if frame.empty:
            return None, ()
        known = {name.removeprefix(CONFIG).removeprefix(METRIC) for name in relaxed}
        near = difflib.get_close_matches(_plain_name("_".join(self.words)), known, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(near)}?" if near else _known(known)
        raise FilterError(f"No run has a field {' '.join(self.words)!r}. {hint}", text, self.place)

    def _only(self, found: list[str], text: str) -> str:
        if len(found) > 1:
            names = " or ".join(quoted(_short(name)) for name in found)
            raise FilterError(
                f"{' '.join(self.words)!r} may be {names}; write the one that is meant",
                text,
                self.place,
            )
        return found[0]

    def _compared(self, frame: pd.DataFrame, column: str | None, text: str) -> pd.Series[bool]:
        if column is None:
            return as_series(frame, (self.operator in ("!=", "!~") for _ in range(len(frame))))
        if column == "status" and self.operator in ("=", "!=", "in", ":"):
            for value in self.values:
                if value.text.lower() not in list(Status):
                    raise FilterError(
                        f"{value.text!r} is no status of a run; they are {', '.join(Status)}",
                        text,
                        value.place,
                    )
        fits = self._test(frame, column, text)
        absent = self.operator in ("!=", "!~")
        missing_here = frame[column].isna()
        if (nan := column.replace(METRIC, IS_NAN, 1)) in frame and column.startswith(METRIC):
            missing_here &= ~frame[nan]
        cells = zip(frame[column], missing_here, strict=True)
        return as_series(frame, (absent if missing else fits(cell) for cell, missing in cells))

    def _test(self, frame: pd.DataFrame, column: str, text: str) -> Callable[[Any], bool]:
        """The condition on a cell of this column."""
        operator = self.operator
        if operator == ":":
            operator = "~" if column in _TEXTS else "="
        if operator in ("~", "!~"):
            words = ",".join(value.text for value in self.values).casefold()
            return lambda cell: holds(cell, words) == (operator == "~")
        if operator in _ORDER:
            return self._ordered(frame, column, text)
        if operator == "in":
            tests = [_equals(column, (value,), text) for value in self.values]
            return lambda cell: any(test(cell) for test in tests)
        if len(self.values) > 1 and _numeric(frame, column):
            raise FilterError(
                f"{_short(column)} is one number, so it cannot equal a list; write "
                f"{_short(column)} in ({', '.join(map(str, self.values))})",
                text,
                self.values[1].place,
            )
        equal = _equals(column, self.values, text)
        return lambda cell: equal(cell) == (operator == "=")

    def _ordered(self, frame: pd.DataFrame, column: str, text: str) -> Callable[[Any], bool]:
        order = _ORDER[self.operator]
        if len(self.values) > 1:
            raise FilterError(
                f"{self.operator} compares with one value", text, self.values[1].place
            )
        (value,) = self.values
        if column in MOMENTS:
            moment, _day = _moment(value, text)
            return lambda cell: bool(order(cell, moment))
        number = value.number
        if number is None:
            raise FilterError(
                f"{value.text!r} is no number, which {self.operator} needs", text, value.place
            )
        if math.isnan(number):
            raise FilterError(
                f"No number is above or below nan; write {_short(column)} = nan", text, value.place
            )
        if not _numeric(frame, column):
            raise FilterError(
                f"{_short(column)} is text, so {self.operator} has no meaning; = or ~ have",
                text,
                self.place,
            )
        return lambda cell: _is_number(cell) and bool(order(cell, number))


def _equals(column: str, values: tuple[Value, ...], text: str) -> Callable[[Any], bool]:
    if column in MOMENTS:
        moment, day = _moment(values[0], text)
        return lambda cell: bool((cell.normalize() if day else cell) == moment)
    word = ",".join(value.text for value in values).casefold()
    number = values[0].number if len(values) == 1 else None
    truth = _TRUTH.get(word)

    def equal(cell: Any) -> bool:
        if isinstance(cell, tuple):  # tags: one of them
            return any(one.casefold() == word for one in cell)
        if _is_number(cell):
            if number is None:
                return False
            return bool(cell == number) or (math.isnan(number) and bool(cell != cell))
        if _is_truth(cell):
            return truth is not None and bool(cell) == truth
        return str(cell).casefold() == word

    return equal


def _moment(value: Value, text: str) -> tuple[pd.Timestamp, bool]:
    """A time in UTC, and whether only its day was given."""
    import pandas as pd

    moment = pd.to_datetime(value.text, errors="coerce")
    if not isinstance(moment, pd.Timestamp):
        raise FilterError(
            f'{value.text!r} is no date; write 2026-11-01 or "2026-11-01 18:30" (UTC)',
            text,
            value.place,
        )
    utc = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    return utc, re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.text) is not None


def _numeric(frame: pd.DataFrame, column: str) -> bool:
    cells = frame[column].dropna()
    return cells.empty or any(_is_number(cell) for cell in cells)


def _is_number(cell: Any) -> bool:
    return hasattr(cell, "__float__") and not isinstance(cell, str) and not _is_truth(cell)


def _is_truth(cell: Any) -> bool:
    return isinstance(cell, bool) or type(cell).__name__ in ("bool", "bool_")  # NumPy's own


def _plain_name(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def _short(column: str) -> str:
    return column.removeprefix(CONFIG).removeprefix(METRIC)


def _known(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = "…" if len(shown) > _NAMED else ""
    return f"There are {', '.join(shown[:_NAMED])}{more}"


@cache
def _config_fields() -> frozenset[str]:
    classes = [config_class(name) for name in EXPERIMENTS]
    return frozenset(_plain_name(field_name) for cls in classes for field_name in cls.model_fields)
