"""Claims the run of a folder that is followed: one process, and in it one thread, holds it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlcore.core import RunStateError
from mlcore.runs.execution.claims import Claim
from mlcore.runs.execution.patience import insist
from mlcore.runs.process_id import ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs
from mlcore.runs.store.submission import new_id

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

_held: set[str] = set()
"""The tokens of the claims that this process holds."""


def hold_followed(store: Store, place: str, known: Run | None, row: Mapping[str, Any]) -> Claim:
    """Claim a run, which runs from now on.

    Args:
        store: Where it is, or will be.
        place: The folder, for the sentence of an error.
        known: The run; None makes one.
        row: The columns of a new one; its fingerprint lets only one of a folder be live.

    Raises:
        RunStateError: If another process or thread follows it, or it was deleted meanwhile.
        StoreError: If the store does not answer.
    """
    process, token = ProcessId.of(), secrets.token_hex(8)
    held = {
        "status": Status.RUNNING,
        "claim": token,
        "request": None,
        "finished": None,
        "error": None,
        "host": process.host,
        "pid": process.pid,
        "pid_started": process.started,
        "heartbeat": store.clock(),
    }

    def take() -> Run:
        with store.writing() as connection:
            mine = select(runs).where(runs.c.claim == token)
            if (done := connection.execute(mine).one_or_none()) is not None:
                return run_of(done, store)  # the store did not say so the last time
            if known is None:
                made = insert(runs).values({**row, **held, "id": _free_id(connection, row["id"])})
                return run_of(connection.execute(made.returning(*runs.c)).one(), store)
            _check_holder(connection, known, place)
            taken = update(runs).where(runs.c.key == known.key).values(held)
            return run_of(connection.execute(taken.returning(*runs.c)).one(), store)

    _held.add(token)
    try:
        return Claim(insist(take), token)
    except BaseException as error:
        _held.discard(token)
        if not isinstance(error, IntegrityError):
            raise
        raise RunStateError(  # it was taken since it was looked for
            f"Another process follows {place} already. Stop it first."
        ) from None


def let_go(claim: Claim) -> None:
    """This process no longer writes by this claim."""
    _held.discard(claim.token)


def _check_holder(connection: Connection, run: Run, place: str) -> None:
    """Check that nobody else follows it."""
    c = runs.c
    query = select(c.status, c.claim, c.host, c.pid, c.pid_started, c.heartbeat)
    still = c.key == run.key, c.deleted.is_(None)
    row = connection.execute(query.where(*still)).one_or_none()
    if row is None:
        raise RunStateError(f"Run {run.id} was deleted meanwhile.")
    if row.status == Status.RUNNING and row.pid is not None:
        holder = ProcessId(row.host, row.pid, row.pid_started)
        here = holder == ProcessId.of()
        if row.claim in _held if here else holder.alive(row.heartbeat):
            raise RunStateError(
                f"Process {row.pid} on {row.host} follows {place} already, as run {run.id}. Stop "
                "it first."
            )


def _free_id(connection: Connection, wanted: str) -> str:
    while connection.execute(select(runs.c.key).where(runs.c.id == wanted)).first() is not None:
        wanted = new_id()
    return wanted
