"""The hook by which ``mlcore.runs`` advances the running sweeps of a store."""

from __future__ import annotations

from sqlalchemy import select

from mlcore.runs.store.schema import sweeps
from mlcore.runs.store.store import Store


def advance_running(store: Store) -> None:
    """Advance the running sweeps of a store; without any, samplers are not even imported."""
    with store.reading() as connection:
        query = select(sweeps.c.id).where(sweeps.c.status == "running").limit(1)
        running = connection.execute(query).first() is not None
    if running:
        from mlcore.sweeps.coordinator import advance_all

        advance_all(store)
