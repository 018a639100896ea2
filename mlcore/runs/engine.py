"""Local workers: started when runs wait, detached from whoever started them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

import mlcore
from mlcore.core import StoreError
from mlcore.runs.claims import reap
from mlcore.runs.liveness import ProcessId
from mlcore.runs.schema import runs, workers
from mlcore.runs.status import Status
from mlcore.runs.store import Store

_children: list[subprocess.Popen[bytes]] = []


def worker_limit() -> int:
    """How many workers one machine starts: ``MLCORE_WORKERS``, else one core is left free.

    Raises:
        ValueError: If ``MLCORE_WORKERS`` is not a whole number from 0 up.
    """
    given = os.environ.get("MLCORE_WORKERS")
    if given is None:
        return max(1, cores() - 1)
    if not given.isdecimal():
        raise ValueError(
            f"MLCORE_WORKERS is {given!r}, but must be a whole number from 0 up "
            "(0: start none, someone else runs `mlcore worker`)."
        )
    return int(given)


def cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        return os.cpu_count() or 1


def tend(store: Store) -> None:
    """Mark dead runs lost, and start workers if runs wait and there are fewer than allowed.

    Cheap when there is nothing to do; every watcher calls it, so no one has to stand guard.
    """
    reap(store)
    if store.count(Status.QUEUED):
        ensure_workers(store)


def ensure_workers(store: Store) -> None:
    """Start as many workers as there are runs to work on, up to ``worker_limit``."""
    here = ProcessId.of()
    with store.writing() as connection:  # held, so that two callers do not both start the last one
        alive = _alive(connection, here.host)
        waiting = _count(connection, runs.c.status == Status.QUEUED)
        busy = _count(
            connection,
            runs.c.status == Status.RUNNING,
            runs.c.host == here.host,
            runs.c.pid.in_(alive),
        )
        idle = len(alive) - busy  # they take what waits by themselves
        missing = min(worker_limit() - len(alive), waiting - idle)
        for _ in range(missing):
            process = _start(store)
            now = time.time()
            connection.execute(
                insert(workers).values(
                    id=secrets.token_hex(8),
                    host=process.host,
                    pid=process.pid,
                    pid_started=process.started,
                    started=now,
                    heartbeat=now,
                )
            )


def retire(store: Store, process: ProcessId) -> bool:
    """Strike a worker off the list unless a run waits; True if it may go.

    The same lock as in ``ensure_workers``: no run can be queued between the look and the leave.
    """
    with store.writing() as connection:
        if _count(connection, runs.c.status == Status.QUEUED):
            return False
        _strike(connection, process)
    return True


def strike(store: Store, process: ProcessId) -> None:
    """Strike a worker off the list, whatever waits."""
    with store.writing() as connection:
        _strike(connection, process)


def register(store: Store, process: ProcessId) -> None:
    """Put a worker on the list; one that was started by ``ensure_workers`` is there already."""
    now = time.time()
    row = {"host": process.host, "pid": process.pid, "pid_started": process.started}
    with store.writing() as connection:
        mine = (workers.c.host == process.host) & (workers.c.pid == process.pid)
        known = connection.execute(
            update(workers).where(mine).values(**row, heartbeat=now).returning(workers.c.id)
        ).first()
        if known is None:
            connection.execute(
                insert(workers).values(id=secrets.token_hex(8), **row, started=now, heartbeat=now)
            )


def _strike(connection: Connection, process: ProcessId) -> None:
    connection.execute(
        delete(workers).where(workers.c.host == process.host, workers.c.pid == process.pid)
    )


def _alive(connection: Connection, host: str) -> list[int]:
    """Process numbers of this machine's workers; the dead are struck off the list."""
    alive = []
    for row in connection.execute(select(workers).where(workers.c.host == host)).all():
        if ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat):
            alive.append(row.pid)
        else:
            connection.execute(delete(workers).where(workers.c.id == row.id))
    return alive


def _count(connection: Connection, *where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(runs).where(*where)
    return connection.execute(query).scalar_one()


def reap_children() -> None:
    """Forget the workers started by this process that have ended, so that no zombie stays."""
    _children[:] = [child for child in _children if child.poll() is None]


def _start(store: Store) -> ProcessId:
    """Start a worker in a session of its own: it outlives the page, the tab and the server."""
    reap_children()
    try:
        store.files.mkdir(parents=True, exist_ok=True)
        log = (store.files / "workers.log").open("ab")
    except OSError as error:
        raise StoreError(
            f"The folder {store.files} cannot be written ({error.strerror}). "
            "Change its permissions, or name another in MLCORE_FILES."
        ) from error
    # the worker finds this very package, installed or not, and experiments beside the script
    package_home = str(Path(mlcore.__file__).parent.parent)
    homes = [package_home, sys.path[0] or str(Path.cwd()), os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(filter(None, homes))
    with log:
        child = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            [sys.executable, "-P", "-m", "mlcore.runs.worker", store.url],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "MLCORE_STORE": store.url,
                "MLCORE_FILES": str(store.files),
            },
        )
    _children.append(child)
    return ProcessId.of(child.pid)
