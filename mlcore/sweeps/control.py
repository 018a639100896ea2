"""The actions on a sweep: wait, stop, resume, extend, change its space, rename, delete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mlcore.core import SweepStateError
from mlcore.runs.status import Status
from mlcore.runs.store.queueing import queue_again_all
from mlcore.sweeps import sweep_rows
from mlcore.sweeps.budget import check_budget
from mlcore.sweeps.coordinator import advance, stop_members
from mlcore.sweeps.space import Space, SpaceLike
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import read_trial_runs, trial_key, trials_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mlcore.core import Config
    from mlcore.runs.store.store import Store
    from mlcore.sweeps.results import Counts

_LOOK_EVERY = 0.3  # s; looking costs time that the workers could use, and they look as well


class _Recorded(Protocol):
    """What the actions need to know of a sweep."""

    @property
    def id(self) -> str: ...
    @property
    def store(self) -> Store: ...
    @property
    def sampler(self) -> str: ...
    @property
    def config(self) -> Config: ...
    @property
    def running(self) -> bool: ...
    @property
    def counts(self) -> Counts: ...
    def refresh(self: _Self) -> _Self:
        """Read the sweep again."""


_Self = TypeVar("_Self", bound=_Recorded)


class SweepControl:
    """The actions of ``mlcore.sweeps.Sweep``; each returns the sweep as it is afterwards."""

    def wait(self: _Self, timeout: float | None = None) -> _Self:
        """Block until the sweep no longer runs.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: If it still runs after ``timeout`` seconds.
        """
        from mlcore.runs import tend

        deadline = None if timeout is None else time.monotonic() + timeout
        while (now := self.refresh()).running:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(
                    f"Sweep {self.id} still runs after {timeout:g} s, {now.counts.done} of "
                    f"{now.counts.total} runs done. It goes on; wait again or stop it."
                )
            tend(self.store)
            time.sleep(_LOOK_EVERY)
        return now

    def stop(self: _Self) -> _Self:
        """Stop the sweep and the runs it queued; runs it shares with other sweeps go on."""
        with self.store.writing() as connection:
            if sweep_rows.read(connection, self.id).status == sweep_rows.RUNNING:
                sweep_rows.alter(
                    connection, self.id, status=sweep_rows.STOPPED, finished=time.time()
                )
                stop_members(connection, read_trial_runs(connection, self.id))
        return self.refresh()

    def resume(self: _Self) -> _Self:
        """Resume stopped and lost runs from their checkpoints, then start the remaining trials.

        Raises:
            SweepStateError: If it failed; the text says what to do instead.
        """
        with self.store.writing() as connection:
            _go_on(connection, self.id)
        return _advanced(self)

    def extend(self: _Self, n: int | None = None, *, minutes: float | None = None) -> _Self:
        """Run ``n`` more trials, or go on for ``minutes`` from now; a stopped sweep is resumed.

        Raises:
            ValueError: If neither or both are given, or not above 0.
            SweepStateError: If it failed, or its space has no trial left.
        """
        check_budget(n, minutes, both=False)
        grid = self.sampler == "grid"
        with self.store.writing() as connection:
            row = sweep_rows.read(connection, self.id)
            spec = sweep_rows.spec_of(row)
            columns: dict[str, Any] = {"deadline": None}
            if minutes is not None:
                columns = {"deadline": time.time() + 60 * minutes}
                if not grid:
                    columns["settings"] = None
            if n is not None:
                columns["settings"] = (row.asked if row.settings is None else row.settings) + n
            left = untried(connection, self.id, spec)
            if left == 0:
                raise SweepStateError(_exhausted(spec))
            wanted = columns.get("settings", row.settings)
            if left is not None and wanted is not None:
                columns["settings"] = min(wanted, row.asked + left)
            _go_on(connection, self.id)
            sweep_rows.alter(connection, self.id, **columns)
        return _advanced(self)

    def renew(self: _Self, settings: int, minutes: float) -> _Self:
        """Go on for another ``minutes``, up to ``settings`` trials in all."""
        with self.store.writing() as connection:
            row = sweep_rows.read(connection, self.id)
            wanted = max(settings, row.asked if row.settings is None else row.settings)
            _go_on(connection, self.id)
            deadline = time.time() + 60 * minutes
            sweep_rows.alter(connection, self.id, deadline=deadline, settings=wanted)
        return self.refresh()

    def change_space(self: _Self, space: SpaceLike) -> _Self:
        """Sample from another space from now on; earlier trials stay and still count.

        On a grid the budget becomes all combinations that were not tried yet; a finished one goes
        on with them.

        Raises:
            ConfigError: If the space does not fit the config; one sentence per field.
        """
        checked = Space.of(self.config, space)
        if self.sampler == "grid":
            checked = checked.with_points(None)
        with self.store.writing() as connection:
            row = sweep_rows.read(connection, self.id)
            columns: dict[str, Any] = {"spaces": sweep_rows.with_change(row, checked)}
            if self.sampler == "grid":
                spec = sweep_rows.spec_of(row).with_space(checked)
                left = untried(connection, self.id, spec) or 0
                columns["settings"] = row.asked + left
                if left and row.status == sweep_rows.FINISHED:
                    columns |= {"status": sweep_rows.RUNNING, "finished": None}
            sweep_rows.alter(connection, self.id, **columns)
        return _advanced(self)

    def rename(self: _Self, name: str) -> _Self:
        """Name the sweep; an empty name removes it."""
        with self.store.writing() as connection:
            sweep_rows.alter(connection, self.id, name=name.strip()[:200])
        return self.refresh()

    def delete(self: _Recorded) -> None:
        """Delete the sweep; its runs stay, and an equal sweep started later finds their results.

        Raises:
            SweepStateError: If it is running.
        """
        with self.store.writing() as connection:
            if sweep_rows.read(connection, self.id).status == sweep_rows.RUNNING:
                raise SweepStateError(f"Sweep {self.id} is running: stop it before you delete it.")
            sweep_rows.remove(connection, self.id)


def untried(connection: Connection, sweep_id: str, spec: SweepSpec) -> int | None:
    """The number of trials not started yet; None if the space is too large to list."""
    listed = spec.space.grid if spec.sampler == "grid" else spec.space.settings
    settings = listed(spec.config)
    if settings is None:
        return None
    tried = {trial_key(trial.params) for trial in trials_of(read_trial_runs(connection, sweep_id))}
    return sum(trial_key(params) not in tried for params in settings)


def _exhausted(spec: SweepSpec) -> str:
    if spec.sampler == "grid":
        return (
            f"The grid has {len(spec.space.grid(spec.config))} trials and all were tried. Change "
            "its space, or start a sweep with sampler='random' or 'tpe'."
        )
    return (
        f"The space has {spec.space.size(spec.config)} trials and all were tried. Change its "
        "space, or start a sweep with more seeds."
    )


def _go_on(connection: Connection, sweep_id: str) -> None:
    row = sweep_rows.read(connection, sweep_id)
    if row.status == sweep_rows.FAILED:
        raise SweepStateError(f"Sweep {row.id} failed: {row.error} Start it again with force=True.")
    members = read_trial_runs(connection, sweep_id)
    ended = (Status.STOPPED, Status.LOST)
    keys = [m.run_key for m in members if m.own and m.run_key is not None and m.status in ended]
    queue_again_all(connection, keys, time.time())
    sweep_rows.alter(connection, sweep_id, status=sweep_rows.RUNNING, finished=None)


def _advanced(sweep: _Self) -> _Self:
    from mlcore.runs import tend

    advance(sweep.store, sweep.id)
    tend(sweep.store)
    return sweep.refresh()
