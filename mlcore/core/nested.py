"""Makes the models within a config from dicts or dotted names, and says what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlcore.core.errors import ConfigError
from mlcore.core.fields import FieldSpec, typed_from_plain
from mlcore.core.nested_specs import specs_of
from mlcore.core.parts import Part, flat, parts_of, shown


def assembled(
    cls: type[BaseModel],
    given: Mapping[str, Any],
    problems: dict[str, str],
    *,
    base: BaseModel | None = None,
    path: str = "",
) -> dict[str, Any]:
    """Fields with their models made from what was given: models, dicts, or dotted names.

    Args:
        cls: The class that the fields are for.
        given: By name. A dict is a whole model; a dotted name changes one field of it.
        problems: A sentence is added for each refused field, by its dotted name.
        base: The model that dotted names change; by default the fields' defaults.
        path: What the names in sentences begin with: ``"optimizer."``.

    Returns:
        The fields by the names of ``cls``; a model that was refused is the default.
    """
    parts = parts_of(cls)
    found: dict[str, Any] = {}
    changes: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        name, dot, inner = key.partition(".")
        if dot and name in parts:
            changes.setdefault(name, {})[inner] = value
        else:
            found[key] = value
    for name, part in parts.items():
        whole = found.pop(name, _UNSAID)
        if whole is _UNSAID and name not in changes and base is None:
            whole = part.default
        elif whole is _UNSAID and name not in changes:
            continue
        present = part.default if base is None else getattr(base, name)
        try:
            found[name] = _made(path + name, part, whole, changes.get(name, {}), present)
        except ConfigError as error:
            problems.update(error.problems)
            found[name] = part.default
    return found


def refusal(cls: type[BaseModel], error: ValidationError) -> ConfigError:
    """What pydantic refused, as one sentence for each field, by its dotted name."""
    specs = {spec.name: spec for spec in specs_of(cls)}
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False):
        name = _field_at(detail, specs)
        problems.setdefault(name, _sentence(cls, specs, name, detail))
    return ConfigError(problems)


def check_finite(model: BaseModel) -> None:
    """Refuse NaN and infinities, which a config cannot hold, in the models of a config.

    Raises:
        ConfigError: With a sentence for each field.
    """
    problems = {}
    for name, value in flat(model).items():
        members = value if isinstance(value, tuple) else (value,)
        if any(isinstance(one, float) and not math.isfinite(one) for one in members):
            spec = next(one for one in specs_of(type(model)) if one.name == name)
            problems[name] = f"{name} is {shown(value)}, but must be {spec.allowed()}."
    if problems:
        raise ConfigError(problems)


_UNSAID: Final = object()


def _made(
    name: str, part: Part, whole: object, changes: Mapping[str, Any], present: BaseModel | None
) -> BaseModel | None:
    """The model of a field, or None.

    Args:
        name: The field's dotted name.
        part: The field.
        whole: What was given for the field itself; ``_UNSAID`` for nothing.
        changes: What was given for fields of the model.
        present: The model that the changes are for.

    Raises:
        ConfigError: With a sentence for each refused field.
    """
    if whole is _UNSAID or (whole is True and part.optional):
        if whole is True and not changes and present is not None:
            return present
        return _built(part.model, changes, name, present)
    if whole is None or (whole is False and part.optional):
        if changes and part.optional:
            inner = next(iter(changes))
            raise ConfigError(
                {
                    name: f"{name} is off, but {name}.{inner} is {shown(changes[inner])}. Turn "
                    f"{name} on, or leave {name}.{inner} out."
                }
            )
        if part.optional:
            return None
    if isinstance(whole, Mapping):
        return _built(part.model, {**{str(k): v for k, v in whole.items()}, **changes}, name)
    if type(whole) is part.model:
        return _built(part.model, changes, name, whole) if changes else whole
    if isinstance(whole, str) and part.optional:
        allowed = "true or false"
    else:
        allowed = f"{_article(part.model.__name__)}, or a dict of its fields"
        allowed += ", or None" * part.optional
    raise ConfigError({name: f"{name} is {shown(whole)}, but must be {allowed}."})


def _built(
    cls: type[BaseModel], given: Mapping[str, Any], path: str, base: BaseModel | None = None
) -> BaseModel:
    """A model of fields by name, some of them dotted; the rest as ``base`` has them."""
    problems: dict[str, str] = {}
    values = assembled(cls, given, problems, base=base, path=f"{path}.")
    for name in [name for name in values if name not in cls.model_fields]:
        known = ", ".join(cls.model_fields)
        problems[f"{path}.{name}"] = (
            f"{cls.__name__} has no field {name} (given: {shown(values.pop(name))}, as "
            f"{path}.{name}). Its fields are {known}."
        )
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif (typed := typed_from_plain(cls.model_fields[name])) is not None:
            values[name] = typed(value)
    if base is not None:
        values = {**dict(base), **values}
    try:
        made = cls(**values)
    except ValidationError as error:
        told = refusal(cls, error).problems
    except ConfigError as error:  # of a config within a config
        told = error.problems
    else:
        if not problems:
            return made
        told = {}
    for name, sentence in told.items():
        begun = sentence.startswith(f"{name} ")
        problems.setdefault(
            f"{path}.{name}".rstrip("."), f"{path}.{sentence}" if name and begun else sentence
        )
    raise ConfigError(problems)


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


def _field_at(detail: ErrorDetails, specs: Mapping[str, FieldSpec]) -> str:
    """The dotted name of the field that a problem is about; without one, its first name."""
    names = [str(one) for one in detail["loc"]]
    for count in range(len(names), 0, -1):
        if (name := ".".join(names[:count])) in specs:
            return name
    return names[0] if names else ""


def _sentence(
    cls: type[BaseModel], specs: Mapping[str, FieldSpec], name: str, detail: ErrorDetails
) -> str:
    if not name or detail["type"] == "value_error":  # a rule wrote its own sentence
        return str(detail["msg"]).removeprefix("Value error, ")
    given = shown(detail["input"])
    if name not in specs:
        known = ", ".join(specs)
        return f"{cls.__name__} has no field {name} (given: {given}). Its fields are {known}."
    return f"{name} is {given}, but must be {specs[name].allowed()}."
