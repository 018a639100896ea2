"""Ends the runs that a process leaves open: by exit, an exception, ``sys.exit`` or SIGTERM.

Python tells nobody with what code a script ends: ``SystemExit`` is gone when ``atexit`` calls. So
while a run is open, ``sys.exit``, ``exit`` and ``quit`` raise a subclass that notices whether it
was let go with no Python frame left, which is how the interpreter ends by it, or was caught before.
A bare ``raise SystemExit(1)`` stays unseen; a run in a ``with`` block sees it.

SIGTERM is answered only where nobody else does. The run ends in a thread of its own, as the signal
may come while the loop holds a lock that ending needs, and then the process ends by the signal.
"""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, Protocol

_exits: list[SystemExit] = []
"""What the interpreter is ending by; empty before, and if it is nothing of this."""


class Open(Protocol):
    """A run that is to be ended."""

    def end_with_process(self, error: BaseException | None) -> None:
        """End it by what ends the process; None for its end of itself."""

    def end_by_signal(self, name: str) -> None:
        """End it as stopped, by a signal."""

    def leave_to_parent(self) -> None:
        """Record no more: this is a child that was forked off."""


_open: set[Open] = set()
_exit_before: Any = None
_quit_before: Any = None
_quitter: Any = type(getattr(builtins, "exit", None))
"""The class of ``exit`` and ``quit``; they are missing under ``python -S``."""


def watch(run: Open) -> None:
    """End a run with the process, unless it ends before."""
    global _exit_before, _quit_before
    _open.add(run)
    if sys.exit is not _exit:
        _exit_before, sys.exit = sys.exit, _exit
    if _quitter.__name__ == "Quitter" and _quitter.__call__ is not _quit:
        _quit_before, _quitter.__call__ = _quitter.__call__, _quit
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, _on_sigterm)


def unwatch(run: Open) -> None:
    """A run has ended; after the last one everything is as it was before the first."""
    _open.discard(run)
    if not _open:
        _restore()


def is_failure(error: SystemExit) -> bool:
    """Whether the exit status is other than 0."""
    return not (error.code is None or (isinstance(error.code, int) and error.code == 0))


def exit_sentence(error: SystemExit) -> str:
    """Why a script ended by ``sys.exit``: its words, or its exit status."""
    if isinstance(error.code, int):
        return f"The script ended with exit status {int(error.code)}."
    return str(error.code).strip() or "The script ended with exit status 1."


class _Exit(SystemExit):
    """A ``SystemExit`` that notes itself if the interpreter ends by it."""

    where = ""

    def __del__(self) -> None:
        try:
            sys._getframe(1)  # noqa: SLF001 - the documented way
        except ValueError:
            if threading.current_thread() is threading.main_thread():
                noted = SystemExit(self.code)
                noted.add_note(self.where)
                _exits.append(noted)


def _exit(status: Any = None, /) -> NoReturn:
    """Exit the interpreter by raising SystemExit, as ``sys.exit`` does."""
    try:
        _exit_before(status)
    except SystemExit as error:
        code = error.code
    _raise(code)


def _quit(self: Any, code: Any = None) -> NoReturn:
    """What ``exit`` and ``quit`` do: close the standard input, and raise SystemExit."""
    try:
        _quit_before(self, code)
    except SystemExit as error:
        code = error.code
    _raise(code)


def _raise(code: Any) -> NoReturn:
    made = _Exit(code)
    made.where = "".join(traceback.format_stack(sys._getframe(2)))  # noqa: SLF001
    try:
        raise made
    finally:
        del made  # no cycle with this frame, or it would not be let go at once


def _on_sigterm(number: int, _frame: FrameType | None) -> None:
    # else a handler of the script's own calls this; by now it may be restored, as in a child
    ours = signal.getsignal(number) in (_on_sigterm, signal.SIG_DFL)
    if ours:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    def end() -> None:
        for run in list(_open):
            run.end_by_signal(signal.Signals(number).name)
        if ours:
            os.kill(os.getpid(), number)

    # not a daemon: the interpreter waits for it if the script ends meanwhile
    threading.Thread(target=end, name="mlcore-sigterm", daemon=False).start()


def _restore() -> None:
    if sys.exit is _exit:
        sys.exit = _exit_before
    if vars(_quitter).get("__call__") is _quit:
        _quitter.__call__ = _quit_before
    with suppress(ValueError):  # not the main thread
        if signal.getsignal(signal.SIGTERM) is _on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _at_exit() -> None:
    error: BaseException | None = None
    if _exits:
        error = _exits[-1]
    elif not hasattr(sys, "ps1"):  # at a prompt it would be that of a line from long ago
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    for run in list(_open):
        run.end_with_process(error)


def _after_fork() -> None:
    """In a child that was forked off: the runs stay with the parent, and so does SIGTERM."""
    for run in list(_open):
        run.leave_to_parent()
    _open.clear()
    _restore()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
