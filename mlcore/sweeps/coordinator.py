"""Advances running sweeps: queues their next trials, prunes runs, notices the end.

Pages, scripts and workers all call it. Every decision is made from the rows of the store and
stored before it is acted on; if two processes decide at once, the second finds the decision made.
If a process is killed, the next call continues from there, and no finished run is run again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from mlcore.core import Config, ConfigError, DataUnavailableError, EngineError, canonical_json
from mlcore.runs.execution import supervisor
from mlcore.runs.status import Status
from mlcore.runs.store.ensemble_grouping import group
from mlcore.runs.store.queueing import queue_all
from mlcore.runs.store.schema import runs, sweep_runs
from mlcore.runs.store.store import Store
from mlcore.runs.store.submission import new_row
from mlcore.sweeps import ensemble_grouping, rungs, sweep_rows
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.study import Proposal, propose
from mlcore.sweeps.trials import State, Trial, TrialRun, read_trial_runs, trials_of

LOOK_EVERY = 0.25
"""Seconds between two looks of one process at the sweeps of a store."""

RETRIES = 1
"""How often a run whose worker died is queued again automatically."""

_AT_ONCE = 2000
_REFUSALS = 200
"""Trials refused one after another before a sweep fails."""

LOOK_CLOSELY_EVERY = 3.0
"""Seconds between two whole looks at a sweep that only waits for its runs."""

_log = logging.getLogger("mlcore.sweeps")
_looked: dict[str, float] = {}
_looked_closely: dict[tuple[str, str], float] = {}


def advance_all(store: Store) -> None:
    """Advance every running sweep; at most four times a second in one process."""
    now = time.monotonic()
    if now - _looked.get(store.url, -LOOK_EVERY) < LOOK_EVERY:
        return
    _looked[store.url] = now
    for sweep_id in sweep_rows.running_ids(store):
        key = (store.url, sweep_id)
        close = now - _looked_closely.get(key, -LOOK_CLOSELY_EVERY) >= LOOK_CLOSELY_EVERY
        if close or not _only_waits(store, sweep_id):
            _looked_closely[key] = now
            try:
                advance(store, sweep_id)
            except EngineError as error:  # reading runs must not fail because of it
                _log.warning("sweep %s: %s", sweep_id, error)


def advance(store: Store, sweep_id: str) -> None:
    """Advance one sweep as far as it can go now; one that does not run is left alone.

    Rungs are judged, free places are filled, and a sweep that has nothing left to do is finished.
    A run whose worker died is queued again once by the first process that notices.
    """
    seen = _look(store, sweep_id)
    if seen is None:
        return
    if seen.spec.pruning is not None:
        rungs.judge_all(store, sweep_id, seen.spec, seen.members)
    if trouble := _trouble(seen):
        _fail(store, sweep_id, seen.members, trouble)
        return
    if seen.late:
        with store.writing() as connection:
            stop_members(connection, seen.members, only_waiting=True)
    count = _wanted(store, seen)
    asked = propose(seen.spec, seen.settings, seen.row.asked, count) if count else []
    if asked:
        _submit(store, seen, asked)
    elif not any(member.moving for member in seen.members):
        _finish(store, seen, exhausted=count > 0)


def stop_members(
    connection: Connection, members: Sequence[TrialRun], *, only_waiting: bool = False
) -> None:
    """Stop the runs a sweep queued itself; runs shared with other sweeps go on."""
    keys = [member.run_key for member in members if member.own and member.moving]
    for start in range(0, len(keys), 500):
        mine = update(runs).where(runs.c.key.in_(keys[start : start + 500]))
        connection.execute(
            mine.where(runs.c.status == Status.QUEUED).values(
                status=Status.STOPPED, finished=time.time(), request=None
            )
        )
        if not only_waiting:
            connection.execute(mine.where(runs.c.status == Status.RUNNING).values(request="stop"))


@dataclass(frozen=True)
class _Seen:
    row: Row[Any]
    spec: SweepSpec
    members: list[TrialRun]
    settings: list[Trial]

    @property
    def late(self) -> bool:
        return self.row.deadline is not None and time.time() > self.row.deadline


def _only_waits(store: Store, sweep_id: str) -> bool:
    """Whether all trials are queued and some runs still go; cheap with thousands of runs."""
    with store.reading() as connection:
        row = sweep_rows.read(connection, sweep_id)
        if row.settings is None or row.asked < row.settings or '"pruning":null' not in row.spec:
            return False
        moving = (
            select(sweep_runs.c.run)
            .join(runs, runs.c.key == sweep_runs.c.run)
            .where(sweep_runs.c.sweep == sweep_id)
            .where(runs.c.status.in_((Status.QUEUED, Status.RUNNING)))
        )
        return connection.execute(moving.limit(1)).first() is not None


def _look(store: Store, sweep_id: str) -> _Seen | None:
    with store.reading() as connection:
        row = sweep_rows.read(connection, sweep_id)
        if row.status != sweep_rows.RUNNING:
            return None
        members = read_trial_runs(connection, row.id)
    try:
        spec = sweep_rows.spec_of(row)
    except ValueError as error:  # another version began it
        if isinstance(error.__cause__, ImportError) or '"code":' in row.spec:
            return None  # a user's experiment: a process that can import it advances the sweep
        _fail(store, row.id, members, str(error))
        return None
    if spec.code and spec.config.code_hash() != spec.code:
        return None  # its runs are of other code: this process has edited or other source
    return _Seen(row, spec, members, trials_of(members))


def _trouble(seen: _Seen) -> str | None:
    """Why the sweep cannot go on, as a sentence."""
    for setting in seen.settings:
        if setting.state is not State.COMPLETE:
            continue
        for objective in seen.spec.objectives:
            if any(objective.metric not in member.last for member in setting.members):
                known = ", ".join(sorted(setting.members[0].last)) or "nothing"
                return (
                    f"Run {setting.members[0].run_id} finished without logging "
                    f"{objective.metric}, so there is nothing to compare; it logged {known}."
                )
        break
    last = seen.settings[-_REFUSALS:]
    if len(last) == _REFUSALS and all(m.run_id is None for s in last for m in s.members):
        return f"The last {_REFUSALS} trials were all refused: {last[-1].members[0].error}"
    return None


def _wanted(store: Store, seen: _Seen) -> int:
    """How many new trials to queue now."""
    if seen.late:
        return 0
    row, spec = seen.row, seen.spec
    left = _AT_ONCE if row.settings is None else row.settings - row.asked
    if not spec.adaptive and row.settings is not None:
        return min(left, _AT_ONCE)
    out = sum(setting.state is State.RUNNING for setting in seen.settings)
    places = supervisor.slots(store)
    if ensemble_grouping.worthwhile(store, spec.config):
        # a group trains together and ends together: the next is asked for when it has
        return 0 if out else min(left, places * ensemble_grouping.ASKED_TOGETHER)
    ahead = places if spec.adaptive else 2 * places
    return max(0, min(left, ahead - out))


def _submit(store: Store, seen: _Seen, asked: Sequence[Proposal]) -> None:
    """Queue the runs of trials, unless another process has queued them meanwhile."""
    row, spec = seen.row, seen.spec
    wanted: list[tuple[int, int, Proposal, Config | None, str | None]] = []
    for number, proposal in enumerate(asked, start=row.asked):
        for repeat in range(spec.repeats):
            try:
                config = spec.run_config(proposal.params, repeat)
            except ConfigError as error:
                wanted.append((number, repeat, proposal, None, str(error)))
            else:
                wanted.append((number, repeat, proposal, config, None))
    configs = [one for *_, one, _ in wanted if one is not None]
    try:
        fresh = [{**new_row(config), "retries": RETRIES} for config in configs]
    except DataUnavailableError as error:
        _fail(store, row.id, seen.members, str(error))
        return
    places = supervisor.slots(store)
    with store.writing() as connection:
        now = sweep_rows.read(connection, row.id)
        if now.asked != row.asked or now.spaces != row.spaces or now.status != sweep_rows.RUNNING:
            return  # another process was faster
        answers = queue_all(connection, fresh, time.time())
        group(connection, row.id, configs, answers, places)
        given = iter(answers)
        rows = []
        for number, repeat, proposal, made, refusal in wanted:
            answer = next(given) if made is not None else None
            rows.append(
                {
                    "sweep": row.id,
                    "number": number,
                    "repeat": repeat,
                    "run": None if answer is None else answer.key,
                    "params": canonical_json(proposal.params),
                    "attrs": canonical_json(proposal.attrs),
                    "own": answer is not None and answer.queued,
                    "error": refusal,
                }
            )
        connection.execute(insert(sweep_runs), rows)
        sweep_rows.alter(connection, row.id, asked=row.asked + len(asked))


def _finish(store: Store, seen: _Seen, *, exhausted: bool) -> None:
    """End the sweep; one whose space has no more settings is to have no more than it asked for."""
    fewer = {"settings": seen.row.asked} if exhausted and seen.row.settings is not None else {}
    with store.writing() as connection:
        now = sweep_rows.read(connection, seen.row.id)
        if (now.asked, now.settings, now.spaces) == (
            seen.row.asked,
            seen.row.settings,
            seen.row.spaces,
        ) and now.status == sweep_rows.RUNNING:
            done = {"status": sweep_rows.FINISHED, "finished": time.time()}
            sweep_rows.alter(connection, now.id, **done, **fewer)


def _fail(store: Store, sweep_id: str, members: Sequence[TrialRun], why: str) -> None:
    with store.writing() as connection:
        stop_members(connection, members)
        sweep_rows.alter(
            connection, sweep_id, status=sweep_rows.FAILED, finished=time.time(), error=why
        )
