"""Writes and reads rows of the table ``sweeps``, with optimistic locking."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from mlcore.core import SweepNotFoundError, canonical_json
from mlcore.runs.store.damage import damaged, json_of
from mlcore.runs.store.schema import sweeps
from mlcore.runs.store.store import Store
from mlcore.sweeps.space import Space
from mlcore.sweeps.spec import SweepSpec

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # as for runs

RUNNING = "running"
STOPPED = "stopped"
FINISHED = "finished"
FAILED = "failed"
STATUSES = (RUNNING, STOPPED, FINISHED, FAILED)


def create(
    connection: Connection,
    spec: SweepSpec,
    settings: int | None,
    minutes: float | None,
    name: str = "",
) -> str:
    """Insert a new, running sweep; ``coordinator.advance`` queues its first runs."""
    now = time.time()
    sweep_id = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    connection.execute(
        insert(sweeps).values(
            id=sweep_id,
            name=name,
            experiment=spec.experiment,
            spec=spec.to_json(),
            status=RUNNING,
            settings=settings,
            deadline=None if minutes is None else now + 60 * minutes,
            created=now,
        )
    )
    return sweep_id


def read(connection: Connection, sweep_id: str) -> Row[Any]:
    """The row of a sweep, by its id or an unambiguous prefix of it.

    Raises:
        SweepNotFoundError: If there is none, or more than one.
    """
    row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one_or_none()
    if row is None and len(sweep_id) >= 3:
        like = sweeps.c.id.startswith(sweep_id, autoescape=True)
        found = connection.execute(select(sweeps).where(like).limit(2)).all()
        row = found[0] if len(found) == 1 else None
    if row is None:
        raise SweepNotFoundError(
            f"No sweep has the id {sweep_id!r}. mlcore.sweeps.list_sweeps(), or mlcore sweeps ls, "
            "lists those that exist."
        )
    return row


def newest_equal(connection: Connection, spec: SweepSpec) -> Row[Any] | None:
    """The newest sweep that was started with an equal spec and whose space never changed."""
    query = (
        select(sweeps)
        .where(sweeps.c.spec == spec.to_json(), sweeps.c.spaces == "[]")
        .order_by(sweeps.c.created.desc())
    )
    return connection.execute(query.limit(1)).one_or_none()


def running_ids(store: Store) -> Sequence[str]:
    """The ids of running sweeps."""
    with store.reading() as connection:
        query = select(sweeps.c.id).where(sweeps.c.status == RUNNING).order_by(sweeps.c.created)
        return list(connection.execute(query).scalars())


def spec_of(row: Row[Any]) -> SweepSpec:
    """The current spec: the first one, over the space it was last given."""
    spec = SweepSpec.from_json(row.spec)
    changes = json_of(row.spaces, list, "spaces", f"sweep {row.id}")
    if not changes:
        return spec
    try:
        space = Space.from_json(json.dumps(changes[-1]["space"]))
    except (LookupError, TypeError, AttributeError):
        must_be = "the changes of its space"
        raise damaged("spaces", f"sweep {row.id}", row.spaces, must_be) from None
    return spec.with_space(space)


def with_change(row: Row[Any], space: Space) -> str:
    """The column ``spaces`` with one change appended."""
    change = {"from": row.asked, "space": json.loads(space.to_json())}
    return canonical_json([*json_of(row.spaces, list, "spaces", f"sweep {row.id}"), change])


def alter(connection: Connection, sweep_id: str, **columns: Any) -> None:
    """Set columns of a sweep."""
    connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(**columns))


def remove(connection: Connection, sweep_id: str) -> None:
    """Delete a sweep, its trials and its ensembles; runs stay."""
    connection.execute(delete(sweeps).where(sweeps.c.id == sweep_id))
