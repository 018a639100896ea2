"""Field descriptions of configs, from which forms, flags and messages are made."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

Kind = Literal["integer", "number", "switch", "choice", "text", "integers"]
Scale = Literal["linear", "log", "powers_of_two"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a config, as a form or a command line needs it.

    Attributes:
        name: The field's name in Python and in JSON.
        kind: What a value is; ``integers`` is a tuple of them, such as layer widths.
        default: The value when nothing is said.
        low: Smallest allowed value (for ``integers``: of each member), or None.
        high: Largest allowed value, likewise.
        low_open: Whether ``low`` itself is refused.
        choices: Allowed values of a ``choice``, in the order to show them.
        min_length: Fewest members of ``integers``.
        max_length: Most members of ``integers``, or characters of a text.
        help: One line that says what the field does, with its unit.
        label: What a form writes above the field.
        scale: How a slider spreads the values.
        group: Fields of one group stand together in a form.
        only_if: ``{other field: values}``: the field matters only then; a form hides it otherwise.
        later: Whether the field came after runs had been recorded. At its default it is left out
            of a config's JSON and fingerprint, so that the runs from before it still answer.
    """

    name: str
    kind: Kind
    default: Any
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    choices: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    help: str = ""
    label: str = ""
    scale: Scale = "linear"
    group: str = ""
    only_if: Mapping[str, tuple[Any, ...]] | None = None
    later: bool = False

    def parse(self, text: str) -> Any:
        """Parse a value; text that cannot be parsed comes back as it is, to be refused by name."""
        try:
            match self.kind:
                case "integer":
                    return int(text)
                case "number":
                    return float(text)
                case "integers":
                    return tuple(int(part) for part in text.split(",") if part.strip())
                case "switch":
                    return {"true": True, "false": False}.get(text.lower(), text)
                case "choice" | "text":
                    return text
        except ValueError:
            return text

    def allowed(self) -> str:
        """The allowed values in words, to end a sentence: ``a number from 0 to 1``."""
        match self.kind:
            case "choice":
                return "one of " + ", ".join(self.choices)
            case "switch":
                return "true or false"
            case "text":
                return "text" + (
                    f" of at most {self.max_length} characters" * bool(self.max_length)
                )
            case "integers":
                return (
                    f"{self.min_length} to {self.max_length} whole numbers"
                    f"{_between(self.low, self.high, self.low_open)}"
                )
            case "integer":
                return f"a whole number{_between(self.low, self.high, self.low_open)}"
            case "number":
                return f"a number{_between(self.low, self.high, self.low_open)}"


def spec_of(name: str, info: FieldInfo) -> FieldSpec:
    """Read a pydantic field: its type, its bounds and the hints in ``json_schema_extra``."""
    hints = info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}
    kind, choices, inner = _kind_of(info.annotation)
    bounds: dict[str, Any] = {}
    for constraint in [*info.metadata, *inner]:
        if isinstance(constraint, annotated_types.Ge):
            bounds["low"] = constraint.ge
        if isinstance(constraint, annotated_types.Gt):
            bounds.update(low=constraint.gt, low_open=True)
        if isinstance(constraint, annotated_types.Le):
            bounds["high"] = constraint.le
        if isinstance(constraint, annotated_types.MinLen):
            bounds["min_length"] = constraint.min_length
        if isinstance(constraint, annotated_types.MaxLen):
            bounds["max_length"] = constraint.max_length
    only_if = hints.get("only_if")
    return FieldSpec(
        name=name,
        kind=kind,
        default=info.get_default(call_default_factory=True, validated_data={}),
        choices=choices,
        help=info.description or "",
        label=info.title or name.replace("_", " ").capitalize(),
        scale=hints.get("scale", "linear"),  # type: ignore[arg-type]
        group=str(hints.get("group", "")),
        later=bool(hints.get("later", False)),
        only_if={k: tuple(v) for k, v in only_if.items()} if isinstance(only_if, dict) else None,  # type: ignore[arg-type]
        **bounds,
    )


def _kind_of(annotation: Any) -> tuple[Kind, tuple[str, ...], tuple[Any, ...]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "choice", tuple(str(choice) for choice in arguments), ()
    if origin is tuple:
        member = arguments[0]
        infos = getattr(member, "__metadata__", ())  # Annotated[int, Field(ge=…)]
        return (
            "integers",
            (),
            tuple(c for i in infos if isinstance(i, FieldInfo) for c in i.metadata),
        )
    if origin in (Union, types.UnionType):
        return _kind_of(next(a for a in arguments if a is not type(None)))
    kinds: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number", str: "text"}
    if annotation not in kinds:
        raise TypeError(f"A config field may not have the type {annotation!r}.")
    return kinds[annotation], (), ()


def _between(low: float | None, high: float | None, low_open: bool) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f" {'above' if low_open else 'from'} {low:g}{'' if low_open else ' up'}"
    if low is None:
        return f" up to {high:g}"
    return f" above {low:g} and up to {high:g}" if low_open else f" from {low:g} to {high:g}"


def rounded(value: object) -> object:
    """A field's value for a label: numbers with four significant digits, the rest as it is."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
