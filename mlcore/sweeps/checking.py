"""Checks ranges and conditions against the config fields they apply to, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlcore.core import Config, ConfigError, FieldSpec, InputError
from mlcore.core.fields import as_plain
from mlcore.sweeps.ranges import (
    Choices,
    Conditional,
    IntRange,
    LinearRange,
    LogRange,
    Range,
    as_range,
    contains,
)


def check_range(spec: FieldSpec, swept: Range) -> Range:
    """Check a range against its field; return it in the field's type.

    Raises:
        ValueError: If a value is out of the field's bounds or not of its kind.
    """
    match swept:
        case Choices():
            values = tuple(_typed(spec, value) for value in swept.values)
            for value in values:
                if not allowed(spec, value):
                    raise InputError(f"{spec.name} is {value!r}, but must be {spec.allowed()}.")
            return Choices(values)
        case LinearRange() | LogRange() if spec.kind == "integer":
            if not (float(swept.low).is_integer() and float(swept.high).is_integer()):
                raise InputError(
                    f"{spec.name} takes whole numbers, but its range goes from {swept.low:g} to "
                    f"{swept.high:g}: give mlcore.int_range(a, b)."
                )
            log = isinstance(swept, LogRange)
            whole = IntRange(int(swept.low), int(swept.high), 1, log, swept.points)
            return check_range(spec, whole)
        case IntRange() if spec.kind == "number" and swept.step == 1:
            kind = LogRange if swept.log else LinearRange
            return check_range(spec, kind(float(swept.low), float(swept.high), swept.points))
        case LinearRange() | LogRange() if spec.kind == "number":
            pass
        case IntRange() if spec.kind == "integer":
            pass
        case _:
            raise InputError(
                f"{spec.name} takes {spec.allowed()}, so it has no range: give a list of values."
            )
    for end in (swept.low, swept.high):
        if not allowed(spec, end):
            raise InputError(
                f"The range of {spec.name} goes from {swept.low:g} to {swept.high:g}, but must "
                f"stay within {spec.allowed()}."
            )
    return swept


def allowed(spec: FieldSpec, value: Any) -> bool:
    """Whether a field accepts a value by itself; rules between fields are checked by the config."""
    if value is None:
        return spec.optional
    match spec.kind:
        case "switch":
            return isinstance(value, bool)
        case "choice":
            return str(as_plain(value)) in spec.choices
        case "text":
            return isinstance(value, str) and len(value) <= (spec.max_length or len(value))
        case "integers" | "numbers" | "texts":
            if not isinstance(value, tuple):
                return False
            longest = spec.max_length if spec.max_length is not None else len(value)
            member = {"integers": int, "numbers": float, "texts": str}[spec.kind]
            return spec.min_length <= len(value) <= longest and all(
                _is(member, one) and (member is str or _within(spec, one)) for one in value
            )
        case "integer":
            return _is(int, value) and _within(spec, value)
        case "number":
            return _is(float, value) and _within(spec, value)


def entry_for(
    config: Config,
    specs: Mapping[str, FieldSpec],
    name: str,
    given: Any,
    space: Mapping[str, Any],
) -> Range | Conditional:
    """A checked entry of a space, with the field's own condition where it has one.

    Raises:
        TypeError, ValueError: If it does not fit the field.
    """
    if name not in specs:
        raise InputError(
            f"{type(config).__name__} has no field {name}. Its fields are {', '.join(specs)}."
        )
    if isinstance(given, Conditional):
        if given.field not in specs:
            raise InputError(
                f"{name} is swept only where {given.field} has certain values, but "
                f"{type(config).__name__} has no field {given.field}."
            )
        if given.field == name:
            raise InputError(f"{name} cannot be its own condition.")
        return Conditional(check_range(specs[name], given.range), given.field, given.values)
    swept = check_range(specs[name], as_range(given))
    for field, values in (specs[name].only_if or {}).items():
        if field in space or config.field_value(field) not in values:
            return Conditional(swept, field, tuple(values))
    return swept


def may_hold(config: Config, entry: Conditional, entries: Mapping[str, Any]) -> bool:
    """Whether a condition holds for any trial."""
    swept = entries.get(entry.field)
    if swept is None:
        return config.field_value(entry.field) in entry.values
    bare = swept.range if isinstance(swept, Conditional) else swept
    return any(contains(bare, value) for value in entry.values)


def why_never(config: Config, entry: Conditional, entries: Mapping[str, Any]) -> str:
    """Why a condition never holds, as the end of a sentence."""
    if entry.field in entries:
        return f"{entry.field} is never set to that"
    return f"{entry.field} is {config.field_value(entry.field)!r} throughout"


def either(values: tuple[Any, ...]) -> str:
    """Alternative values in words."""
    return " or ".join(map(str, values))


def in_order(entries: Mapping[str, Range | Conditional]) -> list[str]:
    """Fields sorted so that each comes after the one its condition depends on.

    Raises:
        ConfigError: If conditions go round in a circle.
    """
    ordered: list[str] = []
    waiting = list(entries)
    while waiting:
        ready = [
            name
            for name in waiting
            if all(other in ordered or other not in entries for other in _needed(name, entries))
        ]
        if not ready:
            raise ConfigError(
                {waiting[0]: f"The conditions of {', '.join(waiting)} go round in a circle."}
            )
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered


def _needed(name: str, entries: Mapping[str, Range | Conditional]) -> list[str]:
    """The fields on which it depends whether a field counts: its condition's, and its models'."""
    parts = name.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts))]
    entry = entries[name]
    return [*above, entry.field] if isinstance(entry, Conditional) else above


def _typed(spec: FieldSpec, value: Any) -> Any:
    """A value as the field is recorded: an integer as a float where the field holds numbers."""
    if spec.kind == "number" and _is(int, value):
        return float(value)
    return as_plain(value)


def _is(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _within(spec: FieldSpec, value: float) -> bool:
    if spec.low is not None and (value < spec.low or (spec.low_open and value == spec.low)):
        return False
    return spec.high is None or value <= spec.high
