"""Local workers: processes of this machine, detached from their parent.

They are started when runs wait, and one of them before, while a page is open that can train.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import TYPE_CHECKING, Final

import psutil

import mlcore
from mlcore.core import EngineError, StoreError
from mlcore.core.cores import usable_cores
from mlcore.runs.execution.engines import roster
from mlcore.runs.execution.wakeup import wake
from mlcore.runs.process_id import ProcessId, this_host
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

MEMORY_EACH = 2**30
"""Bytes of memory for each worker: torch takes 0.4 GB of it, the data and the network the rest."""

SPARE: Final = "--spare"
"""Argument of a worker that is started before there is a run."""

SPARE_VARIABLE: Final = "MLCORE_SPARE_WORKER"

_WORKER: Final = "mlcore.runs.execution.worker"

_children: list[Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class LocalWorkers:
    """The engine of worker processes on this machine.

    Workers that others started on other machines (``mlcore worker``) take runs of the same store
    too, where that store is a PostgreSQL server.
    """

    retries: int = 0

    def check(self, _store: Store) -> None:
        """Check the variables; workers themselves are started as needed.

        Raises:
            EngineError: If ``MLCORE_WORKERS``, ``MLCORE_SPARE_WORKER`` or ``MLCORE_CORES`` is not
                such a number.
        """
        worker_limit()
        _spare_wanted()
        _cores()

    def provide(self, store: Store) -> None:
        """Start workers if runs wait and there are fewer than allowed."""
        ensure_workers(store)

    def prepare(self, store: Callable[[], Store]) -> None:
        """Have a worker ready before a run is queued, unless ``MLCORE_SPARE_WORKER`` is 0."""
        if _spare_wanted() and worker_limit():
            keep_spare(store())

    def complaint(self, _store: Store) -> None:
        """Always None: a worker that cannot start raises where it is started."""

    def slots(self, store: Store) -> int:
        """The workers this machine may start, plus those of other machines."""
        elsewhere = roster.busy_elsewhere(store, this_host()) if store.server else 0
        return max(1, worker_limit() + elsewhere)


def worker_limit() -> int:
    """Maximum number of workers on this machine: ``MLCORE_WORKERS``, else one per core.

    No fewer: runs on a core each end about as soon as one after the other on all cores where a
    batch is large enough to be cut in microbatches, and much sooner where it is not (see
    tests/bench/engines.py). Nor is a core left free: workers make way (``nice``) for a page that
    has something to do. But no more than there is memory for.

    Raises:
        EngineError: If ``MLCORE_WORKERS`` is not a whole number from 0 up.
    """
    given = os.environ.get("MLCORE_WORKERS")
    if given is None:
        memory = psutil.virtual_memory().total
        return max(1, min(_cores(), int(memory / MEMORY_EACH)))
    if not given.isdecimal():
        raise EngineError(
            f"MLCORE_WORKERS is {given!r}, but must be a whole number from 0 up "
            "(0: start none, someone else runs `mlcore worker`)."
        )
    return int(given)


def _cores() -> int:
    try:
        return usable_cores()
    except ValueError as error:
        raise EngineError(str(error)) from None


def cores_each(store: Store) -> int:
    """Cores for this worker's run, so that all workers together use every core.

    This machine's cores, shared out among the workers that are at work or about to be. The
    number changes how long a run takes and nothing else.

    Args:
        store: Where this process has claimed the run.
    """
    with store.reading() as connection:
        busy = roster.busy_here(connection, this_host())
        waiting = roster.count(connection, runs.c.status == Status.QUEUED)
    at_once = max(1, min(worker_limit(), busy + waiting))
    return max(1, usable_cores() // at_once)


def ensure_workers(store: Store) -> None:
    """Start as many workers as runs need, up to ``worker_limit``, and wake those that are idle."""
    here = this_host()
    with store.writing() as connection:  # alone, so that two callers do not both start the last one
        alive = roster.alive_here(connection, here)
        waiting = roster.count(connection, runs.c.status == Status.QUEUED)
        idle = roster.idle_among(connection, here, alive)  # they take what waits
        missing = min(worker_limit() - len(alive), waiting - len(idle))
        for _ in range(missing):
            roster.add(connection, store, start_process(store, _WORKER))
    wake(idle[:waiting])


def keep_spare(store: Store) -> None:
    """Start one worker before there is a run, so that the first run need not wait for imports.

    None is started while this machine has a worker of this store: an idle one is a spare worker
    already, and is told to stay; beside one at work, the imports would take cores from its run.
    Nor where memory is short. A spare worker is a worker like any other: it counts in
    ``MLCORE_WORKERS``, and ends after ``MLCORE_WORKER_IDLE`` seconds without a run or this call.

    Raises:
        StoreError: If the store does not answer, or its folder cannot be written.
    """
    reap_children()
    here = this_host()
    with store.writing() as connection:  # alone, so that two servers do not both start one
        alive = roster.alive_here(connection, here)
        idle = roster.idle_among(connection, here, alive)
        if not alive and psutil.virtual_memory().available >= MEMORY_EACH:
            roster.add(connection, store, start_process(store, _WORKER, SPARE))
    wake(idle[:1])


def _spare_wanted() -> bool:
    given = os.environ.get(SPARE_VARIABLE, "1")
    if given not in ("0", "1"):
        raise EngineError(
            f"{SPARE_VARIABLE} is {given!r}, but must be 1 (keep a worker ready while a page is "
            "open that can train) or 0 (start one only when a run waits)."
        )
    return given == "1"


def reap_children() -> None:
    """Collect ended child processes, so that none remains as a zombie."""
    _children[:] = [child for child in _children if child.poll() is None]


def start_process(store: Store, module: str, *arguments: str) -> ProcessId:
    """Start a module in its own session; it outlives the process that started it.

    The store's address goes by the environment, which only its owner can read; the command line,
    which everyone can, shows it without its password.
    """
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
        child = Popen(  # noqa: S603 - our own module under our own interpreter
            [sys.executable, "-P", "-m", module, store.shown_url, *arguments],
            stdin=DEVNULL,
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
