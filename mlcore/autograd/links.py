"""A program and its leaves as the query parameters of a link, to be shared."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from mlcore.autograd.inputs import DTYPES, DType, Leaf, leaf_text, parse_leaf
from mlcore.autograd.presets import PRESETS

_LEAF: Final = "leaf."


def to_query(program: str, leaves: Mapping[str, Leaf]) -> dict[str, str]:
    """The parameters of a link that opens this program with these leaves.

    A preset is written by its key with the leaves that differ; nothing is written for the first
    preset as it stands.
    """
    first = next(iter(PRESETS))
    for key, preset in PRESETS.items():
        if preset.program == program and set(preset.leaves) == set(leaves):
            changed = {k: v for k, v in leaves.items() if v != preset.leaves[k]}
            named = {} if key == first and not changed else {"preset": key}
            return named | _written(changed)
    return {"program": program} | _written(leaves)


def from_query(query: Mapping[str, str]) -> tuple[str, Mapping[str, Leaf]] | None:
    """The program and leaves of a link; None where the parameters name neither.

    Raises:
        ProgramError: If a leaf cannot be read.
    """
    key = query.get("preset", "")
    if "program" not in query and key not in PRESETS and not any(map(is_ours, query)):
        return None
    preset = PRESETS.get(key, next(iter(PRESETS.values())))
    program = query.get("program", preset.program)
    leaves = dict(preset.leaves) if program == preset.program else {}
    for name, written in query.items():
        if name.startswith(_LEAF):
            leaves[name.removeprefix(_LEAF)] = _read(written)
    return program, MappingProxyType(leaves)


def is_ours(name: str) -> bool:
    """Whether a query parameter belongs to these links."""
    return name in ("program", "preset") or name.startswith(_LEAF)


def _written(leaves: Mapping[str, Leaf]) -> dict[str, str]:
    return {
        _LEAF + name: leaf_text(given.value)
        + ("" if given.requires_grad else ";fixed")
        + ("" if given.dtype == "float32" else f";{given.dtype}")
        for name, given in leaves.items()
    }


def _read(written: str) -> Leaf:
    value, *marks = written.split(";")
    dtype = next((mark for mark in marks if mark in DTYPES), "float32")
    return parse_leaf(value, requires_grad="fixed" not in marks, dtype=cast("DType", dtype))
