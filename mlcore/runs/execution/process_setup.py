"""The log, the idle time and the check for changed code of a process that executes runs."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import mlcore
from mlcore.core import InputError

IDLE_FOR = 600.0
"""Seconds without work after which a worker exits; ``MLCORE_WORKER_IDLE`` overrides it."""


def idle_for() -> float:
    """Seconds without work after which a worker exits: ``MLCORE_WORKER_IDLE``, else ``IDLE_FOR``.

    Raises:
        ValueError: If ``MLCORE_WORKER_IDLE`` is not a number from 0 up.
    """
    given = os.environ.get("MLCORE_WORKER_IDLE", str(IDLE_FOR))
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise InputError(f"MLCORE_WORKER_IDLE is {given!r}, but must be seconds, from 0 up.")
    return seconds


def tell() -> None:
    """Print to standard error which run is being executed."""
    handler = logging.StreamHandler()
    handler.setFormatter(_InUtc("%(asctime)s UTC %(process)d %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _InUtc(logging.Formatter):
    """A log formatter with times in UTC."""

    converter = staticmethod(time.gmtime)


class Code:
    """Detects that the package's files have changed since the process started."""

    _LOOK_EVERY = 1.0

    def __init__(self) -> None:
        self._known = self._newest()
        self._looked = time.monotonic()
        self._changed = False

    def changed(self) -> bool:
        """Whether a file of the package is newer than when this was made."""
        if not self._changed and time.monotonic() - self._looked >= self._LOOK_EVERY:
            self._looked = time.monotonic()
            self._changed = self._newest() != self._known
        return self._changed

    @staticmethod
    def _newest() -> int:
        files = Path(mlcore.__file__).parent.rglob("*.py")
        return max((file.stat().st_mtime_ns for file in files), default=0)
