"""A config as code: the arguments that make it, the classes to import, and its shell command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mlcore.core.fields import FieldSpec, as_plain, typed_from_plain
from mlcore.core.parts import parts_of


def arguments_of(model: BaseModel) -> str:
    """The arguments that make an equal model of its class: what differs from the defaults.

    A model within it is the call of its class; a dict where that class is local to a function.
    """
    return ", ".join(f"{name}={_python(value)}" for name, value in _changed(model))


def imports_of(model: BaseModel) -> dict[str, set[str]]:
    """The names that ``arguments_of`` needs, by the module to import them from."""
    found: dict[str, set[str]] = {}
    for _, value in _changed(model):
        if isinstance(value, BaseModel):
            cls = type(value)
            if not _is_local(cls):
                found.setdefault(cls.__module__, set()).add(cls.__qualname__.partition(".")[0])
            for module, names in imports_of(value).items():
                found.setdefault(module, set()).update(names)
    return found


def command(words: list[str], changes: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> str:
    """A shell command with a flag for each changed field."""
    switches = {spec.name for spec in specs if spec.kind == "switch"}
    for name, value in changes.items():
        flag = "--" + name.replace("_", "-")
        if name in switches:
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, tuple):
            words += [flag, ",".join(map(str, value))]
        else:
            words += [flag, str(as_plain(value))]
    return shlex.join(words)


def _changed(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """The fields of a model that its class would give another value."""
    parts = parts_of(type(model))
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if name in parts:
            default: object = parts[name].default
        else:
            default = info.get_default(call_default_factory=True, validated_data={})
            typed = typed_from_plain(info)
            default = default if typed is None else typed(default)
        if value != default:
            yield name, value


def _python(value: object) -> str:
    if not isinstance(value, BaseModel):
        return repr(as_plain(value))
    if _is_local(type(value)):
        inner = (f"{name!r}: {_python(one)}" for name, one in _changed(value))
        return "{" + ", ".join(inner) + "}"
    return f"{type(value).__qualname__}({arguments_of(value)})"


def _is_local(cls: type) -> bool:
    return "<locals>" in cls.__qualname__
