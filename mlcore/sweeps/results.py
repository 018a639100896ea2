"""The results of a sweep: its table, its best trials, its counts and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from mlcore.runs import Run, Status
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import Trial, TrialRun, trial_key

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of runs of a sweep by status.

    Attributes:
        total: All runs, including those not queued yet; those so far if only time limits it.
        done: Runs that have ended in any way and will not go on by themselves.
        running: Runs in progress.
        queued: Queued runs, and those not queued yet.
        failed: Of those done: failed, refused, stopped, lost or deleted.
        pruned: Of those done: ended early at a rung.
        cached: Of all: those that were there before the sweep, so that nothing was trained.
        different: Different settings chosen so far; fewer than were chosen if some came again.
    """

    total: int
    done: int
    running: int
    queued: int
    failed: int
    pruned: int
    cached: int
    different: int


def count(members: Sequence[TrialRun], settings: int | None, asked: int, repeats: int) -> Counts:
    """Count a sweep's runs."""
    running = sum(member.status == Status.RUNNING for member in members)
    waiting = sum(member.status == Status.QUEUED for member in members)
    finished = sum(member.status == Status.FINISHED for member in members)
    pruned = sum(member.status == Status.PRUNED for member in members)
    done = len(members) - running - waiting
    own = {member.run_key for member in members if member.own}
    ahead = 0 if settings is None else max(0, settings - asked) * repeats
    return Counts(
        total=len(members) + ahead,
        done=done,
        running=running,
        queued=waiting + ahead,
        failed=done - finished - pruned,
        pruned=pruned,
        cached=sum(m.status == Status.FINISHED and m.run_key not in own for m in members),
        different=len({trial_key(member.params) for member in members}),
    )


def seconds_left(members: Sequence[TrialRun], counts: Counts) -> float | None:
    """Estimated seconds until all runs are done.

    A run takes the mean of (seconds of work) / (share done) of the sweep's own runs; as many are
    worked on at once as are now. Members of an ensemble work at the same time, and count so.
    """
    own = [m for m in members if m.own and m.elapsed > 0 and m.status != Status.FAILED]
    share = sum(m.done for m in own)
    if share <= 0:
        return None
    a_run = sum(m.elapsed for m in own) / share
    going = sum(1 - m.done for m in members if m.status == Status.RUNNING)
    return a_run * (going + counts.queued) / max(1, counts.running)


def best(spec: SweepSpec, settings: Sequence[Trial]) -> Trial | None:
    """The trial with the best mean of the first objective; of equals the earliest."""
    found: tuple[float, Trial] | None = None
    for setting in settings:
        values = setting.values(spec.objectives)
        if values is not None and (found is None or spec.objectives[0].better(values[0], found[0])):
            found = (values[0], setting)
    return None if found is None else found[1]


def pareto(spec: SweepSpec, settings: Sequence[Trial]) -> list[Trial]:
    """The Pareto front: trials that no other trial dominates, best first in the first objective."""
    known = [(v, s) for s in settings if (v := s.values(spec.objectives)) is not None]

    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        pairs = list(zip(spec.objectives, a, b, strict=True))
        return any(o.better(x, y) for o, x, y in pairs) and not any(
            o.better(y, x) for o, x, y in pairs
        )

    front = [(v, s) for v, s in known if not any(beats(other, v) for other, _ in known)]
    sign = -1 if spec.objectives[0].direction == "maximize" else 1
    return [setting for _, setting in sorted(front, key=lambda one: sign * one[0][0])]


def frame(spec: SweepSpec, members: Sequence[TrialRun]) -> pd.DataFrame:
    """One row per run, in the order of trials.

    Returns:
        A table of ``number`` (of the trial), ``repeat``, ``seed`` and, where trials are
        cross-validated, ``fold``, ``run`` (its id),
        ``status``, ``own`` (False: it existed before), ``done`` (0 to 1), ``elapsed`` (s),
        ``ensemble``, ``error``, each swept field under ``config.NAME`` (tuples as they are;
        empty where its condition does not hold) and each objective under its metric's name, as of
        the run's last point.
    """
    import pandas as pd

    rows = [
        {
            "number": m.number,
            "repeat": m.repeat,
            "seed": spec.seed_of(m.repeat),
            **({"fold": m.repeat % spec.folds + 1} if spec.cv else {}),
            "run": m.run_id,
            "status": "deleted" if m.status is None and not m.error else str(m.status or "refused"),
            "own": m.own,
            "done": m.done,
            "elapsed": m.elapsed,
            "ensemble": m.ensemble,
            "error": m.error,
            **{f"config.{name}": m.params.get(name) for name in spec.space.fields},
            **{one.metric: m.last.get(one.metric) for one in spec.objectives},
        }
        for m in members
    ]
    fold = ["fold"] if spec.cv else []
    columns = ["number", "repeat", "seed", *fold, "run", "status", "own", "done", "elapsed"]
    columns += ["ensemble", "error", *(f"config.{name}" for name in spec.space.fields)]
    columns += [one.metric for one in spec.objectives]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({one.metric: "float64" for one in spec.objectives})


def runs_of(store: Store, members: Sequence[TrialRun]) -> list[Run]:
    """The ``Run`` objects, in the order of the members."""
    keys = [member.run_key for member in members if member.run_key is not None]
    found: dict[int, Run] = {}
    with store.reading() as connection:
        for start in range(0, len(keys), 500):
            query = select(runs).where(runs.c.key.in_(keys[start : start + 500]))
            found.update((row.key, run_of(row, store)) for row in connection.execute(query))
    return [found[key] for key in keys if key in found]
