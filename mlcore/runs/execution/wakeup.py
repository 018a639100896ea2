"""Wakes idle workers of this machine by a signal, so that a queued run waits for no poll."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Final, Self

_SIGNAL: Final[int | None] = getattr(signal, "SIGURG", None)
"""A process that does not handle it, such as a worker that is still starting, ignores it. Windows
has none: there a worker only polls."""


def wake(pids: Iterable[int]) -> None:
    """Wake workers from their ``Sleep``; one that is at work looks again when it is done.

    Args:
        pids: Process ids on this machine; one that has ended, or is another user's, is left out.
    """
    if _SIGNAL is None:
        return
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, _SIGNAL)


class Sleep:
    """Sleeping that ``wake`` of another process, or a signal to end, cuts short.

    A wake-up that comes between two sleeps ends the next one at once. Only for the main thread, as
    all handlers of signals.
    """

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)  # the handler must not wait

    def __enter__(self) -> Self:
        self._fd_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        if _SIGNAL is not None:
            self._before = signal.signal(_SIGNAL, _do_nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._fd_before)
        if _SIGNAL is not None:
            signal.signal(_SIGNAL, self._before)
        self._read.close()
        self._write.close()

    def sleep(self, seconds: float) -> bool:
        """Sleep so long at most; True if ``wake`` ended it."""
        select.select([self._read], [], [], seconds)
        came = b""
        with suppress(BlockingIOError):
            while part := self._read.recv(4096):
                came += part
        return _SIGNAL is not None and _SIGNAL in came


def _do_nothing(_signal: int, _frame: FrameType | None) -> None:
    """Only a signal that is handled is written to the wake-up socket."""
