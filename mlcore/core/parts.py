"""Models within a config: their fields by dotted names, such as ``optimizer.lr``, and back.

A config with ``optimizer: Optimizer`` has the fields ``optimizer.lr``, ``optimizer.momentum`` and
so on, in its form, on the command line, in JSON and in sweeps. Of ``schedule: Schedule | None``
there is the switch ``schedule`` as well, and its fields matter only while that is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mlcore.core.errors import InputTypeError
from mlcore.core.fields import is_optional, without_none


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a config whose type is a model.

    Attributes:
        model: The model's class.
        optional: Whether the field may be None.
        default: The field's default; where it has none, the model of all defaults.
    """

    model: type[BaseModel]
    optional: bool
    default: BaseModel | None


@lru_cache(maxsize=256)
def parts_of(cls: type[BaseModel]) -> Mapping[str, Part]:
    """The fields of a class that are models, by name; empty for most configs.

    Raises:
        InputTypeError: If a model is not frozen, takes fields that it does not name, has a default
            of another type, or none at all though it may be None.
    """
    found = {}
    for name, info in cls.model_fields.items():
        model = model_in(info.annotation)
        if model is not None:
            found[name] = _part(name, info, model)
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds by its type, None aside; None if it holds something else."""
    found = without_none(annotation)
    if (
        isinstance(found, type)
        and issubclass(found, BaseModel)
        and not issubclass(found, RootModel)
    ):
        return found
    return None


def flat(model: BaseModel) -> dict[str, Any]:
    """The values of a model by dotted names, in order of definition.

    Of a field that may be a model or None there is True or False as well.
    """
    parts = parts_of(type(model))
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name not in parts:
            found[name] = value
            continue
        if parts[name].optional:
            found[name] = value is not None
        if value is not None:
            found |= {f"{name}.{inner}": one for inner, one in flat(value).items()}
    return found


def of_defaults(path: str, model: type[BaseModel]) -> BaseModel:
    """The model of all defaults.

    Args:
        path: The dotted name of the field that holds it.
        model: Its class.

    Raises:
        InputTypeError: If a field of it has no default.
    """
    needed: dict[str, BaseModel | None] = {}
    parts = parts_of(model)
    for name, info in model.model_fields.items():
        if not info.is_required():
            continue
        if name not in parts:
            raise InputTypeError(
                f"The field {path}.{name} has no default. Give it one: a form begins with the "
                "defaults."
            )
        needed[name] = parts[name].default
    return model(**needed)


def shown(value: object) -> str:
    """A value for a sentence, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _part(name: str, info: FieldInfo, model: type[BaseModel]) -> Part:
    what = f"The field {name} has the type {model.__name__}"
    if not model.model_config.get("frozen"):
        raise InputTypeError(
            f"{what}, which can be changed after it was made. Derive it from mlcore.Config, or "
            "give it model_config = pydantic.ConfigDict(frozen=True)."
        )
    if model.model_config.get("extra") == "allow":
        raise InputTypeError(
            f"{what}, which takes fields that it does not name. Give it extra='forbid'."
        )
    optional = is_optional(info.annotation)
    default = info.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        if optional:
            raise InputTypeError(
                f"The field {name} has no default. Give it one, such as None: a form begins with "
                "the defaults."
            )
        default = of_defaults(name, model)
    if type(default) is not model and not (optional and default is None):
        raise InputTypeError(
            f"The default of {name} is {shown(default)}, but must be a {model.__name__}"
            f"{' or None' * optional}."
        )
    return Part(model, optional, default)
