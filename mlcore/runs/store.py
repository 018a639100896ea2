"""The only door to what is remembered: runs, their points and their files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from mlcore.core import Config, RunNotFoundError, RunStateError, StoreError
from mlcore.runs import points as point_queries
from mlcore.runs.database import open_engine, resolve_url
from mlcore.runs.points import PointTable
from mlcore.runs.recorded_run import Run, moment
from mlcore.runs.schema import runs
from mlcore.runs.status import LIVE, Status
from mlcore.runs.submission import new_row

if TYPE_CHECKING:
    import pandas as pd

_open: dict[str, Store] = {}
_opening = Lock()


def open_store(url: str | None = None) -> Store:
    """The store at an address, opened once in this process.

    Args:
        url: A file name, ``sqlite:///…`` or ``postgresql+psycopg://…``; by default
            ``MLCORE_STORE``, else a file in the user's data folder.

    Raises:
        StoreError: If it cannot be opened; the text says why and what to do.
    """
    resolved = resolve_url(url)
    with _opening:
        store = _open.get(resolved)
        if store is None or not store.present():
            if store is not None:
                store.close()
            store = _open[resolved] = Store(resolved)
        return store


class Store:
    """Runs and all that belongs to them, in one database and one folder of files.

    Attributes:
        url: The address, in the spelling that opens the same store from any process.
        files: The folder in which each run has a folder for its weights and arrays.
    """

    def __init__(self, url: str) -> None:
        self.url = resolve_url(url)
        parsed = make_url(self.url)
        self._file = Path(str(parsed.database)) if parsed.drivername.startswith("sqlite") else None
        self.files = _files_folder(self._file)
        self.engine = open_engine(self.url)
        self._writer = self.engine.execution_options(write=True)
        self._points = PointTable()

    def present(self) -> bool:
        """Whether the database file is still there; a person may have removed it."""
        return self._file is None or self._file.exists()

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a read transaction: what it sees does not change under it."""
        with self._translating(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction: all of it happens, or nothing."""
        with self._translating(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            self._points.forget_names()
            reason = str(error.orig).strip().splitlines()[0]
            raise StoreError(
                f"The store {make_url(self.url).render_as_string()} did not answer: {reason}. "
                "What was written before is kept; check the disk and the permissions."
            ) from error

    # --- runs --------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """One run by its id, or by the beginning of it where that is enough.

        Raises:
            RunNotFoundError: If there is none, or more than one.
        """
        with self.reading() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
            if row is None and len(run_id) >= 3:
                like = select(runs).where(runs.c.id.startswith(run_id, autoescape=True)).limit(2)
                found = connection.execute(like).all()
                row = found[0] if len(found) == 1 else None
        if row is None:
            raise RunNotFoundError(
                f"No run has the id {run_id!r} in {make_url(self.url).render_as_string()}. "
                "mlcore.search_runs(), or mlcore ls, lists those that exist."
            )
        return self._run(row)

    def list(
        self,
        experiment: str | None = None,
        status: Status | str | Iterable[Status | str] | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> list[Run]:
        """Runs by time of submission.

        Raises:
            ValueError: If a status is not one of ``Status``.
        """
        query = select(runs).order_by(runs.c.key.desc() if newest_first else runs.c.key)
        if experiment is not None:
            query = query.where(runs.c.experiment == experiment)
        if status is not None:
            wanted = [status] if isinstance(status, str) else [*status]
            query = query.where(runs.c.status.in_([_status(one) for one in wanted]))
        if limit is not None:
            query = query.limit(limit)
        with self.reading() as connection:
            return [self._run(row) for row in connection.execute(query)]

    def count(self, status: Status) -> int:
        """How many runs have a status."""
        with self.reading() as connection:
            query = select(func.count()).select_from(runs).where(runs.c.status == status)
            return connection.execute(query).scalar_one()

    def submit(self, config: Config, force: bool = False) -> Run:
        """Queue a run, or return the one that already answers for this config.

        A live run is shared, a finished one is the answer, a stopped or lost one is taken up
        again; ``force`` starts afresh unless a run of this config is live.
        """
        row = new_row(config)
        same = runs.c.fingerprint == row["fingerprint"]
        with self.writing() as connection:
            live = self._newest(connection, same, LIVE)
            if live is not None and live.status != Status.PAUSED:
                return live
            if live is None and not force:
                finished = self._newest(connection, same, (Status.FINISHED,))
                if finished is not None:
                    return _as_cached(finished)
                live = self._newest(connection, same, (Status.STOPPED, Status.LOST))
            if live is not None:
                self._queue_again(connection, live)
                key = live.key
            else:
                key = connection.execute(
                    insert(runs).values(row).returning(runs.c.key)
                ).scalar_one()
            return self._run(connection.execute(select(runs).where(runs.c.key == key)).one())

    def request(self, run: Run, what: str) -> Run:
        """Ask a live run to stop or pause; one that no worker has yet obeys at once."""
        if what not in ("stop", "pause"):
            raise ValueError(f"A run can be asked to 'stop' or 'pause', not {what!r}.")
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
        """Queue an unfinished run again; a run that is already going is left alone.

        Raises:
            RunStateError: If it is finished or failed, or another run of its config is live.
        """
        try:
            with self.writing() as connection:
                row = connection.execute(select(runs).where(runs.c.key == run.key)).one_or_none()
                now = None if row is None else self._run(row)
                if now is not None and now.status.resumable:
                    self._queue_again(connection, now)
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

    def delete(self, run: Run) -> None:
        """Remove a run with its points and files.

        Raises:
            RunStateError: If it is running.
        """
        with self.writing() as connection:
            gone = connection.execute(
                delete(runs)
                .where(runs.c.key == run.key, runs.c.status != Status.RUNNING)
                .returning(runs.c.key)
            ).one_or_none()
        if gone is None and self.get(run.id).status == Status.RUNNING:
            raise RunStateError(f"Run {run.id} is running. Stop it first, then delete it.")
        run.artifacts.remove_folder()

    def annotate(self, run: Run, tags: Sequence[str] | None = None, note: str | None = None) -> Run:
        """Change a run's tags or its note."""
        changes: dict[str, Any] = {}
        if tags is not None:
            changes["tags"] = json.dumps(list(tags), ensure_ascii=False)
        if note is not None:
            changes["note"] = note
        if changes:
            with self.writing() as connection:
                connection.execute(update(runs).where(runs.c.key == run.key).values(changes))
        return self.get(run.id)

    # --- points ------------------------------------------------------------------------------

    def metrics(self, run: Run, names: Iterable[str] | None, after: int | None) -> pd.DataFrame:
        """Every point of a run; see ``Run.metrics``."""
        with self.reading() as connection:
            return point_queries.read(connection, run.key, names, after)

    def curves(
        self, run_ids: Sequence[str], name: str, points: int = 600, after: int | None = None
    ) -> pd.DataFrame:
        """One metric of several runs, thinned by buckets; see ``mlcore.runs.points.thinned``."""
        with self.reading() as connection:
            return point_queries.thinned(connection, run_ids, name, points, after)

    def last_step(self, run_id: str) -> int:
        """The step of the last flushed point: changes whenever there is something new to draw."""
        with self.reading() as connection:
            query = select(runs.c.step).where(runs.c.id == run_id)
            return connection.execute(query).scalar_one_or_none() or 0

    @property
    def point_table(self) -> PointTable:
        """Writes points; for the recorder."""
        return self._points

    # --- rows --------------------------------------------------------------------------------

    def _newest(
        self, connection: Connection, same: ColumnElement[bool], among: Iterable[Status]
    ) -> Run | None:
        query = select(runs).where(same, runs.c.status.in_(list(among)))
        row = connection.execute(query.order_by(runs.c.key.desc()).limit(1)).one_or_none()
        return None if row is None else self._run(row)

    def _queue_again(self, connection: Connection, run: Run) -> None:
        connection.execute(
            update(runs)
            .where(runs.c.key == run.key)
            .values(
                status=Status.QUEUED,
                queued=time.time(),
                finished=None,
                request=None,
                claim=None,
                error=None,
                error_type=None,
                traceback=None,
            )
        )

    def _run(self, row: Row[Any]) -> Run:
        return Run(
            id=row.id,
            experiment=row.experiment,
            config_fields=json.loads(row.config),
            fingerprint=row.fingerprint,
            status=Status(row.status),
            created=moment(row.created),
            started=None if row.started is None else moment(row.started),
            finished=None if row.finished is None else moment(row.finished),
            elapsed=row.elapsed,
            step=row.step,
            done=row.done,
            total=row.total,
            host=row.host,
            seed=row.seed,
            versions=json.loads(row.versions),
            error=row.error,
            traceback=row.traceback,
            tags=tuple(json.loads(row.tags)),
            note=row.note,
            request=row.request,
            last=json.loads(row.latest),
            key=row.key,
            store=self,
        )


def _as_cached(run: Run) -> Run:
    return replace(run, cached=True)


def _status(value: Status | str) -> Status:
    try:
        return Status(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no status of a run; they are {', '.join(Status)}."
        ) from None


def _files_folder(database: Path | None) -> Path:
    if named := os.environ.get("MLCORE_FILES"):
        return Path(named).expanduser().absolute()
    if database is not None:
        return database.with_name(database.stem + "-files")
    import platformdirs

    return platformdirs.user_data_path("mlcore", appauthor=False) / "files"
