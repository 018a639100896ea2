"""Who may write to a run: a claim is taken, kept with heartbeats, and lost with the process."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.exc import IntegrityError

from mlcore.runs.liveness import ProcessId
from mlcore.runs.points import Point
from mlcore.runs.recorded_run import Run
from mlcore.runs.schema import runs
from mlcore.runs.status import Status
from mlcore.runs.store import Store


class ClaimLostError(RuntimeError):
    """Another process has taken the run, or it was deleted; what was flushed is kept."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one process to write to one run.

    Attributes:
        run: The run as it was when it was taken.
        token: What tells this claim from a later one of the same run.
    """

    run: Run
    token: str

    @property
    def store(self) -> Store:
        """Where the run is kept."""
        return self.run.store


def take(store: Store, process: ProcessId, run_id: str | None = None) -> Claim | None:
    """Take the queued run that has waited longest, or a certain one; None if there is none."""
    token = secrets.token_hex(8)
    waiting = select(runs.c.key).where(runs.c.status == Status.QUEUED)
    if run_id is not None:
        waiting = waiting.where(runs.c.id == run_id)
    first = waiting.order_by(runs.c.queued, runs.c.key).limit(1).with_for_update(skip_locked=True)
    now = time.time()
    with store.writing() as connection:
        taken = connection.execute(
            update(runs)
            .where(runs.c.key == first.scalar_subquery())
            .values(
                status=Status.RUNNING,
                claim=token,
                host=process.host,
                pid=process.pid,
                pid_started=process.started,
                heartbeat=now,
                started=func.coalesce(runs.c.started, now),
            )
            .returning(runs.c.id)
        ).one_or_none()
    return None if taken is None else Claim(store.get(taken[0]), token)


def flush(
    claim: Claim,
    points: Sequence[Point],
    *,
    step: int,
    done: float,
    total: float,
    elapsed: float,
    latest: Mapping[str, float],
) -> str | None:
    """Write what has been measured since the last flush, in one transaction.

    Returns:
        ``"stop"`` or ``"pause"`` if a person asks for it, else None.

    Raises:
        ClaimLostError: If this process no longer holds the run; nothing is written.
    """
    now = time.time()
    values = {
        "step": step,
        "done": done,
        "total": total,
        "elapsed": elapsed,
        "latest": json.dumps(dict(latest)),
        "heartbeat": now,
        "status": Status.RUNNING,  # a run that was given up for lost is back
    }
    try:
        with claim.store.writing() as connection:
            row = connection.execute(
                update(runs).where(_held(claim)).values(values).returning(runs.c.request)
            ).one_or_none()
            if row is None:
                raise _lost(claim)
            claim.store.point_table.write(connection, claim.run.key, points)
    except IntegrityError:
        raise _lost(claim) from None
    request: str | None = row[0]
    return request


def beat(claim: Claim) -> None:
    """Say that the process is alive; a run given up for lost comes back by it.

    Raises:
        ClaimLostError: If this process no longer holds the run.
    """
    try:
        with claim.store.writing() as connection:
            beaten = connection.execute(
                update(runs)
                .where(_held(claim))
                .values(heartbeat=time.time(), status=Status.RUNNING, finished=None, error=None)
                .returning(runs.c.key)
            ).one_or_none()
    except IntegrityError:
        beaten = None
    if beaten is None:
        raise _lost(claim)


def end(claim: Claim, status: Status, **details: Any) -> Run:
    """Set the end that a run came to, and give up the claim.

    Args:
        claim: The claim on it.
        status: ``FINISHED``, ``FAILED``, ``STOPPED`` or ``PAUSED``.
        details: Columns to set with it, such as ``error``.

    Raises:
        ClaimLostError: If this process no longer holds the run.
    """
    try:
        with claim.store.writing() as connection:
            ended = connection.execute(
                update(runs)
                .where(_held(claim))
                .values(status=status, finished=time.time(), request=None, claim=None, **details)
                .returning(runs.c.key)
            ).one_or_none()
    except IntegrityError:
        ended = None
    if ended is None:
        raise _lost(claim)
    return claim.run.refresh()


def reap(store: Store) -> list[str]:
    """Find the runs whose process has died, and mark them lost.

    Returns:
        The ids of those found now.
    """
    c = runs.c
    query = select(c.key, c.id, c.host, c.pid, c.pid_started, c.heartbeat, c.claim, c.step).where(
        c.status == Status.RUNNING
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    dead = [
        row
        for row in rows
        if not ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat)
    ]
    if not dead:
        return []
    with store.writing() as connection:
        for row in dead:
            connection.execute(
                update(runs)
                # a heartbeat that came in between proves it alive
                .where(
                    and_(
                        c.key == row.key,
                        c.status == Status.RUNNING,
                        c.claim == row.claim,
                        c.heartbeat == row.heartbeat,
                    )
                )
                .values(
                    status=Status.LOST,
                    finished=time.time(),
                    request=None,
                    error=(
                        f"Its process ({row.pid} on {row.host}) ended without a word after step "
                        f"{row.step}. Every point up to there is kept; resume to go on from the "
                        "last checkpoint."
                    ),
                )
            )
    return [row.id for row in dead]


def _held(claim: Claim) -> Any:
    return and_(
        runs.c.key == claim.run.key,
        runs.c.claim == claim.token,
        runs.c.status.in_([Status.RUNNING, Status.LOST]),
    )


def _lost(claim: Claim) -> ClaimLostError:
    return ClaimLostError(
        f"Run {claim.run.id} was taken up by another process or deleted; this one lets it go."
    )
