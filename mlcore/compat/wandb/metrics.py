"""What a logged dict is: flat names as W&B's, and aggregates asked for by ``define_metric``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

AGGREGATES: Final = ("min", "max", "mean", "first", "last", "best")


def flat(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[Any, Any]]:
    """Names and values; of a dict within a dict ``outer.inner``, as W&B shows them."""
    for name, value in values.items():
        full = f"{prefix}{name}" if prefix else name
        if isinstance(value, Mapping):
            yield from flat(value, f"{full}.")
        else:
            yield full, value


@dataclass
class _Seen:
    first: float
    last: float
    low: float
    high: float
    total: float = 0.0
    count: int = 0


class Aggregates:
    """Lowest, highest, mean, first and last values of the metrics for which they are asked."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, _Seen] = {}

    def ask(self, name: str, summary: str | None, goal: str | None) -> None:
        """Ask for aggregates of a metric, or of all that begin so, with ``*`` at the end."""
        asked = [one.strip().lower() for one in (summary or "").split(",")]
        best = "max" if goal is not None and goal.startswith("max") else "min"
        kept = tuple(best if one == "best" else one for one in asked if one in AGGREGATES)
        if kept:
            self._asked[name] = kept

    def note(self, name: str, number: float) -> None:
        """Take a value that was logged; NaN is passed over."""
        if self._kinds(name) and not math.isnan(number):
            seen = self._seen.get(name)
            if seen is None:
                seen = self._seen[name] = _Seen(number, number, number, number)
            seen.last = number
            seen.low, seen.high = min(seen.low, number), max(seen.high, number)
            seen.total, seen.count = seen.total + number, seen.count + 1

    def of(self, name: str) -> dict[str, float]:
        """The aggregates of a metric, by kind; empty if none is asked for."""
        seen = self._seen.get(name)
        if seen is None:
            return {}
        known = {
            "min": seen.low,
            "max": seen.high,
            "mean": seen.total / seen.count,
            "first": seen.first,
            "last": seen.last,
        }
        return {kind: known[kind] for kind in self._kinds(name)}

    def all(self) -> dict[str, float]:
        """All aggregates, as ``name.kind``."""
        found = {name: self.of(name) for name in self._seen}
        return {f"{name}.{kind}": x for name, kinds in found.items() for kind, x in kinds.items()}

    def _kinds(self, name: str) -> tuple[str, ...]:
        if not self._asked:
            return ()
        if name in self._asked:
            return self._asked[name]
        begins = (kinds for asked, kinds in self._asked.items() if _begins(name, asked))
        return next(begins, ())


def _begins(name: str, asked: str) -> bool:
    return asked.endswith("*") and fnmatchcase(name, asked)
