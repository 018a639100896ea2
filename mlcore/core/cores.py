"""The processor, and how many of its cores a run may use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
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


@contextmanager
def cores_given(number: int) -> Iterator[None]:
    """Let runs in this process use so many cores meanwhile, and afterwards as many as before."""
    before = _given
    give_cores(number)
    try:
        yield
    finally:
        give_cores(before)


@cache
def processor() -> str:
    """The processor's name, on Linux from ``/proc/cpuinfo``; empty where nothing tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
