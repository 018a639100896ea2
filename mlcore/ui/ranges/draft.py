"""Drafts of ranges: the typed texts, kept even while they are invalid.

The text is that of the command line (``mlcore.sweeps.parse_range``): ``log:0.001:1``, ``int:1:9``,
``0.1,0.2``, ``32;128,64``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from mlcore.core import Config, FieldSpec
from mlcore.sweeps.checking import check_range
from mlcore.sweeps.range_format import parse_range
from mlcore.sweeps.ranges import Choices, IntRange, Range
from mlcore.ui.draft import as_text, slider_values

Spread = Literal["log", "even", "values"]

_WORDS: Final[Mapping[tuple[str, Spread], str]] = {
    ("number", "log"): "log",
    ("number", "even"): "lin",
    ("integer", "log"): "logint",
    ("integer", "even"): "int",
}
_STOPS_EACH_WAY: Final = 6
"""Stops of a slider (two decades of a logarithmic one) that a fresh range goes either way."""
_FRESH_VALUES: Final = 3
_UNSWEPT: Final = ("text", "numbers", "texts")


@dataclass(frozen=True, slots=True)
class RangeDraft:
    """Texts of the ranges of a config's fields.

    Attributes:
        config_class: The config whose fields are swept.
        texts: Text of each swept field, in the order in which they were turned into ranges.
    """

    config_class: type[Config]
    texts: Mapping[str, str]

    def check(self) -> tuple[dict[str, Range], dict[str, str]]:
        """The valid ranges, and one sentence for each invalid one."""
        specs = {spec.name: spec for spec in self.config_class.specs()}
        found: dict[str, Range] = {}
        problems: dict[str, str] = {}
        for name, text in self.texts.items():
            if name not in specs:
                problems[name] = (
                    f"{self.config_class.__name__} has no field {name}, so it cannot be swept."
                )
                continue
            try:
                found[name] = check_range(specs[name], parse_range(text, specs[name]))
            except ValueError as error:
                problems[name] = str(error)
        return found, problems

    def values(self) -> dict[str, tuple[Any, ...]]:
        """The values of each field that is swept over a list, for fields that depend on it."""
        ranges = self.check()[0]
        return {name: one.values for name, one in ranges.items() if isinstance(one, Choices)}


def can_vary(spec: FieldSpec) -> bool:
    """Whether a field can become a range; the seed cannot, as a sweep repeats seeds anyway."""
    return spec.kind not in _UNSWEPT and spec.name != "seed"


def fresh_range(spec: FieldSpec, value: object) -> str:
    """The text of a sensible range around a field's current value."""
    match spec.kind:
        case "choice":
            return ",".join([*spec.choices, *["none"] * spec.optional])
        case "switch":
            return "false,true"
        case "integers":
            return "; ".join(as_text(one) for one in _scaled(spec, value))
        case _:
            ends = _ends_around(spec, value)
            spread: Spread = "even" if spec.scale == "linear" else "log"
            return range_text(spec, spread, *map(_number_text, ends))


def spread_of(spec: FieldSpec, text: str) -> Spread:
    """The kind of a range (linear, logarithmic, list …), as far as its text tells."""
    word = text.partition(":")[0].strip() if ":" in text else ""
    spreads = {_WORDS[kind, spread]: spread for kind, spread in _WORDS if kind == spec.kind}
    return spreads.get(word, "values")


def ends_of(text: str) -> tuple[str, str]:
    """The two ends of a range as typed, even if invalid; empty if there are none."""
    parts = text.split(":")
    return (parts[1], parts[2]) if len(parts) >= 3 else ("", "")


def range_text(spec: FieldSpec, spread: Spread, low: str, high: str) -> str:
    """The text of a range between two ends."""
    return f"{_WORDS[spec.kind, spread]}:{low.strip()}:{high.strip()}"


def spreads(spec: FieldSpec) -> tuple[Spread, ...]:
    """The kinds of range a field may have; non-numeric fields have value lists only."""
    return ("log", "even", "values") if spec.kind in ("integer", "number") else ("values",)


def respread(spec: FieldSpec, text: str, to: Spread) -> str:
    """The same range as another kind: as a range, or as a list of some of its values."""
    found = _parsed(spec, text)
    if to == "values":
        if found is None or isinstance(found, Choices):
            return text
        few = found.spread(_FRESH_VALUES)
        if isinstance(found, IntRange) and len(few) > _FRESH_VALUES:
            few = (few[0], few[len(few) // 2], few[-1])
        return ", ".join(_number_text(value) for value in few)
    low, high = ends_of(text)
    if isinstance(found, Choices):
        numbers = [value for value in found.values if isinstance(value, int | float)]
        if len(numbers) > 1:
            low, high = _number_text(min(numbers)), _number_text(max(numbers))
    if not low:
        low, high = map(_number_text, _ends_around(spec, spec.default))
    if to == "log" and _float(low) <= 0 < _float(high):
        small = _float(high) / 1000
        low = _number_text(max(1, round(small)) if spec.kind == "integer" else small)
    return range_text(spec, to, low, high)


def stops_of(spec: FieldSpec, text: str) -> tuple[list[float], tuple[float, float]] | None:
    """The stops of a two-handle slider and its positions; None where no slider would help."""
    low, high = map(_float, ends_of(text))
    stops = slider_values(spec, low)
    if stops is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        return None
    if spread_of(spec, text) == "log":
        stops = [stop for stop in stops if stop > 0]
    allowed = sorted({*stops, *(slider_values(spec, high) or [])} - ({0.0} if low > 0 else set()))
    if low not in allowed or high not in allowed:
        return None
    return allowed, (low, high)


def _parsed(spec: FieldSpec, text: str) -> Range | None:
    try:
        return parse_range(text, spec)
    except ValueError:
        return None


def _ends_around(spec: FieldSpec, value: object) -> tuple[float, float]:
    stops = slider_values(spec, value)
    given = value if isinstance(value, int | float) else spec.default or 1
    if stops is None:
        around = (given / 10, given * 10) if given > 0 else (given - 10, given + 10)
        least, most = (spec.low, spec.high)
        low = around[0] if least is None else max(least, around[0])
        high = around[1] if most is None else min(most, around[1])
        return (math.floor(low), math.ceil(high)) if spec.kind == "integer" else (low, high)
    if spec.scale == "linear":
        return stops[0], stops[-1]
    above = [stop for stop in stops if stop > 0]
    place = min(range(len(above)), key=lambda k: abs(above[k] - given))
    first, last = max(0, place - _STOPS_EACH_WAY), min(len(above) - 1, place + _STOPS_EACH_WAY)
    return above[first], above[last]


def _scaled(spec: FieldSpec, value: object) -> list[tuple[int, ...]]:
    widths = value if isinstance(value, tuple) and value else spec.default
    low, high = int(spec.low or 1), int(spec.high or 4096)
    scaled = [tuple(min(high, max(low, round(w * f))) for w in widths or ()) for f in (0.5, 1, 2)]
    return list(dict.fromkeys(scaled))


def _number_text(number: float) -> str:
    return as_text(float(f"{number:.6g}"))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
