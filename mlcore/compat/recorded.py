"""What the callbacks of other libraries share: one run for each training, and its end."""

from __future__ import annotations

import inspect
import logging
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Self, TypedDict

from mlcore.core import MlcoreError, RunStateError
from mlcore.runs.export.missing import MissingExtraError
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.fields import fields_of
from mlcore.runs.logged.start import start_run
from mlcore.runs.store.store import Store

LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether a training that was begun still goes on."""

_log = logging.getLogger("mlcore.log")


class Options(TypedDict, total=False):
    """What each adapter passes on to ``mlcore.start_run``, which explains it."""

    name: str | None
    tags: Iterable[str]
    note: str
    seed: int | None
    strict: bool
    store: Store | str | Path | None


class TrainingEndedError(MlcoreError, RuntimeError):
    """A training ended by an exception that its library did not hand on."""


_LEFT: Final = TrainingEndedError(
    "The training ended by an exception, which was caught outside of it. In "
    '"with … as callback:" it is recorded with its traceback.'
)


class Recorded:
    """Records a run for each training; a base of the callbacks.

    The run ends with the training: as *finished*, as *stopped* if Stop was pressed, as *failed* if
    an exception leaves it. In a ``with`` block it ends with the block, so that what is measured
    after the training joins it, and an exception is recorded with its traceback.
    """

    # names that end with an underscore: skorch takes all others for parameters
    run_: ActiveRun | None = None
    in_block_: bool = False
    ended_: bool = True
    watch_: _CallWatch | None = None

    @property
    def run(self) -> ActiveRun | None:
        """The run of the latest training; None before the first."""
        return self.run_

    def begin(
        self,
        library: str,
        experiment: str,
        config: Any,
        settings: Mapping[str, Any],
        total: float | None,
        options: Options,
    ) -> ActiveRun:
        """Begin the run of a training; one that an exception left open ends as failed.

        Args:
            library: Name of the package whose training this is.
            experiment: What is trained.
            config: What the user wants in the config, which goes before ``settings``.
            settings: What the library knows.
            total: Steps in all.
            options: For ``mlcore.start_run``.
        """
        self.end(None if self.in_block_ or self.ended_ else _LEFT)
        fields = {**settings, **fields_of(config).values}
        run = start_run(experiment, fields, total=total or None, **options)
        self.run_, self.ended_ = run, False
        if run.recording and not self.in_block_:
            self.watch_ = _CallWatch(run, library)
        return run

    def record(self, values: Mapping[str, Any], step: int) -> None:
        """Log values to the run; what comes after its end is left out, with a word on it."""
        run = self.run_
        if run is None:
            return
        if not self.ended_:
            run.log(values, step)
            return
        hint = f"with {type(self).__name__}(…) as callback:"
        run.say(
            "after the training",
            RunStateError(
                f"Run {run.id} ended with its training, so what is measured afterwards is not in "
                f'it. Put both into "{hint}".'
            ),
        )

    def trained(self, error: BaseException | None = None) -> None:
        """End the run of a training that is over, unless a ``with`` block is to end it."""
        if self.in_block_ and error is None:
            return
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the run, if it is open."""
        if self.watch_ is not None:
            self.watch_.over.set()
            self.watch_ = None
        if self.run_ is not None:
            end_run(self.run_, error)
        self.ended_ = True

    def __getstate__(self) -> dict[str, Any]:
        """Without the run, which stays here; a net is copied and pickled with its callbacks."""
        own = ("run_", "in_block_", "ended_", "watch_")
        return {name: one for name, one in self.__dict__.items() if name not in own}

    def __enter__(self) -> Self:
        self.in_block_ = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.in_block_ = False
        self.end(error)


class _CallWatch(threading.Thread):
    """Ends a run whose training was left by an exception.

    No callback is told of that, so this looks whether the library's call is still on the stack.

    Args:
        run: It.
        library: Name of the package whose outermost call is the training.
    """

    def __init__(self, run: ActiveRun, library: str) -> None:
        super().__init__(name=f"call-{run.id}", daemon=True)
        self.over = threading.Event()
        self._run, self._thread = run, threading.get_ident()
        self._call: FrameType | None = None
        frame = inspect.currentframe()
        while frame is not None:
            if str(frame.f_globals.get("__name__")).partition(".")[0] == library:
                self._call = frame
            frame = frame.f_back
        if self._call is not None:
            self.start()

    def run(self) -> None:
        missed = 0
        while missed < 2:  # a prompt takes a moment to tell what the exception was
            if self.over.wait(LOOK_EVERY):
                self._call = None  # with it go its variables, such as the data
                return
            missed += not self._goes_on()
        error = _last_error(self._call)
        self._call = None
        end_run(self._run, error)

    def _goes_on(self) -> bool:
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented
        while frame is not None and frame is not self._call:
            frame = frame.f_back
        return frame is not None


def _last_error(call: FrameType | None) -> BaseException:
    """The exception that left a call, if Python's prompt or a notebook showed it."""
    error: BaseException | None = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if error is not None and any(
        frame is call for frame, _ in traceback.walk_tb(error.__traceback__)
    ):
        return error
    return _LEFT


def end_run(run: ActiveRun, error: BaseException | None = None) -> None:
    """End a run: as finished or stopped, or by what an exception says."""
    run.__exit__(None if error is None else type(error), error, None)


def plain(value: Any) -> Any:
    """A setting as a config holds it: objects of a library become text, None is left out.

    Example:
        >>> from mlcore.compat.recorded import plain
        >>> plain({"lr": 0.1, "seed": None, "split": slice(2)})
        {'lr': 0.1, 'split': 'slice(None, 2, None)'}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (str, Real, Path)) or hasattr(value, "__qualname__"):
        return value
    if getattr(value, "ndim", None) == 0:
        return value
    text = repr(value)
    return type(value).__qualname__ if " at 0x" in text else text


def missing(extra: str) -> MissingExtraError:
    """The error for a library that is not installed."""
    return MissingExtraError(
        f"mlcore.compat.{extra} needs {extra}, which is not installed. Install it with: "
        f'pip install "mlcore[{extra}]"'
    )
