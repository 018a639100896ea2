"""Field descriptions of configs, from which forms, flags and messages are made."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mlcore.core.errors import InputTypeError

Kind = Literal["integer", "number", "switch", "choice", "text", "integers", "numbers", "texts"]
Scale = Literal["linear", "log", "powers_of_two"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a config, as a form or a command line needs it.

    Attributes:
        name: The field's name in Python and in JSON; of a field of a model within the config the
            dotted one, such as ``optimizer.lr``.
        kind: What a value is; ``integers`` is a tuple of them, such as layer widths, and so are
            ``numbers`` and ``texts``.
        default: The value when nothing is said.
        low: Smallest allowed value (of a tuple: of each member), or None.
        high: Largest allowed value, likewise.
        low_open: Whether ``low`` itself is refused.
        choices: Allowed values of a ``choice``, in the order to show them.
        min_length: Fewest members of a tuple.
        max_length: Most members of a tuple, or characters of a text.
        help: One line that says what the field does, with its unit.
        label: What a form writes above the field.
        short_label: The label under the heading of the model that the field belongs to; empty for
            a field of the config itself.
        scale: How a slider spreads the values.
        group: Fields of one group stand together in a form.
        only_if: ``{other field: values}``: the field matters only then; a form hides it otherwise.
        later: Whether the field came after runs had been recorded. At its default it is left out
            of a config's JSON and fingerprint, so that the runs from before it still answer.
        optional: Whether the value may be None: no text, or ``none``.
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
    short_label: str = ""
    scale: Scale = "linear"
    group: str = ""
    only_if: Mapping[str, tuple[Any, ...]] | None = None
    later: bool = False
    optional: bool = False

    def parse(self, text: str) -> Any:
        """Parse a value; text that cannot be parsed comes back as it is, to be refused by name."""
        if self.optional and text.strip().lower() in ("", "none"):
            return None
        try:
            match self.kind:
                case "integer":
                    return int(text)
                case "number":
                    return float(text)
                case "integers":
                    return tuple(int(part) for part in text.split(",") if part.strip())
                case "numbers":
                    return tuple(float(part) for part in text.split(",") if part.strip())
                case "texts":
                    return tuple(part.strip() for part in text.split(",") if part.strip())
                case "switch":
                    return {"true": True, "false": False}.get(text.lower(), text)
                case "choice" | "text":
                    return text
        except ValueError:
            return text

    def allowed(self) -> str:
        """The allowed values in words, to end a sentence: ``a number from 0 to 1``."""
        return self._allowed() + " or none" * self.optional

    def _allowed(self) -> str:
        match self.kind:
            case "choice":
                return "one of " + ", ".join(self.choices)
            case "switch":
                return "true or false"
            case "text":
                return "text" + (
                    f" of at most {self.max_length} characters" * bool(self.max_length)
                )
            case "integers" | "numbers" | "texts":
                members = {"integers": "whole numbers", "numbers": "numbers", "texts": "texts"}
                return (
                    f"{_count(self.min_length, self.max_length)}{members[self.kind]}"
                    f"{_between(self.low, self.high, self.low_open)}"
                )
            case "integer":
                return f"a whole number{_between(self.low, self.high, self.low_open)}"
            case "number":
                return f"a number{_between(self.low, self.high, self.low_open)}"


def spec_of(name: str, info: FieldInfo, default: Any = PydanticUndefined) -> FieldSpec:
    """Read a pydantic field: its type, its bounds and the hints in ``json_schema_extra``.

    Args:
        name: Its name; of a field of a model within the config, dotted.
        info: The field.
        default: Its default, where that is not the field's own.

    Raises:
        TypeError: If a form cannot hold its type, or it has no default.
    """
    hints = hints_of(info)
    shape = _shape_of(name, info.annotation)
    bounds: dict[str, Any] = dict(shape.bounds)
    for constraint in [*info.metadata, *shape.constraints]:
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
    if default is PydanticUndefined:
        default = info.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        raise InputTypeError(
            f"The field {name} has no default. Give it one: a form begins with the defaults."
        )
    typed = typed_from_plain(info)
    return FieldSpec(
        name=name,
        kind=shape.kind,
        default=default if typed is None else typed(default),
        choices=shape.choices,
        help=info.description or "",
        label=label_of(name.rpartition(".")[2], info),
        scale=hints.get("scale", "linear"),
        group=str(hints.get("group", "")),
        later=bool(hints.get("later", False)),
        only_if=condition_of(hints),
        optional=is_optional(info.annotation),
        **bounds,
    )


def hints_of(info: FieldInfo) -> Mapping[str, Any]:
    """The hints of a field, which stand in ``json_schema_extra``."""
    return info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}


def label_of(name: str, info: FieldInfo) -> str:
    """What a form writes above a field: its title, else its name."""
    return info.title or name.replace("_", " ").capitalize()


def condition_of(hints: Mapping[str, Any]) -> dict[str, tuple[Any, ...]] | None:
    """``FieldSpec.only_if`` of a field's hints."""
    only_if = hints.get("only_if")
    return {k: tuple(v) for k, v in only_if.items()} if isinstance(only_if, Mapping) else None


def typed_from_plain(info: FieldInfo) -> Callable[[object], object] | None:
    """What turns a plain value into the field's own type: a member of an enumeration, a path.

    A value that it cannot turn comes back as it is, to be refused by name. None where plain values
    are of the field's type.
    """
    annotation = without_none(info.annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        members = {str(member.value): member for member in annotation}
        return lambda value: members.get(str(value), value) if value is not None else None
    if annotation is bool and is_optional(info.annotation):
        words = {"true": True, "false": False}
        return lambda value: words.get(value.lower(), value) if isinstance(value, str) else value
    if annotation is Path:
        return lambda value: Path(value) if isinstance(value, str) else value
    if get_origin(annotation) is Literal:
        known = get_args(annotation)
        texts = {str(choice): choice for choice in known if not isinstance(choice, str)}
        if texts:
            return lambda value: texts.get(value, value) if isinstance(value, str) else value
    return None


def as_plain(value: Any) -> Any:
    """A field's value as a script may write it: of an enumeration the value, of a path the text."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, PurePath) else value


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: Kind
    choices: tuple[str, ...] = ()
    constraints: tuple[Any, ...] = ()
    bounds: tuple[tuple[str, int], ...] = ()


_KINDS: Final[Mapping[Any, Kind]] = {
    bool: "switch",
    int: "integer",
    float: "number",
    str: "text",
    Path: "text",
}
_TUPLES: Final[Mapping[Any, Kind]] = {int: "integers", float: "numbers", str: "texts"}


def _shape_of(name: str, annotation: Any) -> _Shape:
    if without_none(annotation) is bool and is_optional(annotation):
        return _Shape("choice", ("true", "false"))
    annotation = without_none(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _Shape("choice", tuple(str(choice) for choice in arguments))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _Shape("choice", tuple(str(member.value) for member in annotation))
    if origin is tuple and arguments:
        members = [one for one in arguments if one is not Ellipsis]
        plain = {get_args(one)[0] if _is_annotated(one) else one for one in members}
        if len(plain) == 1 and (kind := _TUPLES.get(next(iter(plain)))) is not None:
            infos = getattr(members[0], "__metadata__", ())  # Annotated[int, Field(ge=…)]
            found = [c for i in infos if isinstance(i, FieldInfo) for c in i.metadata]
            fixed = len(members) if Ellipsis not in arguments else None
            bounds = (("min_length", fixed), ("max_length", fixed)) if fixed else ()
            return _Shape(kind, (), tuple(found), bounds)
    if annotation not in _KINDS:
        raise InputTypeError(
            f"The field {name} has the type {_type_name(annotation)}, which a config cannot hold. "
            "It may be bool, int, float, str, Path, a Literal, an Enum, a tuple of int, float or "
            "str, a frozen pydantic model of such fields, or one of these or None."
        )
    return _Shape(_KINDS[annotation])


def _is_annotated(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated


def is_optional(annotation: Any) -> bool:
    """Whether a type allows None."""
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def without_none(annotation: Any) -> Any:
    """The type beside None: of ``int | None`` it is ``int``; any other union stays."""
    if get_origin(annotation) in (Union, types.UnionType):
        others = [one for one in get_args(annotation) if one is not type(None)]
        if len(others) == 1:
            return get_args(others[0])[0] if _is_annotated(others[0]) else others[0]
    return annotation


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more " if least else ""
    return f"{least} " if least == most else f"{least} to {most} "


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
