"""Ranges as text for the command line, as words for people, and as JSON for the store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlcore.core import FieldSpec, InputError
from mlcore.sweeps.ranges import (
    Choices,
    Conditional,
    IntRange,
    LinearRange,
    LogRange,
    Range,
    choices,
    frozen,
    word,
)

_CHOICES_SHOWN = 12


def shown(swept: Range) -> str:
    """A range in words: ``0.0001 to 1, log``.

    Example:
        >>> import mlcore
        >>> mlcore.sweeps.shown(mlcore.log_range(1e-4, 1))
        '0.0001 to 1, log'
    """
    match swept:
        case LinearRange():
            return f"{swept.low:g} to {swept.high:g}"
        case LogRange():
            return f"{swept.low:g} to {swept.high:g}, log"
        case IntRange():
            tail = ", log" if swept.log else f", every {swept.step}" * (swept.step != 1)
            return f"{swept.low} to {swept.high}{tail}"
        case Choices():
            words = [_shown_value(value) for value in swept.values]
            more = len(words) - _CHOICES_SHOWN
            return ", ".join(words[:_CHOICES_SHOWN]) + (f", … {more} more" if more > 0 else "")


def range_as_python(swept: Range) -> str:
    """The call that builds a range: ``mlcore.log_range(0.0001, 1.0)``, or a list of values."""
    match swept:
        case Choices():
            return repr(list(swept.values))
        case IntRange():
            more = f", step={swept.step}" * (swept.step != 1) + ", log=True" * swept.log
            if swept.points is not None:
                more += f", points={swept.points}"
            return f"mlcore.int_range({swept.low}, {swept.high}{more})"
        case LinearRange() | LogRange():
            kind = "log_range" if isinstance(swept, LogRange) else "linear_range"
            points = "" if swept.points is None else f", {swept.points}"
            return f"mlcore.{kind}({swept.low!r}, {swept.high!r}{points})"


def parse_range(text: str, spec: FieldSpec) -> Range:
    """Parse a range from its text.

    - ``log:1e-4:1`` and ``lin:0:0.5`` are ranges; ``:9`` after them means 9 points on a grid;
    - ``int:1:9`` is whole numbers, ``int:8:64/8`` every eighth, ``logint:1:512`` by factors;
    - ``0.1,0.2`` are choices, and one value alone is one choice;
    - of layers, ``32,128`` are two choices of one layer each. Several layers are written with
      ``x`` (``32,128x64``), or with commas where semicolons separate the choices (``32;128,64``).

    Args:
        text: As above.
        spec: The field, whose kind says how a value is read.

    Raises:
        ValueError: If it is nothing of these; the text says what is allowed.

    Example:
        >>> import mlcore
        >>> lr = next(spec for spec in mlcore.MNISTConfig.specs() if spec.name == "lr")
        >>> mlcore.sweeps.parse_range("log:1e-4:1", lr)
        LogRange(low=0.0001, high=1.0, points=None)
        >>> mlcore.sweeps.parse_range("0.1,0.2", lr)
        Choices(values=(0.1, 0.2))
    """
    kind, colon, rest = text.strip().partition(":")
    if colon and kind in _READERS and spec.kind in ("number", "integer"):
        parts = rest.split(":")
        if len(parts) not in (2, 3):
            raise InputError(
                f"{spec.name} is {text!r}, but a range is {kind}:LOW:HIGH or "
                f"{kind}:LOW:HIGH:POINTS."
            )
        try:
            points = int(parts[2]) if len(parts) == 3 else None
            found = _READERS[kind](parts[0], parts[1], points)
        except ValueError as error:
            raise InputError(f"{spec.name} is {text!r}: {_reason(error)}") from None
        return _for_integers(found) if spec.kind == "integer" else found
    return choices(*_words(text, spec))


def range_to_json(swept: Range | Conditional) -> dict[str, Any]:
    """A range as JSON values."""
    if isinstance(swept, Conditional):
        condition = {"field": swept.field, "values": [_plain(value) for value in swept.values]}
        return {**range_to_json(swept.range), "when": condition}
    if isinstance(swept, Choices):
        return {"kind": "choices", "values": [_plain(value) for value in swept.values]}
    fields = {name: getattr(swept, name) for name in swept.__slots__}
    return {"kind": _KINDS[type(swept)], **fields}


def range_from_json(fields: Mapping[str, Any]) -> Range | Conditional:
    """The inverse of ``range_to_json``.

    Raises:
        ValueError: If it is none.
    """
    rest = dict(fields)
    condition = rest.pop("when", None)
    kind = rest.pop("kind", None)
    found: Range
    if kind == "choices":
        found = choices(*rest["values"])
    elif kind in _CLASSES:
        found = _CLASSES[kind](**rest)
    else:
        raise InputError(f"{kind!r} is no kind of range; they are choices, {', '.join(_CLASSES)}.")
    if condition is None:
        return found
    return Conditional(found, condition["field"], tuple(map(frozen, condition["values"])))


def _int_range(low: str, high: str, points: int | None) -> IntRange:
    high, slash, step = high.partition("/")
    return IntRange(int(low), int(high), int(step) if slash else 1, points=points)


_READERS: dict[str, Any] = {
    "lin": lambda low, high, points: LinearRange(float(low), float(high), points),
    "log": lambda low, high, points: LogRange(float(low), float(high), points),
    "int": _int_range,
    "logint": lambda low, high, points: IntRange(int(low), int(high), 1, True, points),
}


def _reason(error: ValueError) -> str:
    text = str(error)
    return "its ends must be numbers." if "convert" in text or "literal" in text else text


def _for_integers(found: Range) -> Range:
    """An integer range in place of a continuous one whose ends are whole numbers."""
    if isinstance(found, (LinearRange, LogRange)):
        low, high = math.ceil(found.low), math.floor(found.high)
        return IntRange(low, high, 1, isinstance(found, LogRange), found.points)
    return found


def _words(text: str, spec: FieldSpec) -> list[Any]:
    if spec.kind in ("integers", "numbers", "texts"):
        if ";" in text or spec.kind != "integers":
            parts = [part for part in text.split(";") if part.strip()]
        else:
            parts = [part.replace("x", ",") for part in text.split(",") if part.strip()]
    else:
        parts = [part.strip() for part in text.split(",")]
    return [frozen(spec.parse(part)) for part in parts]


def _plain(value: Any) -> Any:
    return list(map(_plain, value)) if isinstance(value, tuple) else value


def _shown_value(value: Any) -> str:
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else word(value)


_KINDS: dict[type, str] = {LinearRange: "linear", LogRange: "log", IntRange: "integers"}
_CLASSES: dict[str, Any] = {kind: cls for cls, kind in _KINDS.items()}
