"""What becomes of a run whose process is gone: it is lost, or queued again by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from mlcore.runs.execution.claims import Claim
from mlcore.runs.execution.liveness import ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store

FORGOTTEN_AFTER = 120.0
"""Seconds without a heartbeat after which a run on a server counts as dead though its process is
there: a cluster's processes go on to other tasks."""


def reap(store: Store) -> list[str]:
    """Find the runs whose process has died: mark them lost, or queue again those that may.

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


def abandon(claim: Claim) -> None:
    """Let go of a run that this process cannot carry on, as if the process had died.

    Raises:
        StoreError: If the store cannot be written either; then its silence says the same.
    """
    with claim.store.writing() as connection:
        query = select(runs).where(runs.c.key == claim.run.key).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is not None and row.status == Status.RUNNING:
            _give_up(connection, claim.store, row, runs.c.claim == claim.token, "gave it up")


def _held(store: Store, row: Row[Any]) -> bool:
    """Whether the process lives, and on a cluster, whose processes live on, still cares."""
    if store.server and row.now - row.heartbeat > FORGOTTEN_AFTER:
        return False
    return ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat, row.now)


def _give_up(
    connection: Connection, store: Store, row: Row[Any], still: ColumnElement[bool], what: str
) -> None:
    """Queue a run again if it has a retry left and nobody asked it to end; else it is lost."""
    why = (
        f"Its process ({row.pid} on {row.host}) {what} after step {row.step}. Every point up to "
        "there is kept; "
    )
    values: dict[str, Any] = {"status": Status.LOST, "finished": store.clock()}
    values["error"] = why + "resume to go on from the last checkpoint."
    if row.retries > 0 and row.request is None:
        values = {"status": Status.QUEUED, "claim": None, "retries": row.retries - 1}
        values["error"] = why + "it was queued again and goes on from the last checkpoint."
    connection.execute(
        update(runs)
        .where(runs.c.key == row.key, runs.c.status == Status.RUNNING, still)
        .values(**values, request=None)
    )
