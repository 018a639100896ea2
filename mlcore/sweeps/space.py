"""The space of a sweep: the varied fields, their ranges and their conditions."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from mlcore.core import Config, ConfigError, canonical_json
from mlcore.sweeps.checking import either, entry_for, in_order, may_hold, why_never
from mlcore.sweeps.range_format import range_from_json, range_to_json
from mlcore.sweeps.ranges import (
    DEFAULT_POINTS,
    Choices,
    Conditional,
    IntRange,
    LinearRange,
    LogRange,
    Range,
    contains,
)

MOST_SETTINGS = 100_000
"""Maximum number of trials of a grid, or of any sweep."""

SpaceLike: TypeAlias = "Space | Mapping[str, Any]"
"""Field → range, condition or list of values; checked by ``Space.of``."""

Params: TypeAlias = Mapping[str, Any]
"""Field → value of one trial; a field whose condition does not hold is left out."""


@dataclass(frozen=True)
class Space:
    """A checked space over the fields of one config.

    Attributes:
        entries: Each swept field with its range, a field after those its condition looks at.
    """

    entries: tuple[tuple[str, Range | Conditional], ...]

    @classmethod
    def of(cls, config: Config, space: SpaceLike) -> Space:
        """Check a space against the config it varies.

        A field that matters only with certain values of another one (``FieldSpec.only_if``, such
        as momentum without Adam) is swept only there.

        Args:
            config: Gives the values of all other fields, and the bounds of these.
            space: Field → range, condition (``mlcore.when``) or list of values.

        Raises:
            ConfigError: For no field, an unknown one, an empty or inverted range, a value out of
                bounds, or a condition that never holds; one sentence per field.
        """
        given = dict(space.entries) if isinstance(space, Space) else dict(space)
        if not given:
            raise ConfigError({"": "The space is empty: give at least one field a range."})
        specs = {spec.name: spec for spec in config.specs()}
        problems: dict[str, str] = {}
        entries: dict[str, Range | Conditional] = {}
        for name, one in given.items():
            try:
                entries[name] = entry_for(config, specs, name, one, given)
            except (TypeError, ValueError) as error:
                problems[name] = str(error)
        if problems:
            raise ConfigError(problems)
        for name, entry in entries.items():
            if isinstance(entry, Conditional) and not may_hold(config, entry, entries):
                problems[name] = (
                    f"{name} is swept only where {entry.field} is "
                    f"{either(entry.values)}, but {why_never(config, entry, entries)}."
                )
        if problems:
            raise ConfigError(problems)
        return cls(tuple((name, entries[name]) for name in in_order(entries)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the varied fields."""
        return tuple(name for name, _ in self.entries)

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """Field → its range, without conditions."""
        return {
            name: entry.range if isinstance(entry, Conditional) else entry
            for name, entry in self.entries
        }

    @cached_property
    def conditions(self) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """Field → the other field and its values under which the field applies."""
        return {
            name: (entry.field, entry.values)
            for name, entry in self.entries
            if isinstance(entry, Conditional)
        }

    def active(self, config: Config, name: str, params: Params) -> bool:
        """Whether a field applies, given the fields before it."""
        if any(above in self.ranges and not params.get(above) for above in _above(name)):
            return False  # its model is off, or does not count here
        if name not in self.conditions:
            return True
        field, values = self.conditions[name]
        if field in self.ranges and field not in params:
            return False  # that field itself does not count here
        return params.get(field, config.field_value(field)) in values

    def contains(self, config: Config, params: Params) -> bool:
        """Whether a setting lies in the space."""
        expected = {n for n in self.fields if self.active(config, n, params)}
        return expected == set(params) and all(
            contains(self.ranges[name], value) for name, value in params.items()
        )

    def with_points(self, n: int | None) -> Space:
        """A copy with a number of points in each range that a grid could not list otherwise.

        Args:
            n: As many points as keep the grid within this many trials; None: 8 per range.
        """
        points = self._points(n)
        return Space(
            tuple(
                (name, _replace_range(entry, _pointed(self.ranges[name], points)))
                for name, entry in self.entries
            )
        )

    def grid(self, config: Config) -> list[dict[str, Any]]:
        """Every combination that meets the conditions, in the order of ``itertools.product``.

        Raises:
            ConfigError: If there are more than 100,000.
        """
        size = math.prod(len(swept.spread(DEFAULT_POINTS)) for swept in self.ranges.values())
        if size > MOST_SETTINGS:
            raise ConfigError(
                {
                    "": f"The grid has {size:,} trials, but at most {MOST_SETTINGS:,} are "
                    "allowed: give fewer points, or take sampler='random' or 'tpe'."
                }
            )
        spread = {name: swept.spread(DEFAULT_POINTS) for name, swept in self.ranges.items()}
        return self._product(config, spread)

    def size(self, config: Config) -> int | None:
        """The number of different settings; None where one is continuous, or above 100,000."""
        values = self._values()
        if values is None:
            return None
        if not self.conditions:
            return math.prod(map(len, values.values()))
        return len(self._product(config, values))

    def settings(self, config: Config) -> list[dict[str, Any]] | None:
        """Every different setting, conditions kept; None where ``size`` is."""
        values = self._values()
        return None if values is None else self._product(config, values)

    def config(self, config: Config, params: Params) -> Config:
        """The config of one trial.

        Raises:
            ConfigError: If these values do not go together.
        """
        return config.replace(**params)

    def to_json(self) -> str:
        """Canonical JSON: a list of fields, in order, each with its range."""
        return canonical_json(
            [{"field": name, **range_to_json(entry)} for name, entry in self.entries]
        )

    @classmethod
    def from_json(cls, text: str) -> Space:
        """The inverse of ``to_json``."""
        entries = []
        for fields in json.loads(text):
            name = fields.pop("field")
            entries.append((name, range_from_json(fields)))
        return cls(tuple(entries))

    def _values(self) -> dict[str, Sequence[Any]] | None:
        """All values of each field, unless there are too many to list their combinations."""
        found: dict[str, Sequence[Any]] = {}
        for name, swept in self.ranges.items():
            if isinstance(swept, (LinearRange, LogRange)):
                return None
            found[name] = swept.values
        return found if math.prod(map(len, found.values())) <= MOST_SETTINGS else None

    def _product(self, config: Config, values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
        settings: list[dict[str, Any]] = [{}]
        for name in self.fields:
            settings = list(
                itertools.chain.from_iterable(
                    self._branch(config, setting, name, values[name]) for setting in settings
                )
            )
        return settings

    def _branch(
        self, config: Config, setting: dict[str, Any], name: str, values: Iterable[Any]
    ) -> Iterator[dict[str, Any]]:
        if not self.active(config, name, setting):
            yield setting
            return
        for value in values:
            yield {**setting, name: value}

    def _points(self, n: int | None) -> int:
        if n is None:
            return DEFAULT_POINTS
        free = sum(map(_free, self.ranges.values()))
        fixed = math.prod(len(r.spread(1)) for r in self.ranges.values() if not _free(r))
        return max(1, math.floor((n / fixed) ** (1 / free) + 1e-9)) if free else DEFAULT_POINTS


def _above(name: str) -> Iterator[str]:
    """The models that a field with a dotted name belongs to: ``a`` and ``a.b`` of ``a.b.c``."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts)))


def _free(swept: Range) -> bool:
    """Whether a grid still needs a number of points for the range."""
    match swept:
        case LinearRange() | LogRange():
            return swept.points is None
        case IntRange():
            return swept.log and swept.points is None
        case Choices():
            return False


def _pointed(swept: Range, points: int) -> Range:
    if isinstance(swept, Choices) or not _free(swept):
        return swept
    return replace(swept, points=points)


def _replace_range(entry: Range | Conditional, swept: Range) -> Range | Conditional:
    return replace(entry, range=swept) if isinstance(entry, Conditional) else swept
