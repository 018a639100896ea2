"""A process, identified by host, number and start time, and whether it still runs."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from functools import cache

import psutil

HEARTBEAT_EVERY = 2.0
"""Seconds between two heartbeats."""

SILENT_AFTER = 10.0
"""Seconds without a heartbeat after which a process on another host counts as dead."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process identified by host, number and start time, as numbers are reused.

    Attributes:
        host: Name of the machine.
        pid: Process number there.
        started: When it started, in seconds since 1970.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessId:
        """A process of this machine; this one if no number is given."""
        pid = os.getpid() if pid is None else pid
        return cls(this_host(), pid, psutil.Process(pid).create_time())

    def alive(self, heartbeat: float | None, now: float | None = None) -> bool:
        """Whether it runs: by its own number here, by its last heartbeat elsewhere.

        A process of this machine that is only slow, or was suspended with the lid closed, is
        alive however old its heartbeat.

        Args:
            heartbeat: When it last said so, in seconds since 1970.
            now: The time by the same clock; this machine's if not given.
        """
        if self.host != this_host():
            now = time.time() if now is None else now
            return heartbeat is not None and now - heartbeat < SILENT_AFTER
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@cache
def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()
