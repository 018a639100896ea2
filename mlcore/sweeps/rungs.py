"""Applies pruning: judges runs at their rungs, stores each decision, and ends poor runs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select, update

from mlcore.runs.status import Status
from mlcore.runs.store.schema import metric_names, points, runs, sweep_runs
from mlcore.runs.store.store import Store
from mlcore.sweeps.pruning import Decision, Pruning, judge
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import TrialRun, decisions_from_json

_JUDGED = (Status.RUNNING, Status.FINISHED)


def judge_all(store: Store, sweep_id: str, spec: SweepSpec, members: Sequence[TrialRun]) -> None:
    """Judge every run at each rung it has passed and was not judged at yet."""
    pruning = spec.pruning
    if pruning is None:
        return
    waiting = [m for m in members if m.status in _JUDGED and _due(pruning, m)]
    if not waiting:
        return
    with store.writing() as connection:
        decided = _decisions(connection, sweep_id)
        for member in waiting:
            mine = decided.setdefault((member.number, member.repeat), [])
            for rung in _due(pruning, member):
                if any(one.rung == rung for one in mine):
                    continue  # another process was faster
                found = _value_at(connection, member, spec.objectives[0].metric, rung)
                if found is None:
                    break
                others = [d.value for ds in decided.values() for d in ds if d.rung == rung]
                decision = judge(pruning, spec.objectives[0], rung, *found, others)
                if member.status == Status.FINISHED:
                    decision = replace(decision, kept=True)  # it was too quick to be ended
                mine.append(decision)
                if not decision.kept:
                    connection.execute(
                        update(runs)
                        .where(
                            runs.c.key == member.run_key,
                            runs.c.status == Status.RUNNING,
                            runs.c.request.is_(None),
                        )
                        .values(request="prune")
                    )
                    break
            _write(connection, sweep_id, member, mine)


def _due(pruning: Pruning, member: TrialRun) -> list[float]:
    """Rungs passed but not judged yet; none once the run was pruned."""
    if member.decisions and not member.decisions[-1].kept:
        return []
    judged = {decision.rung for decision in member.decisions}
    return [r for r in pruning.rungs if r not in judged and member.done >= r]


def _decisions(connection: Connection, sweep_id: str) -> dict[tuple[int, int], list[Decision]]:
    c = sweep_runs.c
    query = select(c.number, c.repeat, c.decisions).where(c.sweep == sweep_id, c.decisions != "[]")
    return {
        (row.number, row.repeat): [
            *decisions_from_json(row.decisions, f"setting {row.number} of sweep {sweep_id}")
        ]
        for row in connection.execute(query)
    }


def _value_at(
    connection: Connection, member: TrialRun, metric: str, rung: float
) -> tuple[int, float] | None:
    """Step and value of the metric's first point at or after a rung."""
    step = math.ceil(rung * member.total)
    query = (
        select(points.c.step, points.c.value)
        .join(metric_names, metric_names.c.key == points.c.name)
        .where(points.c.run == member.run_key, metric_names.c.name == metric)
        .where(points.c.step >= step)
        .order_by(points.c.step)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return row.step, math.nan if row.value is None else row.value


def _write(
    connection: Connection, sweep_id: str, member: TrialRun, decisions: Sequence[Decision]
) -> None:
    c = sweep_runs.c
    connection.execute(
        update(sweep_runs)
        .where(c.sweep == sweep_id, c.number == member.number, c.repeat == member.repeat)
        # NaN is none of JSON's numbers, but Python writes and reads it
        .values(decisions=json.dumps([one.to_dict() for one in decisions]))
    )
