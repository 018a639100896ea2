"""The store: runs, points and files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from mlcore.core import Config, InputError, RunNotFoundError, RunStateError
from mlcore.runs.status import Status
from mlcore.runs.store import points as point_queries
from mlcore.runs.store.connections import Database
from mlcore.runs.store.database import resolve_url
from mlcore.runs.store.ensemble_grouping import group
from mlcore.runs.store.hidden import shown, trashed
from mlcore.runs.store.queueing import queue_again, queue_all
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs
from mlcore.runs.store.submission import new_row

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.recorded_run import Run

_open: dict[str, Store] = {}
_opening = Lock()
_of_parent: list[object] = []

_c = runs.c
_MARKS = select(_c.id, _c.step, _c.done, _c.total, _c.elapsed, _c.status, _c.request).where(
    _c.id.in_(bindparam("ids", expanding=True)), shown()
)
"""Built once: it is asked many times a second, and to build it costs as much as to answer it."""


def open_store(url: str | None = None) -> Store:
    """The store at an address; one object per address and process.

    Args:
        url: A file name, ``sqlite:///…`` or ``postgresql+psycopg://…``; by default
            ``MLCORE_STORE``, else a file in the user's data folder.

    Raises:
        StoreError: If it cannot be opened; the text says why and what to do.

    Example:
        >>> import mlcore
        >>> store = mlcore.runs.open_store()
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> store.get(run.id).status
        <Status.FINISHED: 'finished'>
    """
    resolved = resolve_url(url)
    with _opening:
        store = _open.get(resolved)
        if store is None or not store.present():
            if store is not None:
                store.close()
            store = _open[resolved] = Store(resolved)
        return store


class Store(Database):
    """Runs with their points and files, in one database and one folder."""

    # --- runs --------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """One run by its id, or by an unambiguous prefix of it.

        Raises:
            RunNotFoundError: If there is none, or more than one.
        """
        with self.reading() as connection:
            known = select(runs).where(shown())
            row = connection.execute(known.where(runs.c.id == run_id)).one_or_none()
            if row is None and len(run_id) >= 3:
                like = known.where(runs.c.id.startswith(run_id, autoescape=True)).limit(2)
                found = connection.execute(like).all()
                row = found[0] if len(found) == 1 else None
        if row is None:
            raise RunNotFoundError(
                f"No run has the id {run_id!r} in {self.shown_url}. "
                "mlcore.search_runs(), or mlcore ls, lists those that exist."
            )
        return run_of(row, self)

    def get_many(self, run_ids: Sequence[str]) -> Sequence[Run]:
        """The existing runs among these full ids, in one query and no certain order."""
        with self.reading() as connection:
            found = connection.execute(select(runs).where(runs.c.id.in_(run_ids), shown()))
            return [run_of(row, self) for row in found]

    def marks(self, run_ids: Sequence[str]) -> dict[str, tuple[object, ...]]:
        """What changes of these runs while they go on: the quickest look for news.

        Returns:
            By id, for those that exist: step, done, total, elapsed, status, request.
        """
        with self.reading() as connection:
            found = connection.execute(_MARKS, {"ids": list(run_ids)})
            return {run_id: tuple(rest) for run_id, *rest in found}

    def list(
        self,
        experiment: str | None = None,
        status: Status | str | Iterable[Status | str] | None = None,
        limit: int | None = None,
        newest_first: bool = True,
        deleted: bool = False,
    ) -> list[Run]:
        """Runs by time of submission.

        Args:
            experiment: Only runs of this experiment.
            status: Only runs of this status, or of one of these.
            limit: How many at most.
            newest_first: Or oldest first.
            deleted: Those in the trash, instead of those that are not.

        Raises:
            ValueError: If a status is not one of ``Status``.
        """
        query = select(runs).order_by(runs.c.key.desc() if newest_first else runs.c.key)
        query = query.where(trashed() if deleted else runs.c.deleted.is_(None))
        if experiment is not None:
            query = query.where(runs.c.experiment == experiment)
        if status is not None:
            wanted = [status] if isinstance(status, str) else [*status]
            query = query.where(runs.c.status.in_([_status(one) for one in wanted]))
        if limit is not None:
            query = query.limit(limit)
        with self.reading() as connection:
            return [run_of(row, self) for row in connection.execute(query)]

    def count(self, status: Status) -> int:
        """How many runs have a status."""
        with self.reading() as connection:
            query = select(func.count()).select_from(runs).where(runs.c.status == status)
            return connection.execute(query).scalar_one()

    def submit(self, config: Config, force: bool = False, retries: int = 0) -> Run:
        """Queue a run, or return the one that already answers this config.

        A live or finished run is returned, a stopped or lost one is resumed; ``force`` trains again
        unless a run of this config is live. A new run whose process dies is queued again
        ``retries`` times.
        """
        row = {**new_row(config), "retries": retries}
        with self.writing() as connection:
            (answer,) = queue_all(connection, [row], time.time(), force=force)
            found = connection.execute(select(runs).where(runs.c.key == answer.key)).one()
        run = run_of(found, self)
        return replace(run, cached=True) if run.status == Status.FINISHED else run

    def submit_together(
        self, configs: Sequence[Config], places: int, force: bool = False, retries: int = 0
    ) -> tuple[Sequence[Run], Sequence[str]]:
        """Queue runs at once, as ensembles where their configs can train as one program.

        Args:
            configs: All different.
            places: How many runs are executed at once.
            force: As for ``submit``.
            retries: As for ``submit``.

        Returns:
            A run of each config, in order, and the ids of those that wait now because of this.
        """
        rows = [{**new_row(config), "retries": retries} for config in configs]
        with self.writing() as connection:
            answers = queue_all(connection, rows, time.time(), force=force)
            group(connection, None, configs, answers, places)
        found = {run.id: run for run in self.get_many([answer.run_id for answer in answers])}
        ordered = [found[answer.run_id] for answer in answers]
        marked = [replace(r, cached=True) if r.status == Status.FINISHED else r for r in ordered]
        return marked, [answer.run_id for answer in answers if answer.queued]

    def request(self, run: Run, what: str) -> Run:
        """Ask a live run to stop or pause; a run that is still queued does so at once."""
        if what not in ("stop", "pause"):
            raise InputError(f"A run can be asked to 'stop' or 'pause', not {what!r}.")
        if what == "pause" and run.logged:
            raise RunStateError(
                f"Run {run.id} is logged by a script, which cannot be paused from here. Stop it, "
                "or suspend the script itself."
            )
        if what == "pause" and run.imported:
            raise RunStateError(
                f"Run {run.id} is trained by another program, which cannot be paused from here. "
                "Stop it, and its event files are read no more."
            )
        waiting = [Status.QUEUED, *([Status.PAUSED] if what == "stop" else [])]
        end = Status.STOPPED if what == "stop" else Status.PAUSED
        with self.writing() as connection:
            mine = update(runs).where(runs.c.key == run.key)
            connection.execute(
                mine.where(runs.c.status.in_(waiting)).values(
                    status=end, finished=time.time(), request=None
                )
            )
            running = mine.where(runs.c.status == Status.RUNNING)
            connection.execute(running.values(request=what))
        return self.get(run.id)

    def requeue(self, run: Run) -> Run:
        """Queue an unfinished run again; a run that is already going stays as it is.

        Raises:
            RunStateError: If it is finished or failed, or another run of its config is live.
        """
        if run.source is not None or run.deleted is not None:
            why = "was imported" if run.imported else "is in the trash"
            if run.logged:
                raise RunStateError(
                    f"Run {run.id} was logged by a script, so it cannot be resumed from here. "
                    "Start the script again for another run."
                )
            if run.followed and run.deleted is None:
                raise RunStateError(
                    f"Run {run.id} was followed from its event files, so it cannot be resumed from "
                    "here. Run `mlcore follow` with its folder again."
                )
            raise RunStateError(
                f"Run {run.id} {why}, so it cannot be resumed. Submit its config for a run of "
                "your own."
            )
        try:
            with self.writing() as connection:
                row = connection.execute(select(runs).where(runs.c.key == run.key)).one_or_none()
                now = None if row is None else run_of(row, self)
                if now is not None and now.status.resumable:
                    queue_again(connection, now.key, time.time())
                elif now is not None and now.status == Status.RUNNING:
                    mine = update(runs).where(runs.c.key == run.key)
                    connection.execute(mine.values(request=None))
        except IntegrityError:
            raise RunStateError(
                f"Run {run.id} cannot be resumed: another run of the same config is live. "
                "Wait for it, or stop it first."
            ) from None
        now = self.get(run.id)
        if not now.status.live:
            raise RunStateError(
                f"Run {run.id} is {now.status}, so there is nothing to resume. "
                "Start its config again with force=True for a fresh run."
            )
        return now

    # --- points ------------------------------------------------------------------------------

    def points_of(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Every point of several runs: run, metric, step, value, time; not downsampled."""
        with self.reading() as connection:
            return point_queries.read_many(connection, run_ids)

    def parts_of(self, run_ids: Sequence[str]) -> Iterator[pd.DataFrame]:
        """``points_of`` in tables of some ten thousand rows, one in memory at a time."""
        with self.reading() as connection:
            yield from point_queries.parts(connection, run_ids)

    def curves(
        self, run_ids: Sequence[str], name: str, points: int = 600, after: int | None = None
    ) -> pd.DataFrame:
        """One metric of several runs, downsampled: see ``points.thinned``."""
        with self.reading() as connection:
            return point_queries.thinned(connection, run_ids, name, points, after)

    def newer_points(
        self, run: Run, names: Sequence[str], after: int
    ) -> Sequence[tuple[int, str, float, float]]:
        """A run's points after a step, without a table: see ``points.newer``."""
        with self.reading() as connection:
            return point_queries.newer(connection, run.key, names, after)

    def last_step(self, run_id: str) -> int:
        """The step of the last flushed point; changes whenever there is something new to draw."""
        with self.reading() as connection:
            query = select(runs.c.step).where(runs.c.id == run_id)
            return connection.execute(query).scalar_one_or_none() or 0


def _after_fork() -> None:
    """In a child that was forked off: connections of its own, and the parent's left as they are."""
    global _opening
    _opening = Lock()
    for store in _open.values():
        _of_parent.append(store.engine.pool)  # closing them would end what the parent does
        store.engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _status(value: Status | str) -> Status:
    try:
        return Status(value)
    except ValueError:
        raise InputError(
            f"{value!r} is no status of a run; they are {', '.join(Status)}."
        ) from None
