"""Heartbeats: show that a run's process lives; without them the run is lost or queued again.

A process that holds runs sends a heartbeat for each of them. On the process's own machine its
number and start time say whether it lives, elsewhere the age of its last heartbeat does. A run
whose process is gone is lost, or queued again by itself; a late heartbeat brings a lost run back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from mlcore.core import StoreError
from mlcore.runs.execution.claims import Claim, ClaimLostError, beat
from mlcore.runs.execution.system_metrics import SystemRecorder
from mlcore.runs.process_id import HEARTBEAT_EVERY, ProcessId
from mlcore.runs.recorded_run import SCRIPT
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

FORGOTTEN_AFTER = 120.0
"""Seconds without a heartbeat after which a run on a server counts as dead though its process is
there: a cluster's processes go on to other tasks."""


@contextmanager
def heartbeat(claims: Sequence[Claim]) -> Iterator[None]:
    """Send heartbeats from a separate thread, so that one long step does not look like a crash.

    Claims that are lost or given up beat no more. A store that does not answer is tried again.
    The same thread takes the system metrics.
    """
    over = threading.Event()
    held = list(claims)
    system = SystemRecorder(claims)

    def keep_beating() -> None:
        while held and not over.wait(HEARTBEAT_EVERY):
            for claim in list(held):
                try:
                    beat(claim)
                except ClaimLostError:
                    held.remove(claim)  # the next flush meets the same and ends the run
                except StoreError:
                    break  # the flushing thread reports it and gives up in the end
            system.keep()
        if len(held) == len(claims):
            system.end()

    name = f"heartbeat-{claims[0].run.id}"
    thread = threading.Thread(target=keep_beating, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def reap(store: Store) -> list[str]:
    """Find runs whose process has died; mark them lost, or queue them again if retries are left.

    Returns:
        The ids of those found now.
    """
    query = select(runs, store.clock().label("now")).where(runs.c.status == Status.RUNNING)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    dead = [row for row in rows if not _held(store, row)]
    if not dead:
        return []
    with store.writing() as connection:
        for row in dead:
            # a heartbeat that came in between proves it alive
            same = (runs.c.claim == row.claim) & (runs.c.heartbeat == row.heartbeat)
            _give_up(connection, store, row, same, "ended without a word")
    return [row.id for row in dead]


def abandon(claim: Claim, reason: str = "") -> None:
    """Give up a run that this process cannot continue, as if the process had died.

    Args:
        claim: The claim on the run.
        reason: A sentence on why, to be stored with the run.

    Raises:
        StoreError: If the store cannot be written either; then its silence says the same.
    """
    with claim.store.writing() as connection:
        query = select(runs).where(runs.c.key == claim.run.key).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is not None and row.status == Status.RUNNING:
            mine = runs.c.claim == claim.token
            _give_up(connection, claim.store, row, mine, "gave it up", reason)


def _held(store: Store, row: Row[Any]) -> bool:
    """Whether the run's process lives and, on a cluster, still sends heartbeats for it."""
    if store.server and row.now - row.heartbeat > FORGOTTEN_AFTER:
        return False
    return ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat, row.now)


def _give_up(
    connection: Connection,
    store: Store,
    row: Row[Any],
    still: ColumnElement[bool],
    what: str,
    reason: str = "",
) -> None:
    """Queue a run again if it has a retry left and no request to end; else mark it lost."""
    why = (
        f"Its process ({row.pid} on {row.host}) {what} after step {row.step}. "
        f"{reason}{' ' if reason else ''}Every point up to there is saved; "
    )
    values: dict[str, Any] = {"status": Status.LOST, "finished": store.clock()}
    values["error"] = why + "resume to go on from the last checkpoint."
    if row.source is not None:
        followed = "run mlcore follow with its folder again to go on."
        script = "start its script again for another run."
        values["error"] = why + (script if row.source == SCRIPT else followed)
    if row.retries > 0 and row.request is None:
        values = {"status": Status.QUEUED, "claim": None, "retries": row.retries - 1}
        values["error"] = why + "it was queued again and goes on from the last checkpoint."
    connection.execute(
        update(runs)
        .where(runs.c.key == row.key, runs.c.status == Status.RUNNING, still)
        .values(**values, request=None)
    )
