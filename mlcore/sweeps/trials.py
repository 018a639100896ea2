"""The trials of a sweep and their runs, read from the store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, select

from mlcore.runs import Status
from mlcore.runs.store.damage import damaged, json_of, status_of
from mlcore.runs.store.schema import runs, sweep_runs
from mlcore.sweeps.objectives import Objective
from mlcore.sweeps.pruning import Decision
from mlcore.sweeps.ranges import frozen


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One run of a sweep, without its points.

    Attributes:
        number: Number of its trial, from 0.
        repeat: Number of its seed, from 0; where trials are cross-validated, of seed and fold.
        params: Field → value of the trial.
        attrs: The sampler's attributes of the trial.
        run_id: The run's id; None if the trial was refused or the run was deleted.
        run_key: Its key in the store, likewise.
        status: The run's status, likewise.
        own: Whether the sweep queued it; False for a run that existed before.
        decisions: The decisions at the rungs it has reached.
        error: Why it was refused or failed.
        diverged: Whether it failed because its loss stopped being a finite number.
        last: The last value of each metric.
        done: Share of its work that is done, from 0 to 1.
        elapsed: Seconds of work so far.
        step: Optimizer steps of its last point.
        total: Optimizer steps in all; 0 before the first.
        ensemble: Its ensemble, which may train as one program, or None.
    """

    number: int
    repeat: int
    params: Mapping[str, Any]
    attrs: Mapping[str, Any]
    run_id: str | None
    run_key: int | None
    status: Status | None
    own: bool
    decisions: tuple[Decision, ...]
    error: str | None
    diverged: bool
    last: Mapping[str, float]
    done: float
    elapsed: float
    step: int
    total: float
    ensemble: str | None

    @property
    def moving(self) -> bool:
        """Whether the run is queued or running."""
        return self.status is not None and self.status.moving


class State(StrEnum):
    """The state of a trial."""

    RUNNING = "running"
    """At least one of its runs is queued or running."""
    COMPLETE = "complete"
    """All of its runs are finished and logged every objective."""
    PRUNED = "pruned"
    """One of its runs was pruned or diverged; it counts as worse than every complete trial."""
    FAILED = "failed"
    """It has no result: refused, stopped, deleted, or failed for another reason."""


@dataclass(frozen=True)
class Trial:
    """One trial with its runs, one per seed.

    Attributes:
        number: From 0, in the order in which trials were proposed.
        params: Field → value.
        members: A run for each seed, or for each fold of each seed.
    """

    number: int
    params: Mapping[str, Any]
    members: tuple[TrialRun, ...]

    @cached_property
    def state(self) -> State:
        """The trial's state without regard to the objectives: see ``values``."""
        if any(member.moving for member in self.members):
            return State.RUNNING
        if all(member.status == Status.FINISHED for member in self.members):
            return State.COMPLETE
        if any(member.status == Status.PRUNED or member.diverged for member in self.members):
            return State.PRUNED
        return State.FAILED

    def values(self, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
        """The mean of each objective over seeds and folds; None unless complete and all finite."""
        if self.state is not State.COMPLETE:
            return None
        means = []
        for objective in objectives:
            found = [member.last.get(objective.metric, math.nan) for member in self.members]
            means.append(math.fsum(found) / len(found))
        return tuple(means) if all(map(math.isfinite, means)) else None


def read_trial_runs(connection: Connection, sweep_id: str) -> list[TrialRun]:
    """The runs of a sweep, by trial and seed, in one query."""
    r = runs.c
    query = (
        select(
            sweep_runs,
            r.id.label("run_id"),
            r.key.label("run_key"),
            r.status,
            r.error.label("run_error"),
            r.error_type,
            r.latest,
            r.step,
            r.done,
            r.total,
            r.elapsed,
            r.ensemble,
        )
        .select_from(sweep_runs.outerjoin(runs, runs.c.key == sweep_runs.c.run))
        .where(sweep_runs.c.sweep == sweep_id)
        .order_by(sweep_runs.c.number, sweep_runs.c.repeat)
    )
    return [_member(row) for row in connection.execute(query)]


def trials_of(members: Sequence[TrialRun]) -> list[Trial]:
    """The trials, by number."""
    grouped: dict[int, list[TrialRun]] = {}
    for member in members:
        grouped.setdefault(member.number, []).append(member)
    return [Trial(number, ms[0].params, tuple(ms)) for number, ms in grouped.items()]


TrialKey: TypeAlias = tuple[tuple[str, str], ...]
"""What tells settings apart."""


def trial_key(params: Mapping[str, Any]) -> TrialKey:
    """The key of a setting: equal ones have equal keys, whatever the order of the fields."""
    return tuple(sorted((name, repr(value)) for name, value in params.items()))


def params_from_json(text: str) -> dict[str, Any]:
    """A trial's values from its row; lists become tuples again."""
    return {
        name: frozen(value)
        for name, value in json_of(text, dict, "values", "a sweep's trial").items()
    }


def decisions_from_json(text: str, of: str) -> tuple[Decision, ...]:
    """What was decided at the rungs, as a row keeps it. Raises StoreError if it is damaged.

    Args:
        text: The row's column.
        of: Whose row it is, for the sentence.
    """
    kept = json_of(text, list, "decisions", of)
    try:
        return tuple(Decision(**one) for one in kept)
    except TypeError:
        raise damaged("decisions", of, text, "a list of decisions at rungs") from None


def _member(row: Row[Any]) -> TrialRun:
    there = row.run_id is not None
    of = f"run {row.run_id}" if there else f"trial {row.number} of a sweep"
    return TrialRun(
        number=row.number,
        repeat=row.repeat,
        params=params_from_json(row.params),
        attrs=json_of(row.attrs, dict, "attributes", of) if row.attrs != "{}" else {},
        run_id=row.run_id,
        run_key=row.run_key,
        status=status_of(row.status, of) if there else None,
        own=row.own,
        decisions=decisions_from_json(row.decisions, of) if row.decisions != "[]" else (),
        error=row.error or row.run_error,
        diverged=there and row.status == Status.FAILED and row.error_type == "DivergenceError",
        last=json_of(row.latest, dict, "latest values", of) if there else {},
        done=min(1.0, row.done / row.total) if there and row.total else 0.0,
        elapsed=row.elapsed if there else 0.0,
        step=row.step if there else 0,
        total=row.total if there else 0.0,
        ensemble=row.ensemble,
    )
