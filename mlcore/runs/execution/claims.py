"""Claims: the right of one process to write to a run, held by heartbeats."""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from mlcore.core import MlcoreError
from mlcore.runs.status import Status
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import ReturningUpdate

    from mlcore.runs.process_id import ProcessId
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.points import Point
    from mlcore.runs.store.store import Store


class ClaimLostError(MlcoreError, RuntimeError):
    """Another process has claimed the run, or it was deleted; flushed points stay."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one process to write to one run.

    Attributes:
        run: The run as it was when it was taken.
        token: Distinguishes this claim from a later one of the same run.
    """

    run: Run
    token: str

    @property
    def store(self) -> Store:
        """The run's store."""
        return self.run.store


def take(store: Store, process: ProcessId, run_id: str | None = None) -> Claim | None:
    """Claim a queued run, by default the one that has waited longest; None if there is none."""
    waiting = select(runs.c.key).where(runs.c.status == Status.QUEUED)
    if run_id is not None:
        waiting = waiting.where(runs.c.id == run_id)
    first = waiting.order_by(runs.c.queued, runs.c.key).limit(1).with_for_update(skip_locked=True)
    # the subquery skips rows that others are claiming, so no lock on the table is needed
    with store.writing(alone=False) as connection:
        taken = _take(connection, store, process, runs.c.key == first.scalar_subquery())
    return taken[0] if taken else None


def _take(
    connection: Connection, store: Store, process: ProcessId, which: ColumnElement[bool]
) -> list[Claim]:
    token, now = secrets.token_hex(8), store.clock()
    rows = connection.execute(
        update(runs)
        .where(which)
        .values(
            status=Status.RUNNING,
            claim=token,
            host=process.host,
            pid=process.pid,
            pid_started=process.started,
            heartbeat=now,
            started=func.coalesce(runs.c.started, now),
            error=None,
        )
        .returning(*runs.c)
    )
    return [Claim(run_of(row, store), token) for row in rows]


def hold(
    connection: Connection, claim: Claim, values: Mapping[str, Any] | None = None
) -> str | None:
    """Begin a transaction on a claimed run; raises if this process no longer holds the claim.

    The write is a sign of life: a run that was given up for lost is back by it.

    Args:
        connection: In a write transaction.
        claim: The claim on the run.
        values: Columns of the run to set.

    Returns:
        ``"stop"``, ``"pause"`` or ``"prune"`` if that was requested, else None.

    Raises:
        ClaimLostError: If this process no longer holds the run; nothing was written of it.
        IntegrityError: Likewise, for a run that was lost and has a live twin; the transaction is
            spoilt.
    """
    alive = {
        "heartbeat": claim.store.clock(),
        "status": Status.RUNNING,
        "finished": None,
        "error": None,
    }
    new = {name: _plain(value) for name, value in (alive | dict(values or {})).items()}
    fixed = {name: value for name, value in new.items() if isinstance(value, ClauseElement)}
    row = connection.execute(
        _holding(tuple(name for name in new if name not in fixed)).values(fixed),
        {f"new_{name}": value for name, value in new.items() if name not in fixed}
        | {"held_key": claim.run.key, "held_token": claim.token},
    ).one_or_none()
    if row is None:
        raise lost(claim)
    request: str | None = row.request
    return request


def _plain(value: Any) -> Any:
    """A value that SQLAlchemy wraps, without its wrapping."""
    return value.value if isinstance(value, BindParameter) else value


@functools.cache  # a sweep's members hold their runs many times a second
def _holding(columns: tuple[str, ...]) -> ReturningUpdate[Any]:
    return (
        update(runs)
        .where(_held_by(bindparam("held_key"), bindparam("held_token")))
        .values({name: bindparam(f"new_{name}") for name in columns})
        .returning(runs.c.request)
    )


@contextmanager
def writing_to(claim: Claim, *, durable: bool = False) -> Iterator[Connection]:
    """A transaction for ``hold`` and the writes to one run that follow it.

    Raises:
        ClaimLostError: If this process no longer holds the run; nothing was written.
        StoreError: If the store does not answer; it is not waited for.
    """
    try:
        with claim.store.writing(alone=False, patience=0, durable=durable) as connection:
            yield connection
    except IntegrityError:
        raise lost(claim) from None


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
    """Write points and the run's progress in one transaction.

    Args:
        claim: The claim on the run.
        points: What was measured since the last flush.
        step: Optimizer steps taken.
        done: Work done, in the unit of ``total``.
        total: Work in all.
        elapsed: Seconds of work.
        latest: The last value of each metric.

    Returns:
        The run's request, as ``hold`` returns it.

    Raises:
        ClaimLostError: If this process no longer holds the run; nothing is written.
    """
    with writing_to(claim) as connection:
        progress = progress_values(step, done, total, elapsed, latest)
        request = hold(connection, claim, progress)
        claim.store.point_table.write(connection, claim.run.key, points)
        return request


def progress_values(
    step: int, done: float, total: float, elapsed: float, latest: Mapping[str, float]
) -> dict[str, Any]:
    """A run's progress as columns of its row."""
    return {
        "step": step,
        "done": done,
        "total": total,
        "elapsed": elapsed,
        "latest": json.dumps(dict(latest)),
    }


def take_ensemble(store: Store, process: ProcessId, run_id: str | None = None) -> list[Claim]:
    """Claim a queued run and all queued runs of its ensemble.

    Args:
        store: Where they wait.
        process: The process that claims them.
        run_id: A certain run; the one that has waited longest if not given.

    Returns:
        The claims in the order of submission; none if nothing waits, or that run does not.
    """
    waiting = runs.c.status == Status.QUEUED
    oldest = select(runs.c.key, runs.c.ensemble).where(waiting)
    if run_id is not None:
        oldest = oldest.where(runs.c.id == run_id)
    oldest = oldest.order_by(runs.c.queued, runs.c.key).limit(1)
    with store.reading() as connection:
        found = connection.execute(oldest).one_or_none()
    if found is None or found.ensemble is None:
        alone = None if found is None else take(store, process, run_id)
        return [] if alone is None else [alone]
    with store.writing() as connection:
        group = waiting & (runs.c.ensemble == found.ensemble)
        return sorted(_take(connection, store, process, group), key=lambda claim: claim.run.key)


def release(claims: Sequence[Claim], *, alone: bool) -> None:
    """Give back claimed runs that have not begun; they return to their place in the queue.

    Args:
        claims: Of these runs.
        alone: Whether they leave their ensemble.
    """
    for claim in claims:
        values: dict[str, Any] = {"status": Status.QUEUED, "claim": None}
        with claim.store.writing(alone=False) as connection:
            connection.execute(
                update(runs)
                .where(_held(claim), runs.c.status == Status.RUNNING)
                .values(**values, **({"ensemble": None} if alone else {}))
            )


def beat(claim: Claim) -> None:
    """Send the heartbeat of a run; a run marked lost is running again by it.

    Raises:
        ClaimLostError: If this process no longer holds the run.
    """
    with writing_to(claim) as connection:
        hold(connection, claim)


def end(claim: Claim, status: Status, **details: Any) -> Run:
    """Set a run's final status and give up the claim.

    Args:
        claim: The claim on it.
        status: ``FINISHED``, ``FAILED``, ``STOPPED``, ``PAUSED`` or ``PRUNED``.
        details: Columns to set with it, such as ``error``.

    Raises:
        ClaimLostError: If this process no longer holds the run.
    """
    with writing_to(claim, durable=True) as connection:
        hold(connection, claim, end_values(claim, status, **details))
    return claim.run.refresh()


def end_values(claim: Claim, status: Status, **details: Any) -> dict[str, Any]:
    """A run's final status as columns; see ``end``."""
    ended = {"status": status, "finished": claim.store.clock(), "request": None, "claim": None}
    return ended | details


def _held(claim: Claim) -> ColumnElement[bool]:
    return _held_by(claim.run.key, claim.token)


def _held_by(key: Any, token: Any) -> ColumnElement[bool]:
    return and_(
        runs.c.key == key,
        runs.c.claim == token,
        runs.c.status.in_([Status.RUNNING, Status.LOST]),
    )


def lost(claim: Claim) -> ClaimLostError:
    """The error for a claim that is no longer held."""
    return ClaimLostError(
        f"Run {claim.run.id} was claimed by another process or deleted; this process stops "
        "writing to it."
    )
