"""Configs of any kind as flat fields that JSON can hold."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import math
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from mlcore.core import InputError, InputTypeError, canonical_json
from mlcore.core.fingerprint import fingerprint
from mlcore.runs.logged.values import brief
from mlcore.runs.recorded_run import SCRIPT

LONGEST_TEXT: Final = 10_000
"""Characters of one value at most; what is longer is cut."""

LARGEST: Final = 1_000_000
"""Characters of a whole config as JSON."""

_DEEPEST: Final = 20


class Fields(NamedTuple):
    """A config as it is recorded.

    Attributes:
        values: By name; those of a config within a config are named ``outer.inner``.
        as_text: A sentence on each value that JSON cannot hold, and that is kept as text.
    """

    values: dict[str, Any]
    as_text: list[str]


def fields_of(config: Any) -> Fields:
    """The fields of a dict, dataclass, pydantic model, ``argparse.Namespace``, or None.

    Paths, dates, enums, devices and types become text, NumPy's and torch's numbers become
    Python's, NaN and infinities the words of ``repr``. What else JSON cannot hold is kept as its
    ``repr``.

    Raises:
        InputTypeError: If it is none of these.
        InputError: If it is longer than ``LARGEST`` characters.

    Example:
        >>> from mlcore.runs.logged.fields import fields_of
        >>> fields_of({"lr": 1e-3, "net": {"width": 64}}).values
        {'lr': 0.001, 'net.width': 64}
    """
    if config is None:
        return Fields({}, [])
    members = _members(config)
    if members is None:
        raise InputTypeError(
            f"config is {brief(config)}, but must be a dict, a dataclass, a pydantic model, an "
            "argparse.Namespace or None."
        )
    as_text: list[str] = []
    values = dict(_flat("", members, as_text, 0))
    check_length(values)
    return Fields(values, as_text)


def check_length(values: Mapping[str, Any]) -> None:
    """Refuse fields that are too long together.

    Raises:
        InputError: If they are longer than ``LARGEST`` characters.
    """
    if (length := len(canonical_json(values))) > LARGEST:
        raise InputError(
            f"config has {length:,} characters as JSON, but at most {LARGEST:,} are allowed. Leave "
            "data out of it; run.save_file keeps a file."
        )


def config_columns(experiment: str, run_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the columns of a logged run: ``config`` and its ``fingerprint``."""
    return {
        "config": canonical_json(values),
        # its own: two loops with one config are two runs
        "fingerprint": fingerprint(experiment, 0, values, f"{SCRIPT} {run_id}"),
    }


def seed_of(values: Mapping[str, Any]) -> int | None:
    """The field ``seed``, if it is one."""
    seed = values.get("seed")
    return seed if type(seed) is int and abs(seed) < 2**63 else None


def _members(value: Any) -> Mapping[Any, Any] | None:
    """What is in a config; None if it is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields} | (
            value.model_extra or {}
        )
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name, None) for one in dataclasses.fields(value)}
    if isinstance(value, (argparse.Namespace, SimpleNamespace)):
        return vars(value)
    return None


def _flat(
    prefix: str, members: Mapping[Any, Any], as_text: list[str], depth: int
) -> Iterator[tuple[str, Any]]:
    for key, value in members.items():
        name = _text(f"{prefix}{key}")
        inner = _members(value) if depth < _DEEPEST else None
        if inner:
            yield from _flat(f"{name}.", inner, as_text, depth + 1)
        else:
            yield name, _plain(name, value, as_text, depth)


def _plain(name: str, value: Any, as_text: list[str], depth: int) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int)):
        return value if value is None or isinstance(value, bool) else int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (PurePath, date, time)):
        return _text(str(value))
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return _text(f"{value.__module__}.{value.__qualname__}")
    if type(value).__module__ == "torch" and type(value).__name__ in ("dtype", "device", "Size"):
        return _text(str(value))
    if isinstance(value, (list, tuple)) and depth < _DEEPEST:
        return [_plain(name, one, as_text, depth + 1) for one in value]
    if isinstance(value, (set, frozenset)) and depth < _DEEPEST:
        return sorted((_plain(name, one, as_text, depth + 1) for one in value), key=repr)
    inner = _members(value) if depth < _DEEPEST else None
    if inner is not None:
        return "{}" if not inner else dict(_flat("", inner, as_text, depth + 1))
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        return _plain(name, value.item(), as_text, depth + 1)
    as_text.append(
        f"{name} of the config is {brief(value)}, which JSON cannot hold; its text is kept."
    )
    return _text(brief(value))


def _text(value: str) -> str:
    whole = value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return whole if len(whole) <= LONGEST_TEXT else whole[: LONGEST_TEXT - 1] + "…"
