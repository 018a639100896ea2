"""How many processor cores a run may use."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "MLCORE_CORES"

_given: int | None = None


def usable_cores() -> int:
    """The number of cores that runs may use: ``MLCORE_CORES``, else all of this process's.

    All means those that this process may run on.

    Raises:
        ValueError: If ``MLCORE_CORES`` is not a whole number from 1 up.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        if not named.isdecimal() or int(named) < 1:
            raise ValueError(f"{VARIABLE} is {named!r}, but must be a whole number from 1 up.")
        return int(named)
    if hasattr(os, "sched_getaffinity"):  # neither macOS nor Windows has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def given_cores() -> int:
    """The cores a computation in this process should use: its share, or all usable ones."""
    return usable_cores() if _given is None else _given


def give_cores(number: int | None) -> None:
    """Set how many cores runs in this process use from now on; None means all usable ones."""
    global _given
    _given = None if number is None else max(1, number)
