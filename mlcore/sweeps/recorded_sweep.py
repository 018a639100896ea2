"""``Sweep``: a recorded sweep and its results."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from mlcore.core import Config
from mlcore.runs import Run
from mlcore.runs.store.damage import word_of
from mlcore.runs.store.store import Store
from mlcore.sweeps import reproduce, results, sweep_rows, verdict
from mlcore.sweeps.control import SweepControl
from mlcore.sweeps.ensembles import EnsembleResult, ensembles_of
from mlcore.sweeps.objectives import Objective
from mlcore.sweeps.results import Counts
from mlcore.sweeps.space import Space
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import Trial, TrialRun, read_trial_runs, trials_of

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.test_set import Opening


@dataclass(frozen=True)
class Sweep(SweepControl):
    """A sweep as read from the store; ``refresh`` reads it again.

    Attributes:
        id: Eight letters and digits.
        name: The name it was given, or ``""``.
        experiment: Name of the experiment.
        status: ``running``, ``stopped``, ``finished`` or ``failed``.
        settings: How many trials it is to run; None where only time limits it.
        deadline: When the last run is started (UTC), or None.
        asked: How many trials it has chosen so far.
        created: When it was started (UTC).
        finished: When it last ended, or None.
        error: Why it failed, or None.

    Example:
        >>> import mlcore
        >>> sweep = mlcore.sweep(mlcore.RegressionConfig(steps=20), {"lr": [1e-5, 1e-4]})
        >>> print(sweep.status, sweep.best.config.lr, sweep.counts.done)
        finished 0.0001 2
    """

    id: str
    name: str
    experiment: str
    status: str
    settings: int | None
    deadline: datetime | None
    asked: int
    created: datetime
    finished: datetime | None
    error: str | None
    row: Row[Any] = field(repr=False, compare=False)
    store: Store = field(repr=False, compare=False)

    @cached_property
    def spec(self) -> SweepSpec:
        """Config, space, sampler, objectives, seeds and pruning.

        Raises:
            ConfigError: If this version of mlcore no longer knows a field of it.
        """
        return sweep_rows.spec_of(self.row)

    @property
    def config(self) -> Config:
        """The config that is varied."""
        return self.spec.config

    @property
    def space(self) -> Space:
        """Its fields and their ranges, as they are now."""
        return self.spec.space

    @property
    def sampler(self) -> str:
        """How trials are chosen."""
        return self.spec.sampler

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The metrics to optimize, with their directions."""
        return self.spec.objectives

    @property
    def running(self) -> bool:
        """Whether the sweep is running: more results may come by themselves."""
        return self.status == sweep_rows.RUNNING

    def refresh(self) -> Sweep:
        """Read the sweep again."""
        with self.store.reading() as connection:
            return sweep_of(sweep_rows.read(connection, self.id), self.store)

    # --- what it found -----------------------------------------------------------------------

    @cached_property
    def members(self) -> tuple[TrialRun, ...]:
        """The sweep's runs as rows, without their points; read on first access."""
        with self.store.reading() as connection:
            return tuple(read_trial_runs(connection, self.id))

    @cached_property
    def tried(self) -> tuple[Trial, ...]:
        """Its trials, each with the runs of its seeds."""
        return tuple(trials_of(self.members))

    def runs(self) -> list[Run]:
        """Its runs, by trial and seed; deleted ones are left out."""
        return results.runs_of(self.store, self.members)

    def frame(self) -> pd.DataFrame:
        """One row per run; see ``mlcore.sweeps.results.frame``."""
        return results.frame(self.spec, self.members)

    @property
    def best(self) -> Run | None:
        """The run (first seed) of the best trial so far; None before there is one.

        With several seeds the mean over them decides. With two objectives there is no one best
        trial: this is the best by the first objective; see ``pareto``.
        """
        setting = results.best(self.spec, self.tried)
        return None if setting is None else self._run(setting)

    def examine_winner(self, *, person: str = "local") -> Opening:
        """Look at the sealed test set with the best trial's run, once: see ``sweeps.verdict``.

        Args:
            person: Who asks.

        Raises:
            SweepStateError: If the sweep runs, has no result, or its runs look at the test set.
        """
        return verdict.examine_winner(self, person=person)

    @property
    def pareto(self) -> list[Run]:
        """The runs of all trials on the Pareto front, best first."""
        return [self._run(setting) for setting in results.pareto(self.spec, self.tried)]

    @property
    def counts(self) -> Counts:
        """Number of runs that are done, running, queued and so on."""
        return results.count(self.members, self.settings, self.asked, self.spec.repeats)

    @property
    def eta(self) -> float | None:
        """Estimated seconds until the sweep is done; None before there is any to go by."""
        if not self.running:
            return 0.0
        seconds = results.seconds_left(self.members, self.counts)
        if self.deadline is None:
            return seconds
        left = max(0.0, self.deadline.timestamp() - time.time())
        return left if self.settings is None or seconds is None else min(left, seconds)

    def importance(self) -> dict[str, float]:
        """Share of the objective's variance that each field explains, largest first, sum 1.

        PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), as Optuna computes it, of the first
        objective; empty before two trials with different results are complete. It describes the
        trials of this sweep and proves no cause.
        """
        from mlcore.sweeps.study import importance

        return importance(self.spec, self.tried)

    @property
    def ensembles(self) -> list[EnsembleResult]:
        """The ensembles of its runs, with the measured speedups."""
        return ensembles_of(self.store, self.id)

    # --- how to get it again -----------------------------------------------------------------

    def as_python(self) -> str:
        """A line of Python that starts exactly this sweep."""
        return reproduce.as_python(self.spec, self.settings, self._minutes)

    def as_command(self) -> str:
        """A shell command that starts exactly this sweep."""
        return shlex.join(reproduce.as_words(self.spec, self.settings, self._minutes))

    @property
    def _minutes(self) -> float | None:
        """The minutes it was given, counted from its start."""
        if self.deadline is None:
            return None
        return (self.deadline - self.created).total_seconds() / 60

    def _run(self, setting: Trial) -> Run:
        run_id = next(m.run_id for m in setting.members if m.run_id is not None)
        return self.store.get(run_id)


def sweep_of(row: Row[Any], store: Store) -> Sweep:
    """The sweep of a row of the table ``sweeps``."""
    return Sweep(
        id=row.id,
        name=row.name,
        experiment=row.experiment,
        status=word_of(row.status, sweep_rows.STATUSES, "status", f"sweep {row.id}"),
        settings=row.settings,
        deadline=_moment(row.deadline),
        asked=row.asked,
        created=datetime.fromtimestamp(row.created, UTC),
        finished=_moment(row.finished),
        error=row.error,
        row=row,
        store=store,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
