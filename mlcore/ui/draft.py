"""A config being edited: the text of each field, kept even while it is invalid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, TypeGuard

from mlcore.core import Config, ConfigError, FieldSpec
from mlcore.core.fields import as_plain

MAX_LINEAR_SPAN = 100_000
"""A linear slider over more values than this cannot be aimed; such a field has its box only."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The texts of a config's fields.

    Attributes:
        config_class: The config being made.
        texts: Text of the fields that were touched; every other field has its default.
    """

    config_class: type[Config]
    texts: Mapping[str, str]

    @classmethod
    def of(cls, config: Config) -> Self:
        """The draft of a config."""
        return cls(type(config), {k: as_text(v) for k, v in config.changes().items()})

    @classmethod
    def from_params(cls, config_class: type[Config], params: Mapping[str, str]) -> Self:
        """Read URL parameters; those that name no field are ignored."""
        names = [spec.name for spec in config_class.specs()]
        return cls(config_class, {name: params[name] for name in names if name in params})

    def params(self) -> dict[str, str]:
        """The URL parameters: only what differs from the defaults."""
        specs = self.config_class.specs()
        return {s.name: t for s in specs if (t := self.text(s)) != as_text(s.default)}

    def text(self, spec: FieldSpec) -> str:
        """The text of a field."""
        return self.texts.get(spec.name, as_text(spec.default))

    def value(self, spec: FieldSpec) -> Any:
        """The value of a field; invalid text is returned unchanged."""
        return spec.parse(self.text(spec))

    def typed(self, name: str, text: str) -> Self:
        """The draft after a field was edited."""
        return type(self)(self.config_class, {**self.texts, name: text})

    def sound(
        self, before: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Self, dict[str, str]]:
        """The draft with each invalid field reset to its last valid value, and a sentence for each.

        For pages whose picture follows the draft: an invalid box leaves the picture unchanged.

        Args:
            before: Texts that were right, of an earlier draft; a field has its default without one.
        """
        draft, told = self, {}
        specs = {spec.name: spec for spec in self.config_class.specs()}
        for kept in (before, {}):
            for name in draft.check()[1]:
                if name not in specs:
                    continue
                spec = specs[name]
                old = kept.get(name, as_text(spec.default))
                told[name] = (
                    f"{spec.label} is {_cut(self.text(spec))}, but must be {spec.allowed()}. "
                    f"It stays {old or 'empty'}."
                )
                draft = draft.typed(name, old)
        return draft, told

    def visible(
        self, swept: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    ) -> tuple[FieldSpec, ...]:
        """The fields that apply now: momentum applies to SGD and not to Adam.

        Args:
            swept: Values of the fields that take several; a field matters if it does to one.
        """
        specs = {spec.name: spec for spec in self.config_class.specs()}

        def matters(spec: FieldSpec) -> bool:
            return all(
                matters(specs[other])
                and any(v in wanted for v in swept.get(other, (self.value(specs[other]),)))
                for other, wanted in (spec.only_if or {}).items()
            )

        return tuple(spec for spec in specs.values() if matters(spec))

    def check(
        self, swept: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    ) -> tuple[Config | None, dict[str, str]]:
        """The config, or None and one sentence for each invalid field.

        A field that does not matter is left at its default: it keeps its text here, and two
        configs that differ in nothing that counts stay one.

        Args:
            swept: As for ``visible``.
        """
        try:
            shown = self.visible(swept)
            fields = {spec.name: self.text(spec) for spec in shown}
            for name in swept.keys() & fields.keys():
                if any(spec.name.startswith(f"{name}.") for spec in shown):
                    fields[name] = "true"  # a model that is swept on and off keeps its fields
            return self.config_class.from_strings(fields), {}
        except ConfigError as error:
            return None, error.problems


def as_text(value: object) -> str:
    """A value as one would type it: ``256, 64`` for a tuple, ``true`` for True."""
    value = as_plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def slider_values(spec: FieldSpec, current: object) -> list[float] | None:
    """The stops of a slider for a number, in order; None where no slider would help.

    Args:
        spec: A field of kind ``integer`` or ``number``.
        current: Its present value, which becomes a stop if it is allowed.

    Returns:
        About 10 to 40 stops: powers of two, 1-2-5 steps of a logarithmic scale, or even steps;
        always with both bounds, the default and the present value among them.
    """
    if spec.low is None or spec.high is None or spec.optional:
        return None
    low, high = float(spec.low), float(spec.high)
    if spec.scale == "linear" and spec.kind == "integer" and high - low > MAX_LINEAR_SPAN:
        return None
    stops = {*_stops(spec, low, high), high, float(spec.default)}
    if not spec.low_open:
        stops.add(low)
    if _is_number(current) and (low < current or (low == current and not spec.low_open)):
        stops.add(float(current))
    ordered = sorted(stop for stop in stops if stop <= high and not (spec.low_open and stop == low))
    return [int(stop) for stop in ordered] if spec.kind == "integer" else ordered


def _stops(spec: FieldSpec, low: float, high: float) -> list[float]:
    if spec.scale == "powers_of_two":
        first = max(0, math.ceil(math.log2(low))) if low > 0 else 0
        return [2.0**power for power in range(first, math.floor(math.log2(high)) + 1)]
    if spec.scale == "log":
        tiny = low if low > 0 else min(high, abs(float(spec.default)) or high) / 1000
        decades = range(math.floor(math.log10(tiny)), math.ceil(math.log10(high)) + 1)
        steps = [_tidy(digit * 10.0**decade) for decade in decades for digit in (1, 2, 5)]
        return [step for step in steps if tiny <= step <= high]
    step = _even_step(high - low)
    if spec.kind == "integer":
        step = max(1.0, step)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [_tidy(place * step) for place in range(first, last + 1)]


def _even_step(span: float) -> float:
    """The 1-2-5 step that divides a span into 10 to 25 parts."""
    if span <= 0:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(span / 10))
    return next(d * decade for d in (1, 2, 5, 10) if span / (d * decade) <= 25)


def _tidy(number: float) -> float:
    return float(f"{number:.12g}")


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that a slider can show; 400 digits overflow float64."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _cut(text: str) -> str:
    """The typed text for a sentence: quoted and shortened."""
    shown = repr(text)
    return shown if len(shown) <= 60 else shown[:57] + "…"
