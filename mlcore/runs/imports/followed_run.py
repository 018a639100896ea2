"""Writes a training that is being logged elsewhere to its run in the store, as it grows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, select

from mlcore.core import canonical_json
from mlcore.runs.execution.claims import (
    Claim,
    end_values,
    hold,
    progress_values,
    writing_to,
)
from mlcore.runs.execution.patience import insist
from mlcore.runs.imports.event_folders import Training
from mlcore.runs.imports.event_places import (
    EVENT_FILES,
    EVENT_FOLDER,
    files_of,
    mark_of,
    place_of,
    run_from,
)
from mlcore.runs.imports.event_points import Growth
from mlcore.runs.imports.event_runs import foreign_of
from mlcore.runs.imports.followed_claim import hold_followed, let_go
from mlcore.runs.imports.foreign import check_name, row_of
from mlcore.runs.recorded_run import FOLLOWED
from mlcore.runs.status import Status
from mlcore.runs.store.latest import Latest
from mlcore.runs.store.organize import trash
from mlcore.runs.store.points import Point, append, rows_of
from mlcore.runs.store.schema import metric_names, points, runs

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

_A_FLUSH: Final = 20_000
_CUT_SHORT: Final = (
    "Following ended while its event files were still being written. Run mlcore follow with the "
    "same folder to go on."
)
_STOPPED: Final = (
    "It was asked to stop, so its event files are read no more. The training itself does not know "
    "of it. Run mlcore follow with the same folder to go on."
)


class FollowedRun:
    """The run of one training; the only writer of it while it lives.

    Args:
        store: Where it is, or will be.
        place: The folder that is followed, with the training's folder in it: it names the run, so
            that a later call goes on with the same one. So does the name of one of its event
            files: where all others are, another training is logged.

    Attributes:
        run: The run, or None as long as there is nothing to write.
        stopped: Whether no more is written of it: it was asked to stop, or is another's.
    """

    def __init__(self, store: Store, place: Path) -> None:
        self.run: Run | None = None
        self.stopped = False
        self._store, self._place = store, place_of(place)
        self._claim: Claim | None = None
        self._growth = Growth()
        self._latest, self._step, self._time = Latest(), 0, 0.0
        self._known: dict[str, Any] = {}

    def reads(self, files: Sequence[str]) -> bool:
        """Whether any of these event files is one of the run's; else it is another training."""
        before = files_of(self._known.get("origin", {}))
        return not before or bool(set(before) & set(files))

    @property
    def open(self) -> bool:
        """Whether it is running in the store."""
        return self._claim is not None

    def sync(self, training: Training, name: str, files: Sequence[str]) -> int:
        """Write what is new of the training.

        Args:
            training: All that its files say so far.
            name: What to call the run, if it is new.
            files: The names of its event files.

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
            self.run = insist(partial(run_from, self._store, self._place, files, followed=False))
        new = None if first else self._growth.newer(training)
        gone: list[tuple[str, int]] = []
        if new is None:
            # the points of files that were removed since stay
            keep = first and not set(self._files()) <= set(files)
            new, gone = self._differences(training, keep=keep)
        for point in {one.name: one for one in new}.values():
            check_name(point, name)
        facts = self._facts(training, files)
        settled = self.run is not None and self.run.status == Status.FINISHED
        if not (settled and self._claim is None and not new and not gone and self._says(facts)):
            if self._claim is None:
                self._take(training, name, facts)
            self._write(new, gone, self._columns(facts))
        self._growth.remember(training)
        self._known = facts
        return len(new)

    def move(self, place: Path) -> None:
        """Go on with the run as that of another folder, as one that turned out to be its home."""
        self._place = place_of(place)

    def lose(self) -> None:
        """Give up the claim, as it was lost; no more is written."""
        if self._claim is not None:
            let_go(self._claim)
        self._claim, self.stopped = None, True

    def discard(self) -> None:
        """Move the run to the trash, as its training turned out to be a part of another."""
        if self.run is not None:
            self.end(over=True)
            trash(self._store, [self.run.id])
        self.lose()

    def beat(self) -> None:
        """Show that the run is still followed; learn whether it was asked to stop."""
        self._write([], [], {})

    def end(self, *, over: bool) -> None:
        """End the run: as finished if the training is over, else as stopped."""
        if self._claim is None:
            return
        claim, self._claim = self._claim, None
        let_go(claim)
        last = self._progress()
        if over:
            last |= {"done": float(self._step), "total": float(self._step)}
        status = Status.FINISHED if over else Status.STOPPED
        why = _STOPPED if self.stopped else _CUT_SHORT
        last |= end_values(claim, status, error=None if over else why)

        def write() -> None:
            with writing_to(claim, durable=True) as connection:
                hold(connection, claim, last)

        insist(write)
        self.run = insist(claim.run.refresh)

    # --- the run ------------------------------------------------------------------------------

    def _take(self, training: Training, name: str, facts: Mapping[str, Any]) -> None:
        row = {} if self.run is not None else self._new_row(training, name, facts)
        self._claim = hold_followed(self._store, self._place, self.run, row)
        self.run = self._claim.run

    def _new_row(self, training: Training, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        foreign = foreign_of(training, name)
        mark = mark_of(self._place)
        origin = {**foreign.origin, **facts["origin"]}
        row = row_of(replace(foreign, digest=mark, origin=origin))
        # its own: what mlcore exported tells that of a run which may be live here
        return row | {"fingerprint": mark}

    def _files(self) -> list[str]:
        """The event files that it was read from, by the store."""
        return [] if self.run is None else files_of(self.run.origin)

    def _facts(self, training: Training, files: Sequence[str]) -> dict[str, Any]:
        """What may come to be known of a training while it goes on."""
        hparams = {k: v for one in training.parts for k, v in one.folder.hparams.items()}
        told = {k: v for one in training.parts for k, v in one.folder.facts.items()}
        every = sorted({*self._files(), *files})
        where = {EVENT_FOLDER: self._place, EVENT_FILES: every, FOLLOWED: True}
        return {"config": told.get("config") or hparams, "origin": where}

    def _says(self, facts: Mapping[str, Any]) -> bool:
        """Whether the store says so already."""
        run = self.run
        if run is None or dict(run.config_fields) != facts["config"]:
            return False
        return {**run.origin, **facts["origin"]} == run.origin

    def _columns(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that say so; none if they do already."""
        if self.run is None or facts == self._known:
            return {}
        mark = mark_of(self._place)
        origin = {**self.run.origin, **facts["origin"], "digest": mark}
        return {
            "config": canonical_json(facts["config"]),
            "fingerprint": mark,
            "origin": json.dumps(origin, ensure_ascii=False),
            "edited": runs.c.edited + 1,
        }

    # --- its points ---------------------------------------------------------------------------

    def _differences(
        self, training: Training, *, keep: bool
    ) -> tuple[list[Point], list[tuple[str, int]]]:
        """The points that the store lacks or has otherwise, and those that it has in excess."""
        known = {} if self.run is None else {**self.run.last, **self._latest.values()}
        self._latest, self._step, self._time = Latest(), 0, 0.0
        wanted, new, gone = self._growth.every(training), [], []
        for name in dict.fromkeys([*wanted, *known]):  # in turn: there may be millions of points
            curve, stored = wanted.get(name, {}), self._stored(name)
            new += [point for step, point in curve.items() if not _same(point, stored.get(step))]
            excess = [step for step in stored if step not in curve]
            gone += [] if keep else [(name, step) for step in excess]
            kept = [Point(step, name, *stored[step]) for step in excess if keep]
            for point in chain(kept, curve.values()):
                self._note(point)
        return new, gone

    def _stored(self, name: str) -> dict[int, tuple[float, float]]:
        """Value and time of each step of a metric."""
        if self.run is None:
            return {}
        p, c = points.c, metric_names.c
        named = select(c.key).where(c.name == name).scalar_subquery()
        mine = select(p.step, p.value, p.time).where(p.run == self.run.key, p.name == named)

        def read() -> Sequence[Any]:
            with self._store.reading() as connection:
                return connection.execute(mine).all()

        return {
            step: (math.nan if value is None else value, time) for step, value, time in insist(read)
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
