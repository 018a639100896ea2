"""An experiment whose points are known beforehand, and faults at any moment of its recording."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from torch import nn

from mlcore.core import Config, Snapshot, Step, Told
from mlcore.core import files as core_files
from mlcore.runs import Run, Status
from mlcore.runs.execution import patience, recorder
from mlcore.runs.execution.claims import take_ensemble
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.process_id import ProcessId, this_host
from mlcore.runs.store import artifacts
from mlcore.runs.store.artifacts import CHECKPOINT
from mlcore.runs.store.store import Store

DEAD = ProcessId(this_host(), 2**30, 0.0)
"""A process of this machine that is not there (process numbers end far below)."""


class KnownConfig(Config):
    """Yields points that follow from their step alone, and a state that counts them."""

    experiment: ClassVar[str] = "tests.runs.faults:KnownConfig"

    steps: int = Field(12, ge=1, le=10**7)
    arrays_every: int = Field(4, ge=1, le=10**7)
    pause: float = Field(0.0, ge=0, le=10, description="Seconds to sleep at each step")
    seed: int = Field(0, ge=0)

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield each step: a loss; at some another metric; at some an array."""
        begin = 0 if snapshot is None else int(snapshot.meta["step"]) + 1
        total = 0.0 if snapshot is None else float(snapshot.tensors["model.weight"])
        for index in range(begin, self.steps + 1):
            total += loss(self.seed, index)
            time.sleep(self.pause)
            yield self._step(index, total)
            if index % 5 == 0:  # a second word of the same step, as after an epoch
                yield Step(index, index, self.steps)

    def ensemble_key(self) -> str:
        """All train together."""
        return "known"

    @classmethod
    def train_together(
        cls, configs: Sequence[KnownConfig], snapshots: Sequence[Snapshot | None]
    ) -> Together:
        """Side by side."""
        return Together([c.train(s) for c, s in zip(configs, snapshots, strict=True)])

    def build_model(self) -> nn.Module:
        """One weight: the sum of all losses."""
        return nn.ParameterDict({"weight": nn.Parameter(torch.zeros((), dtype=torch.float64))})

    def _step(self, index: int, total: float) -> Step:
        metrics = {"loss": loss(self.seed, index)}
        if index % 3 == 0:
            metrics["test_loss"] = total
        tensor = torch.tensor(total, dtype=torch.float64)
        return Step(
            index,
            index,
            self.steps,
            metrics,
            {"sum": tensor} if index % self.arrays_every == 0 else {},
            snapshot=lambda: Snapshot({"model.weight": tensor}, {"step": index}),
        )


def loss(seed: int, step: int) -> float:
    """The loss of a step: no two are equal."""
    return 1 / (1 + step) + seed


class Together:
    """Several ``KnownConfig`` in step."""

    def __init__(self, steps: Sequence[Iterator[Step]]) -> None:
        self._steps = dict(enumerate(steps))

    def rounds(self) -> Iterator[list[Told]]:
        """Yield a step of each."""
        while told := [Told(m, s) for m, it in self._steps.items() if (s := next(it, None))]:
            yield told

    def drop(self, member: int) -> None:
        """Go on without one."""
        self._steps.pop(member, None)


class Killed(BaseException):
    """The process is gone at this moment: what no transaction has carried out never happens."""


class Clock:
    """A clock of its own for the recorder: each look takes ``tick`` seconds, sleeps take none."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self.now = 0.0
        self._ticks = ticks

    def monotonic(self) -> float:
        """Seconds since it was made."""
        self.now += self._ticks()
        return self.now

    def sleep(self, seconds: float) -> None:
        """Be later at once."""
        self.now += seconds


def set_clock(monkeypatch: pytest.MonkeyPatch, ticks: Callable[[], float]) -> Clock:
    """Let the recorder go by a clock whose looks are so far apart."""
    clock = Clock(ticks)
    for module in (recorder, patience):
        time = SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
        monkeypatch.setattr(module, "time", time)
    return clock


@contextmanager
def before_each_operation(
    store: Store, act: Callable[[int], None], *, statements: bool = False
) -> Iterator[None]:
    """Call ``act`` with a number before each commit of a write and each change of a file.

    What it raises takes the operation's place. Other threads, which beat, are left alone.

    Args:
        store: The store whose operations these are.
        act: Is given the operation's number, from 1.
        statements: Call it before each statement too, also of reading.
    """
    numbers, thread = count(1), threading.get_ident()

    def step(*_: object) -> None:
        if threading.get_ident() == thread:
            act(next(numbers))

    def commit(connection: Connection) -> None:
        if connection.get_execution_options().get("write", False):
            step()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                step()
            except OperationalError as error:
                raise OSError(errno.EIO, str(error.orig)) from error
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "write_atomically", watched(core_files.write_atomically))
        patch.setattr(Path, "unlink", watched(Path.unlink))
        listeners: list[tuple[str, Callable[..., None]]] = [("commit", commit)]
        if statements:
            listeners.append(("before_cursor_execute", step))
        for name, listener in listeners:
            event.listen(store.engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners:
                event.remove(store.engine, name, listener)


def kill_at(number: int) -> Callable[[int], None]:
    """Kill the process before an operation."""

    def act(now: int) -> None:
        if now == number:
            raise Killed

    return act


def away(first: int, last: float) -> Callable[[int], None]:
    """The store does not answer from one operation to another."""

    def act(now: int) -> None:
        if first <= now <= last:
            raise OperationalError("a statement", {}, ConnectionError("server is away"))

    return act


def carry_out_all(store: Store, process: ProcessId = DEAD) -> None:
    """Carry out all that waits, as a worker would."""
    while claims := take_ensemble(store, process):
        recorder.execute_ensemble(claims)


def recover(store: Store) -> None:
    """Find the runs whose process is gone, and let them wait again."""
    reap(store)
    for run in store.list(status=(Status.LOST, Status.STOPPED)):
        store.requeue(run)


def check_whole(run: Run, *, tidy: bool = True) -> None:
    """The run is finished, and all that is there of it is what its config says, no more.

    Args:
        run: As it is now.
        tidy: Whether no file may be left that the store does not name.
    """
    config = run.config
    assert isinstance(config, KnownConfig)
    assert run.status == Status.FINISHED, (run.status, run.error, run.traceback)
    expected: list[tuple[int, str, float]] = []
    latest: dict[str, float] = {}
    weight = torch.zeros(())
    for step in config.train():
        expected += [(step.index, name, value) for name, value in step.metrics.items()]
        latest |= step.metrics
        if step.arrays:
            assert torch.equal(run.arrays(step.index)["sum"], step.arrays["sum"])
        if step.snapshot is not None:
            weight = step.snapshot().tensors["model.weight"]
    found = run.metrics()
    assert list(zip(found["step"], found["name"], found["value"], strict=True)) == expected
    assert run.latest() == latest
    assert (run.step, run.done, run.total) == (config.steps,) * 3
    assert run.array_steps() == list(range(0, config.steps + 1, config.arrays_every))
    saved = run.artifacts.load("weights")
    assert saved is not None
    assert torch.equal(saved.tensors["model.weight"], weight)
    kept = run.artifacts.kept()
    assert CHECKPOINT not in [one.name for one in kept]
    if not run.store.server:
        files, named = {p.name for p in run.artifacts.folder.iterdir()}, {k.file for k in kept}
        assert files == named if tidy else files >= named
