"""Converts a program and its leaves to URL query parameters and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, cast

from mlcore.autograd.errors import ProgramError
from mlcore.autograd.inputs import DTYPES, DType, Leaf, leaf_text, parse_leaf
from mlcore.autograd.parser import parse
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.tokens import MAX_CHARACTERS

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


Linked: TypeAlias = tuple[str, Mapping[str, Leaf]]


def from_query(query: Mapping[str, str]) -> tuple[Linked | None, tuple[str, ...]]:
    """Read the program and leaves of a link.

    Returns:
        The program and its leaves, or None where the parameters name neither; and a sentence for
        each parameter that was left out because it cannot be meant.

    Raises:
        ProgramError: If a leaf's value cannot be read.
    """
    if not any(map(is_ours, query)):
        return None, ()
    key = query.get("preset", "")
    said = []
    if "preset" in query and key not in PRESETS:
        said.append(
            f"The link asks for the preset {key[:40]!r}, but there are only {', '.join(PRESETS)}."
        )
    preset = PRESETS.get(key, next(iter(PRESETS.values())))
    program = query.get("program", preset.program)
    if len(program) > MAX_CHARACTERS:
        said.append(
            f"The link's program has {len(program):,} characters; at most {MAX_CHARACTERS:,} are "
            "allowed."
        )
        program = preset.program
    leaves = dict(preset.leaves) if program == preset.program else {}
    for parameter, written in query.items():
        if not parameter.startswith(_LEAF):
            continue
        name = parameter.removeprefix(_LEAF)
        if name in _names(program):
            leaves[name] = _read(parameter, written)
        else:
            said.append(
                f"The link gives a value to {name[:40]!r}, which is no input of the program."
            )
    return (program, MappingProxyType(leaves)), tuple(said)


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


def _names(program: str) -> tuple[str, ...]:
    try:
        return parse(program).leaves
    except ProgramError:  # the page says so itself; meanwhile any name may be meant
        return tuple(dict.fromkeys(re.findall(r"\w+", program)))


def _read(parameter: str, written: str) -> Leaf:
    value, *marks = written.split(";")
    dtype = next((mark for mark in marks if mark in DTYPES), "float32")
    try:
        return parse_leaf(value, requires_grad="fixed" not in marks, dtype=cast("DType", dtype))
    except ProgramError as error:
        raise error.within(parameter) from None
