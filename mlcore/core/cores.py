"""How many cores a computation was given: by its engine, else all that this process may use."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "MLCORE_CORES"


def usable_cores() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # neither macOS nor Windows has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def given_cores() -> int:
    """The cores a computation in this process should use: ``MLCORE_CORES``, else the usable ones.

    Raises:
        ValueError: If ``MLCORE_CORES`` is not a whole number from 1 up.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        return usable_cores()
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"{VARIABLE} is {given!r}, but must be a whole number from 1 up.")
    return int(given)


def give_cores(number: int) -> None:
    """Let what this process computes from now on use this many cores; at least one."""
    os.environ[VARIABLE] = str(max(1, number))
