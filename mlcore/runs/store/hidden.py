"""Hidden runs: runs in no list because they are being imported or removed.

Millions of points take many seconds to write or to remove. In one transaction that would keep
every other writer of the file waiting, so it is done in short ones, on a run that is hidden
meanwhile: readers see all of it or nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update

from mlcore.runs.process_id import ProcessId, this_host
from mlcore.runs.store.schema import files, points, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mlcore.runs.store.store import Store

HIDDEN: Final = -1.0
"""In the column ``deleted``: the run is hidden."""

HELD_S: Final = 0.04
"""Seconds for which one of the short transactions holds the file, about."""

GIVEN_UP_AFTER_S: Final = 3600.0
"""Seconds of silence after which an import on another machine counts as interrupted."""

_FIRST: Final = 500
_MOST: Final = 20_000


class Turns:
    """Paces many short writes: an adaptive number of rows each, then a pause for other writers.

    A writer that waits for SQLite looks again at most every 0.1 s. Pauses as long as the writes
    let it in at about every second look.

    Attributes:
        size: Rows that the next write should take.
    """

    def __init__(self, store: Store) -> None:
        self.size = _FIRST
        self._store = store

    @contextmanager
    def take(self) -> Iterator[Connection]:
        """One short write transaction, followed by a pause."""
        with self._store.writing(alone=False) as connection:
            began = time.monotonic()
            yield connection
        held = time.monotonic() - began
        if held < HELD_S / 20:  # it had next to nothing to write
            return
        factor = min(2.0, max(0.25, HELD_S / max(held, 1e-6)))
        self.size = int(min(_MOST, max(_FIRST / 5, self.size * factor)))
        if not self._store.server:  # a server lets many write at once
            time.sleep(min(held, 1.0))


def shown() -> ColumnElement[bool]:
    """SQL condition: the run is visible, in the lists or in the trash."""
    return or_(runs.c.deleted.is_(None), runs.c.deleted >= 0)


def trashed() -> ColumnElement[bool]:
    """SQL condition: the run is in the trash."""
    return runs.c.deleted >= 0


def held_by_this_process(store: Store) -> dict[str, Any]:
    """Columns that mark a hidden run as belonging to this process."""
    me = ProcessId.of()
    return {
        "deleted": HIDDEN,
        "host": me.host,
        "pid": me.pid,
        "pid_started": me.started,
        "heartbeat": store.clock(),
    }


def remove(store: Store, keys: Sequence[int]) -> None:
    """Remove hidden runs with their points and files, in short writes."""
    turns = Turns(store)
    p = points.c
    for key in keys:
        gone = 1
        while gone:
            some = select(p.run, p.name, p.step).where(p.run == key).limit(turns.size)
            with turns.take() as connection:
                found = tuple_(p.run, p.name, p.step).in_(some)
                gone = connection.execute(delete(points).where(p.run == key, found)).rowcount
        while gone := _remove_one_file(turns, key):
            pass
        with turns.take() as connection:
            mine = and_(runs.c.key == key, runs.c.deleted == HIDDEN)
            row = connection.execute(delete(runs).where(mine).returning(runs.c.id)).one_or_none()
        if row is not None and not store.server:
            shutil.rmtree(store.files / row.id, ignore_errors=True)


def _remove_one_file(turns: Turns, key: int) -> bool:
    """Remove one file's blob per write, as blobs on a server are large."""
    with turns.take() as connection:
        name = select(files.c.name).where(files.c.run == key).limit(1).scalar_subquery()
        mine = and_(files.c.run == key, files.c.name == name)
        return bool(connection.execute(delete(files).where(mine)).rowcount)


def remove_leftovers(store: Store) -> None:
    """Remove hidden runs whose process died before it finished."""
    c = runs.c
    query = select(c.key, c.host, c.pid, c.pid_started, c.heartbeat, store.clock().label("now"))
    with store.reading() as connection:
        rows = connection.execute(query.where(c.deleted == HIDDEN)).all()
    remove(store, [row.key for row in rows if not _in_work(row)])


def _in_work(row: Any) -> bool:
    if row.host is None or row.pid is None or row.pid_started is None or row.heartbeat is None:
        return False
    if row.host != this_host():
        return bool(row.now - row.heartbeat < GIVEN_UP_AFTER_S)
    return ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat)


def hide(connection: Connection, store: Store, which: ColumnElement[bool]) -> list[int]:
    """Hide runs before ``remove`` deletes them in many short writes; return their keys."""
    found = update(runs).where(which).values(held_by_this_process(store))
    return list(connection.execute(found.returning(runs.c.key)).scalars())
