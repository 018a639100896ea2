"""The fields of a config and of the models within it, by dotted names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlcore.core.errors import InputTypeError
from mlcore.core.fields import FieldSpec, condition_of, hints_of, label_of, spec_of
from mlcore.core.parts import of_defaults, parts_of

DEEPEST: Final = 3
"""Models within each other at most: ``a.b.c.field``."""


@lru_cache(maxsize=256)
def specs_of(cls: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """The fields of a class, those of its models by dotted names, in order of definition.

    Raises:
        InputTypeError: If a form cannot hold a field's type, it has no default, or models lie
            within each other more than ``DEEPEST`` deep.
    """
    return tuple(_specs(cls, "", None, None))


@dataclass(frozen=True, slots=True)
class _Heading:
    """What the fields of a model take over from the field that holds it.

    Attributes:
        spec: The field, as the switch of a model that may be None.
        optional: Whether it may be None.
    """

    spec: FieldSpec
    optional: bool


def _specs(
    cls: type[BaseModel], path: str, base: BaseModel | None, outer: _Heading | None
) -> Iterator[FieldSpec]:
    if path.count(".") > DEEPEST:
        raise InputTypeError(
            f"The field {path[:-1]} is a model within {DEEPEST} others, but at most {DEEPEST} may "
            "lie within each other. Take its fields up a level."
        )
    parts = parts_of(cls)
    for name, info in cls.model_fields.items():
        if name not in parts:
            default = (getattr(base, name),) if base is not None else ()
            yield _within(spec_of(path + name, info, *default), path, outer)
            continue
        part = parts[name]
        present = part.default if base is None else getattr(base, name)
        heading = _Heading(_switch(path, name, info, present, outer), part.optional)
        if part.optional:
            yield heading.spec
        if present is None:
            present = of_defaults(path + name, part.model)
        yield from _specs(part.model, f"{path}{name}.", present, heading)


def _switch(
    path: str, name: str, info: FieldInfo, present: BaseModel | None, outer: _Heading | None
) -> FieldSpec:
    hints = hints_of(info)
    title = label_of(name, info)
    spec = FieldSpec(
        name=path + name,
        kind="switch",
        default=present is not None,
        help=info.description or "",
        label=title,
        group=str(hints.get("group", title)),
        later=bool(hints.get("later", False)),
        only_if=condition_of(hints),
    )
    return replace(_within(spec, path, outer), short_label="")


def _within(spec: FieldSpec, path: str, outer: _Heading | None) -> FieldSpec:
    """A field of a model as one of the config: under the model's heading and conditions."""
    if outer is None:
        return spec
    own = {path + other: values for other, values in (spec.only_if or {}).items()}
    above = dict(outer.spec.only_if or {})
    if outer.optional:
        above[outer.spec.name] = (True,)
    label = spec.label
    return replace(
        spec,
        label=f"{outer.spec.label} {label[:1].lower()}{label[1:]}",
        short_label=label,
        group=f"{outer.spec.group} · {spec.group}" if spec.group else outer.spec.group,
        later=spec.later or outer.spec.later,
        only_if={**own, **above} or None,
    )
