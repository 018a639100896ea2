"""Writes a training that is being logged elsewhere to its run in the store, as it grows."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mlcore.core import RunStateError, canonical_json
from mlcore.runs.execution.claims import (
    Claim,
    end_values,
    hold,
    progress_values,
    writing_to,
)
from mlcore.runs.execution.patience import insist
from mlcore.runs.imports.event_files import PLACEHOLDER, Scalar
from mlcore.runs.imports.event_folders import Part, Training
from mlcore.runs.imports.event_times import WorkClock
from mlcore.runs.imports.insertion import check_name, row_of
from mlcore.runs.imports.tensorboard import clock_of, foreign_of, points_of
from mlcore.runs.process_id import ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.hidden import hide, remove
from mlcore.runs.store.latest import Latest
from mlcore.runs.store.points import Point, append, rows_of
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import metric_names, points, runs
from mlcore.runs.store.submission import new_id

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

FOLLOWED: Final = "followed"
"""The name, in a run's origin, of the folder that it was followed from."""

_FILES: Final = "files"
_A_FLUSH: Final = 20_000
_CUT_SHORT: Final = (
    "Following ended while its event files were still being written. `mlcore follow` of the same "
    "folder goes on."
)


class FollowedRun:
    """The run of one training; the only writer of it while it lives.

    Args:
        store: Where it is, or will be.
        place: The folder that is followed, with the training's folder in it: it names the run, so
            that a later call goes on with the same one.

    Attributes:
        run: The run, or None as long as there is nothing to write.
        stopped: Whether the run was asked to stop: no more is written of it.
    """

    def __init__(self, store: Store, place: Path) -> None:
        self.run: Run | None = None
        self.stopped = False
        self._store, self._place = store, str(place)
        self._claim: Claim | None = None
        self._done: dict[int, tuple[int, int]] = {}
        self._names: list[Mapping[str, str]] = []
        self._clock: WorkClock | None = None
        self._sessions: set[tuple[int, int]] = set()
        self._latest, self._step, self._time = Latest(), 0, 0.0
        self._known: dict[str, Any] = {}

    @property
    def open(self) -> bool:
        """Whether it is running in the store."""
        return self._claim is not None

    def sync(self, training: Training, name: str, files: int) -> int:
        """Write what is new of the training.

        Args:
            training: All that its files say so far.
            name: What to call the run, if it is new.
            files: How many event files there are.

        Returns:
            How many points were written.

        Raises:
            ImportRefusedError: If a metric has no name that every store can hold.
            RunStateError: If another process follows it.
            ClaimLostError: If another process has taken it, or it was deleted.
            StoreError: If the store does not answer.
        """
        if self.stopped:
            return 0
        first = self.run is None
        if first:
            self.run = self._from_before()
        new = None if first else self._newer(training)
        gone: list[tuple[str, int]] = []
        if new is None:
            new, gone = self._differences(training, keep=first and self._fewer(files))
        for point in new:
            check_name(point, name)
        facts = self._facts(training, files)
        settled = self.run is not None and self.run.status == Status.FINISHED
        if not (settled and self._claim is None and not new and not gone and self._says(facts)):
            if self._claim is None:
                self._take(training, name)
            self._write(new, gone, self._columns(facts))
        self._remember(training)
        self._known = facts
        return len(new)

    def move(self, place: Path) -> None:
        """Go on with the run as that of another folder, as one that turned out to be its home."""
        self._place = str(place)

    def lose(self) -> None:
        """Give up the claim that was lost; no more is written."""
        self._claim, self.stopped = None, True

    def discard(self) -> None:
        """Remove the run, as its training turned out to be a part of another."""
        if self.run is not None:
            mine = runs.c.key == self.run.key
            with self._store.writing() as connection:
                keys = hide(connection, self._store, mine)
            remove(self._store, keys)
        self._claim, self.stopped = None, True

    def beat(self) -> None:
        """Show that the run is still followed; learn whether it was asked to stop."""
        self._write([], [], {})

    def end(self, *, over: bool) -> None:
        """End the run: as finished if the training is over, else as stopped."""
        if self._claim is None:
            return
        claim, self._claim = self._claim, None
        last = self._progress()
        if over:
            last |= {"done": float(self._step), "total": float(self._step)}
        status = Status.FINISHED if over else Status.STOPPED
        last |= end_values(claim, status, error=None if over else _CUT_SHORT)

        def write() -> None:
            with writing_to(claim, durable=True) as connection:
                hold(connection, claim, last)

        insist(write)
        self.run = claim.run.refresh()

    # --- the run ------------------------------------------------------------------------------

    def _digest(self) -> str:
        return f"{FOLLOWED} {self._place}"

    def _take(self, training: Training, name: str) -> None:
        process, token = ProcessId.of(), secrets.token_hex(8)
        held = {
            "status": Status.RUNNING,
            "claim": token,
            "request": None,
            "finished": None,
            "error": None,
            "host": process.host,
            "pid": process.pid,
            "pid_started": process.started,
            "heartbeat": self._store.clock(),
        }
        known = self.run
        row = {} if known is not None else self._new_row(training, name)

        def take() -> Run:
            with self._store.writing(alone=False) as connection:
                if known is None:
                    while _is_taken(connection, row["id"]):
                        row["id"] = new_id()
                    made = connection.execute(insert(runs).values(row | held).returning(*runs.c))
                    return run_of(made.one(), self._store)
                self._check_holder(connection, known)
                mine = update(runs).where(runs.c.key == known.key).values(held)
                return run_of(connection.execute(mine.returning(*runs.c)).one(), self._store)

        self.run = insist(take)
        self._claim = Claim(self.run, token)

    def _new_row(self, training: Training, name: str) -> dict[str, Any]:
        foreign = foreign_of(training, name)
        origin = {**foreign.origin, FOLLOWED: self._place}
        row = row_of(replace(foreign, digest=self._digest(), origin=origin))
        # its own: what mlcore exported tells that of a run which may be live here
        return row | {"fingerprint": self._digest()}

    def _from_before(self) -> Run | None:
        """The run that was followed from here before."""
        c = runs.c
        mine = c.fingerprint == self._digest(), c.source == "tensorboard", c.deleted.is_(None)
        query = select(runs).where(*mine).order_by(c.key.desc()).limit(1)
        with self._store.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else run_of(row, self._store)

    def _check_holder(self, connection: Connection, run: Run) -> None:
        """Check that no other process follows it."""
        c = runs.c
        query = select(c.status, c.host, c.pid, c.pid_started, c.heartbeat)
        row = connection.execute(query.where(c.key == run.key)).one()
        if row.status == Status.RUNNING and row.pid is not None:
            holder = ProcessId(row.host, row.pid, row.pid_started)
            if holder != ProcessId.of() and holder.alive(row.heartbeat):
                raise RunStateError(
                    f"Process {row.pid} on {row.host} follows {self._place} already, as run "
                    f"{run.id}. Stop it first."
                )

    def _fewer(self, files: int) -> bool:
        """Whether event files are missing that were there before: their points stay."""
        origin = {} if self.run is None else self.run.origin
        return int(origin.get(_FILES, 0)) > files

    def _facts(self, training: Training, files: int) -> dict[str, Any]:
        """What may come to be known of a training while it goes on."""
        hparams = {k: v for one in training.parts for k, v in one.folder.hparams.items()}
        told = {k: v for one in training.parts for k, v in one.folder.facts.items()}
        return {"config": told.get("config") or hparams, _FILES: files, FOLLOWED: self._place}

    def _says(self, facts: Mapping[str, Any]) -> bool:
        """Whether the store says so already."""
        run = self.run
        if run is None or dict(run.config_fields) != facts["config"]:
            return False
        return all(run.origin.get(key) == facts[key] for key in (_FILES, FOLLOWED))

    def _columns(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that say so; none if they do already."""
        if self.run is None or facts == self._known:
            return {}
        origin = {**self.run.origin, _FILES: facts[_FILES], FOLLOWED: facts[FOLLOWED]}
        return {
            "config": canonical_json(facts["config"]),
            "fingerprint": self._digest(),
            "origin": json.dumps({**origin, "digest": self._digest()}, ensure_ascii=False),
            "edited": runs.c.edited + 1,
        }

    # --- its points ---------------------------------------------------------------------------

    def _newer(self, training: Training) -> list[Point] | None:
        """The points that came after those written; None if others were taken back or renamed."""
        if self._names_changed(training) or any(one.folder.exact for one in training.parts):
            return None
        found: list[tuple[Part, Scalar]] = []
        for part in training.parts:
            taken_back, count = self._done.get(id(part.folder), (0, 0))
            if taken_back != part.folder.taken_back:
                return None
            found += [(part, scalar) for scalar in part.folder.scalars[count:]]
        if any(scalar.tag == PLACEHOLDER for _, scalar in found):
            return None
        clock = self._clock_of(training, {(id(p.folder), one.session) for p, one in found})
        return [
            Point(one.step, part.names[one.tag], one.value, clock.work(one.wall_time))
            for part, one in found
        ]

    def _names_changed(self, training: Training) -> bool:
        if len(self._names) != len(training.parts):
            return True
        together = zip(self._names, training.parts, strict=True)
        return any(
            part.names.get(tag) != name for before, part in together for tag, name in before.items()
        )

    def _differences(
        self, training: Training, *, keep: bool
    ) -> tuple[list[Point], list[tuple[str, int]]]:
        """The points that the store lacks or has otherwise, and those that it has in excess."""
        self._clock, self._sessions = None, set()
        self._latest, self._step, self._time = Latest(), 0, 0.0
        every = {(id(one.folder), s.session) for one in training.parts for s in one.folder.scalars}
        asked = points_of(training.parts, self._clock_of(training, every))
        parts = [one for one in training.parts if one.folder.holds_placeholder]
        without = {part.names[PLACEHOLDER] for part in parts}
        wanted = {(one.name, one.step): one for one in asked if one.name not in without}
        stored = self._stored()
        new = [point for at, point in wanted.items() if not _same(point, stored.get(at))]
        gone = [] if keep else [at for at in stored if at not in wanted]
        for point in wanted.values():
            self._note(point)
        return new, gone

    def _stored(self) -> dict[tuple[str, int], tuple[float, float]]:
        if self.run is None:
            return {}
        p, c = points.c, metric_names.c
        query = select(c.name, p.step, p.value, p.time).join(metric_names, c.key == p.name)
        with self._store.reading() as connection:
            rows = connection.execute(query.where(p.run == self.run.key)).all()
        return {
            (name, step): (math.nan if value is None else value, time)
            for name, step, value, time in rows
        }

    def _clock_of(self, training: Training, sessions: set[tuple[int, int]]) -> WorkClock:
        """The clock; made anew when a further file has scalars, as a pause may lie before it."""
        if self._clock is None or not sessions <= self._sessions:
            facts = {k: v for one in training.parts for k, v in one.folder.facts.items()}
            self._clock = clock_of([one.folder for one in training.parts], facts)
            self._sessions |= sessions
        return self._clock

    def _remember(self, training: Training) -> None:
        self._names = [dict(part.names) for part in training.parts]
        self._done = {
            id(one.folder): (one.folder.taken_back, len(one.folder.scalars))
            for one in training.parts
        }

    def _note(self, point: Point) -> None:
        self._latest.note(point.step, point.name, point.value)
        self._step, self._time = max(self._step, point.step), max(self._time, point.time)

    def _progress(self) -> dict[str, Any]:
        return progress_values(
            max(0, self._step), float(self._step), 0.0, self._time, self._latest.values()
        )

    def _write(
        self, new: Sequence[Point], gone: Sequence[tuple[str, int]], values: Mapping[str, Any]
    ) -> None:
        claim = self._claim
        if claim is None:
            return
        for point in new:
            self._note(point)
        for start in range(0, max(1, len(new)), _A_FLUSH):
            some = new[start : start + _A_FLUSH]
            excess, gone = gone, ()

            def write(
                some: Sequence[Point] = some, excess: Sequence[tuple[str, int]] = excess
            ) -> None:
                table = claim.store.point_table
                try:
                    with writing_to(claim) as connection:
                        request = hold(connection, claim, {**self._progress(), **values})
                        self.stopped = request == "stop"
                        _remove(connection, claim.run.key, excess)
                        keys = table.keys(connection, {point.name for point in some})
                        append(connection, rows_of(claim.run.key, keys, some))
                except BaseException:
                    table.forget_names()
                    raise

            insist(write)


def _is_taken(connection: Connection, run_id: str) -> bool:
    return connection.execute(select(runs.c.key).where(runs.c.id == run_id)).first() is not None


def _remove(connection: Connection, run: int, gone: Iterable[tuple[str, int]]) -> None:
    rows = [{"of": name, "at": step} for name, step in gone]
    if rows:
        named = select(metric_names.c.key).where(metric_names.c.name == bindparam("of"))
        p = points.c
        which = p.run == run, p.name == named.scalar_subquery(), p.step == bindparam("at")
        connection.execute(delete(points).where(*which), rows)


def _same(point: Point, stored: tuple[float, float] | None) -> bool:
    if stored is None or point.time != stored[1]:
        return False
    return point.value == stored[0] or (math.isnan(point.value) and math.isnan(stored[0]))
