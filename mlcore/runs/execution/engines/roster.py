"""The table of workers: local workers, and the dispatcher of a Ray cluster."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from mlcore.runs.process_id import SILENT_AFTER, ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs, workers

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

DISPATCHER: Final = "ray"
"""The row of the one process that hands this store's runs to a Ray cluster."""

_LOCAL = workers.c.id != DISPATCHER


def add(connection: Connection, store: Store, process: ProcessId) -> None:
    """Enter a worker that is starting."""
    now = store.clock()
    row = {"host": process.host, "pid": process.pid, "pid_started": process.started}
    connection.execute(
        insert(workers).values(id=secrets.token_hex(8), **row, started=now, heartbeat=now)
    )


def register(store: Store, process: ProcessId) -> None:
    """Enter a running worker; one started by ``ensure_workers`` is entered already."""
    with store.writing() as connection:
        known = connection.execute(
            update(workers)
            .where(_is(process))
            .values(pid_started=process.started, heartbeat=store.clock())
            .returning(workers.c.id)
        ).first()
        if known is None:
            add(connection, store, process)


def beat(store: Store, process: ProcessId) -> None:
    """Send an idle worker's heartbeat, for other machines."""
    with store.writing(alone=False) as connection:
        connection.execute(update(workers).where(_is(process)).values(heartbeat=store.clock()))


def retire(store: Store, process: ProcessId) -> bool:
    """Remove a worker unless a run waits; True if it may exit.

    No run can be queued between the look and the leave.
    """
    with store.writing() as connection:
        if count(connection, runs.c.status == Status.QUEUED):
            return False
        connection.execute(delete(workers).where(_is(process)))
    return True


def strike(store: Store, process: ProcessId) -> None:
    """Remove a worker, whether or not runs wait."""
    with store.writing(alone=False) as connection:
        connection.execute(delete(workers).where(_is(process)))


def alive_here(connection: Connection, host: str) -> list[int]:
    """Process ids of this machine's live workers; dead ones are removed from the table."""
    alive = []
    here = select(workers).where(workers.c.host == host, _LOCAL)
    for row in connection.execute(here).all():
        if _process(row).alive(row.heartbeat):
            alive.append(row.pid)
        else:
            connection.execute(delete(workers).where(workers.c.id == row.id))
    return alive


def busy_elsewhere(store: Store, host: str) -> int:
    """Number of workers of other machines in this store, busy or idle."""
    fresh = store.clock() - SILENT_AFTER
    with store.reading() as connection:
        waiting = select(workers.c.host, workers.c.pid).where(
            workers.c.host != host, workers.c.heartbeat > fresh, _LOCAL
        )
        working = select(runs.c.host, runs.c.pid).where(
            runs.c.host != host, runs.c.status == Status.RUNNING
        )
        both = waiting.union(working).subquery()
        return connection.execute(select(func.count()).select_from(both)).scalar_one()


def busy_here(connection: Connection, host: str) -> int:
    """Number of processes of this machine that execute runs."""
    query = select(func.count(runs.c.pid.distinct())).where(*_executing(host))
    return connection.execute(query).scalar_one()


def idle_among(connection: Connection, host: str, alive: Sequence[int]) -> list[int]:
    """Those of this machine's live workers that execute no run."""
    busy = set(connection.execute(select(runs.c.pid).where(*_executing(host))).scalars())
    return [pid for pid in alive if pid not in busy]


def _executing(host: str) -> tuple[ColumnElement[bool], ...]:
    return runs.c.status == Status.RUNNING, runs.c.host == host


def count(connection: Connection, *where: ColumnElement[bool]) -> int:
    """Number of runs that meet a condition."""
    query = select(func.count()).select_from(runs).where(*where)
    return connection.execute(query).scalar_one()


def _is(process: ProcessId) -> ColumnElement[bool]:
    return (workers.c.host == process.host) & (workers.c.pid == process.pid)


def _process(row: Row[tuple[object, ...]]) -> ProcessId:
    return ProcessId(row.host, row.pid, row.pid_started)
