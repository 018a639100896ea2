"""``ActiveRun``: what a loop of one's own logs to, from ``mlcore.start_run`` to its end."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from mlcore.core import InputError, InputTypeError, MlcoreError, RunStateError, StoreError
from mlcore.core.hooks import LiveView, live_view
from mlcore.runs.execution.patience import failure_sentence, insist
from mlcore.runs.logged import process_end, saved
from mlcore.runs.logged.changes import changed
from mlcore.runs.logged.media import MOST_MEDIA, Media
from mlcore.runs.logged.values import brief, name_of, number_of, step_of
from mlcore.runs.logged.watching import MOST_HISTOGRAMS, Watch
from mlcore.runs.logged.writer import MOST_WAITING, Writer
from mlcore.runs.status import Status
from mlcore.runs.store.artifacts import MEDIA, Content

if TYPE_CHECKING:
    from torch import nn

    from mlcore.runs.recorded_run import Run

State = Literal["open", "ended", "silent", "elsewhere"]

_MOST_WORDS: Final = 100
_MOST_WAITING_BYTES: Final = 2**27
_log = logging.getLogger("mlcore.log")


class ActiveRun:
    """A run that a loop logs to; made by ``mlcore.start_run``.

    As a context manager it ends the run: as *finished*; as *failed* if an exception leaves the
    block, which is recorded and raised; as *stopped* after Ctrl-C, by SIGTERM (as schedulers such
    as Slurm send it), or if the loop ended because ``stop_requested`` was True. Without ``with``,
    call ``finish``; if that is forgotten the run ends with the process: as *failed* by an
    exception or by ``sys.exit`` with another status than 0. A process that is killed leaves its
    run *lost*, with all points but those of the last fifth of a second.

    SIGTERM is left to the script where it has a handler of its own; call ``finish`` in it.

    Nothing that goes wrong with the logging stops the loop: it is said once, by the logger
    ``mlcore.log``, on stderr unless logging is set up otherwise. With ``strict=True`` it is raised.

    Threads may share one; processes may not: a fork, or a copy sent to another process, logs
    nothing and says so.

    Attributes:
        id: The run's id; ``""`` if this process records nothing, such as rank 1 of torchrun.
        experiment: Name of the experiment.

    Example:
        >>> import mlcore
        >>> with mlcore.start_run("autoencoder", config={"lr": 1e-3}) as run:
        ...     for step in range(100):
        ...         run.log({"loss": 1 / (step + 1)})
        >>> print(run.read().status, run.read().latest())
        finished {'loss': 0.01}
    """

    def __init__(
        self,
        run_id: str,
        experiment: str,
        writer: Writer | None,
        *,
        prefix: str = "",
        strict: bool = False,
        state: State = "open",
    ) -> None:
        self.id = run_id
        self.experiment = experiment
        self._writer = writer
        self._prefix, self._strict = prefix, strict
        self._state: State = state
        self._home = os.getpid()
        self._names: dict[Any, str] = {}
        self._next = 0
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._told_to_stop = False
        self._watches: list[Watch] = []
        self._kept = 0
        self._view: LiveView | None = None
        if state == "open":
            process_end.watch(self)

    # --- logging -----------------------------------------------------------------------------

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Record values of this moment; returns at once, they are sent in the background.

        Args:
            values: By name; any text is a name, and charts are grouped by what stands before a
                slash. A value is a number of Python or NumPy, or a tensor of one element; NaN and
                infinities are kept, and drawn as gaps with a mark. Or it is an ``mlcore.Image``,
                ``Histogram``, ``Table`` or ``Figure``, of which 1,000 are kept.
            step: A whole number from 0; by default one more than the highest so far. Of values
                of one name and step the last is kept, and steps need not come in order.

        Raises:
            MlcoreError: With ``strict=True``: if a value is no number, the run has ended, or the
                store refuses to be written.

        Example:
            >>> import mlcore
            >>> run = mlcore.start_run("autoencoder")
            >>> run.log({"loss": 0.5, "val/accuracy": 0.9}, step=10)
            >>> run.finish().step
            10
        """
        if self._state != "open":
            self._refuse("log")
            return
        writer = self._writer
        usable = type(values) is dict or isinstance(values, Mapping)
        if writer is None or writer.failure is not None or not usable:
            self._odd(values)
            return
        for watch in self._watches:
            if taken := watch.take():
                values = {**values, **taken}  # last: charts come in the order of names
        now, problems = writer.seconds(), dict[str, MlcoreError]()
        names, append = self._names, writer.points.append
        with self._lock:
            try:
                at = self._next if step is None else step if type(step) is int else step_of(step)
                if at < 0 or at >= 2**63:
                    step_of(at)
            except MlcoreError as error:
                at, problems["step"] = self._next, error
            if len(writer.points) + len(values) > MOST_WAITING and not writer.make_room():
                return
            for name, value in values.items():
                try:
                    medium = isinstance(value, Media)
                    number = value if type(value) is float or medium else number_of(name, value)
                    full = names.get(name)
                    if full is None:
                        full = names[name] = name_of(f"{self._prefix}{name_of(name)}")
                except MlcoreError as error:
                    problems[f"value of {brief(name)}"] = error
                    continue
                if medium:
                    self._keep(writer, at, full, value)
                    continue
                append((at, full, number, now))
            if at >= self._next:
                self._next = at + 1
        for kind, problem in problems.items():
            self._trouble(kind, problem)

    def watch(
        self, model: nn.Module, every: int = 100, *, name: str = "", histograms: int = 0
    ) -> None:
        """Record the norms of a model's gradients and weights, and histograms, with what is logged.

        After every so many backward passes, the first included, ``gradient_norm/…`` and
        ``weight_norm/…`` of each parameter that needs a gradient join the next ``log``, at its
        step. Without ``zero_grad`` between passes a gradient is that of their sum.

        Args:
            model: At most 300 such parameters; else watch a part of it.
            every: Backward passes from one taking to the next.
            name: Put before each name, to tell two models apart.
            histograms: Also keep a histogram of each gradient and weight, ``gradient/…`` and
                ``weight/…``, at first every so many backward passes. The distance doubles again
                and again, so that a run of any length has at most 600 of them, of the 1,000 files
                that are kept of it; with more than 75 parameters there is no room. 0 keeps none.

        Raises:
            MlcoreError: With ``strict=True``: if the model or a number is none.

        Example:
            >>> import mlcore, torch
            >>> model = torch.nn.Linear(2, 1)
            >>> with mlcore.start_run("autoencoder") as run:
            ...     run.watch(model)
            ...     loss = model(torch.ones(1, 2)).sum()
            ...     loss.backward()
            ...     run.log({"loss": loss})
            >>> round(run.read().latest()["gradient_norm/weight"], 4)
            1.4142
        """
        if self._state != "open" or self._writer is None:
            self._refuse("watch")
            return
        try:
            room = MOST_HISTOGRAMS - sum(watch.histograms for watch in self._watches)
            prefix = name_of(f"{name}/") if name else ""
            self._watches.append(Watch(model, every, prefix, histograms, room))
        except MlcoreError as error:
            self._trouble("watch", error)

    def unwatch(self, model: nn.Module | None = None) -> None:
        """Stop recording the norms of a model, or of all that are watched.

        Example:
            >>> import mlcore, torch
            >>> model = torch.nn.Linear(2, 1)
            >>> with mlcore.start_run("autoencoder") as run:
            ...     run.watch(model)
            ...     run.unwatch(model)
        """
        for watch in [one for one in self._watches if model is None or one.model is model]:
            watch.close()
            self._watches.remove(watch)

    def update(
        self,
        config: Any = None,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        note: str | None = None,
    ) -> None:
        """Change what ``start_run`` was given; stored with the next points, what is None stays.

        Args:
            config: Settings to add, or to replace those of the same name.
            name: Of the run.
            tags: All tags from now on.
            note: Free text.

        Raises:
            MlcoreError: With ``strict=True``: if the run has ended, or the config, the tags or a
                text cannot be stored.

        Example:
            >>> import mlcore
            >>> with mlcore.start_run("autoencoder", {"lr": 0.1}) as run:
            ...     run.update({"width": 64}, tags=["week3"])
            >>> print(run.read().config_fields, run.read().tags)
            {'lr': 0.1, 'width': 64} ('week3',)
        """
        writer = self._writer
        if self._state != "open" or writer is None:
            self._refuse("update")
            return
        try:
            new = changed(writer.row, config=config, name=name, tags=tags, note=note)
        except MlcoreError as error:
            self._trouble("update", error)
            return
        for sentence in new.as_text:
            self._trouble(sentence, InputError(sentence))
        writer.change(new.columns)

    def show(self) -> None:
        """In a notebook, show its curves in the cell, and go on to while they grow."""
        if self._state == "open" and self._writer is not None and self._view is None:
            self._view = live_view(self.read)
            if self._view is not None:
                self._writer.watch = self._view.update

    def _keep(self, writer: Writer, step: int, name: str, medium: Media) -> None:
        """Let a file wait for the writer, up to a number of them and to a size of all that wait."""
        waiting = sum(len(one.content) for one in writer.media)
        if self._kept >= MOST_MEDIA or waiting + len(medium.content) > _MOST_WAITING_BYTES:
            why = (
                f"{MOST_MEDIA:,} of a run are kept"
                if self._kept >= MOST_MEDIA
                else "no more of them can wait for the store in memory"
            )
            self.say("media", InputError(f"{brief(name)} of step {step} is not kept: {why}."))
            return
        self._kept += 1
        at = f"{MEDIA}{step}/{medium.kind}/{name}"
        writer.media.append(Content(at, step, medium.content, f"log{secrets.token_hex(3)}"))

    def save_model(self, model: nn.Module | Mapping[str, Any]) -> None:
        """Save a network's weights with the run, as safetensors; they replace those of before.

        ``mlcore.get_run(id).state_dict()`` reads them back. This waits for the disk.

        Args:
            model: A module, or its ``state_dict()``.

        Raises:
            MlcoreError: With ``strict=True``: if it is neither, or cannot be written.

        Example:
            >>> import mlcore, torch
            >>> with mlcore.start_run("autoencoder") as run:
            ...     run.save_model(torch.nn.Linear(2, 1))
            >>> sorted(run.read().state_dict())
            ['bias', 'weight']
        """
        self._save("save_model", partial(saved.weights, model))

    def save_file(self, path: str | Path, name: str | None = None) -> None:
        """Save a copy of a file with the run; one of the same name is replaced.

        Args:
            path: The file, of at most ``mlcore.runs.logged.saved.MOST_BYTES`` bytes.
            name: What to call it; by default its own name.

        Raises:
            MlcoreError: With ``strict=True``: if it cannot be read or written.

        Example:
            >>> import mlcore
            >>> with mlcore.start_run("autoencoder") as run:
            ...     run.save_file(mlcore.__file__, "code.py")
            >>> print(list(run.read().files()))
            ['code.py']
        """
        self._save("save_file", partial(saved.file, path, name))

    def _save(self, what: str, content: Callable[[int, str], Content]) -> None:
        writer = self._writer
        if self._state != "open" or writer is None:
            self._refuse(what)
            return
        if writer.failure is not None:
            self._trouble("writer", writer.failure)
            return
        try:
            new = content(max(0, self._next - 1), f"log{secrets.token_hex(3)}")
            insist(partial(writer.transact, lambda claim: saved.save(claim, new)))
        except MlcoreError as error:
            self._trouble(f"{what} {error}", error)

    @property
    def stop_requested(self) -> bool:
        """Whether Stop was pressed in the dashboard, or ``mlcore stop`` was called.

        A loop that ends after it was True ends as *stopped*. It is known within 2 s, without
        asking the store anew.
        """
        asked = self._writer is not None and self._writer.request == "stop"
        self._told_to_stop = self._told_to_stop or asked
        return asked

    @property
    def recording(self) -> bool:
        """Whether what is logged here is recorded."""
        return self._state == "open" and self._writer is not None and self._writer.failure is None

    # --- the end -----------------------------------------------------------------------------

    def finish(self) -> Run | None:
        """Send what waits and end the run; a second call does nothing.

        Returns:
            The run as it ended, or None where nothing is recorded.
        """
        self.__exit__(None, None, None)
        if self._writer is None or self._writer.failure is not None:
            return None
        try:
            return self.read()
        except StoreError:
            return None

    def read(self) -> Run:
        """The run as the store has it now.

        Raises:
            RunStateError: If this process records nothing.
            StoreError: If the store does not answer.
        """
        if self._writer is None:
            raise RunStateError("This process records nothing, so there is no run to read.")
        return self._writer.claim().run.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_with_process(error)

    def end_with_process(self, error: BaseException | None) -> None:
        """End it by the exception that ends its block or the process, or None."""
        if error is None or (isinstance(error, SystemExit) and not process_end.is_failure(error)):
            self._finish(Status.STOPPED if self._told_to_stop else Status.FINISHED)
        else:
            self._end_by(error)

    def end_by_signal(self, name: str) -> None:
        """End it as stopped, by a signal such as SIGTERM."""
        self._said.add("ended")  # the loop may log on until the process is gone
        self._finish(Status.STOPPED, error=f"Its process was ended by {name}.")
        if self._writer is not None:
            self._writer.join()  # another thread may be about to end it

    def _end_by(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            self._finish(Status.STOPPED)
            return
        if isinstance(error, SystemExit):
            why = process_end.exit_sentence(error)
        else:
            why = failure_sentence(error)
        self._finish(
            Status.FAILED,
            error=why,
            error_type=type(error).__name__,
            traceback="".join(traceback.format_exception(error)),
        )

    def _finish(self, status: Status, **details: Any) -> None:
        with self._lock:
            if self._state != "open" or self._writer is None:
                return
            self._state = "ended"
        for watch in self._watches:
            watch.close()
        self._writer.end(status, **details)
        process_end.unwatch(self)
        if self._view is not None:
            self._view.end()

    # --- what goes wrong ---------------------------------------------------------------------

    def _odd(self, values: object) -> None:
        writer = self._writer
        if writer is not None and writer.failure is not None:
            self._trouble("writer", writer.failure)
        elif writer is not None:
            self._trouble(
                "values",
                InputTypeError(
                    f"log was given {brief(values)}, but takes a dict of values by name, such as "
                    "{'loss': 0.5}."
                ),
            )

    def _refuse(self, what: str) -> None:
        if self._state == "ended":
            self._trouble(
                "ended",
                RunStateError(
                    f"Run {self.id} has ended, so {what} records nothing more. Start another run."
                ),
            )
        elif self._state == "elsewhere":
            self._trouble(
                "elsewhere",
                RunStateError(
                    f"Run {self.id} is written by process {self._home}, which started it, so "
                    f"{what} in process {os.getpid()} records nothing. Send the values there, or "
                    "start a run in each process."
                ),
            )

    def _trouble(self, kind: str, error: Exception) -> None:
        """Raise a problem if that is wanted, else say it once."""
        if self._strict:
            raise error
        self.say(kind, error)

    def say(self, kind: str, error: Exception) -> None:
        """Say a problem by the logger ``mlcore.log``, once for each kind."""
        if kind not in self._said and len(self._said) < _MOST_WORDS:
            self._said.add(kind)
            words = str(error) if isinstance(error, MlcoreError) else failure_sentence(error)
            _log.warning("%s", words)

    # --- other processes ---------------------------------------------------------------------

    def leave_to_parent(self) -> None:
        """Log nothing more: this is the copy in a child that was forked off."""
        self._state = "elsewhere"
        self._view = None
        self._lock = threading.Lock()  # another thread may have held it

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_another_process, (self.id, self.experiment, self._home, self._strict)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id or 'without a record'} {self._state}>"


def _of_another_process(run_id: str, experiment: str, home: int, strict: bool) -> ActiveRun:
    run = ActiveRun(run_id, experiment, None, strict=strict, state="elsewhere")
    run._home = home  # noqa: SLF001 - of this module
    return run
