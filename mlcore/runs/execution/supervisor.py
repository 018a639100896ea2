"""Keeps the store's runs going: dead ones are marked, waiting ones find somebody to do them."""

from __future__ import annotations

import importlib
import logging

from sqlalchemy import select

from mlcore.core import EngineError
from mlcore.runs.execution.deaths import reap
from mlcore.runs.execution.engines import chosen
from mlcore.runs.status import Status
from mlcore.runs.store.schema import sweeps
from mlcore.runs.store.store import Store

_log = logging.getLogger("mlcore.engine")


def tend(store: Store) -> None:
    """Mark dead runs lost, and see to it that somebody works on those that wait.

    Cheap when there is nothing to do; every watcher calls it, so no one has to stand guard. An
    engine that cannot be reached is no reason not to look at runs: see ``trouble``.
    """
    recover(store)
    if store.count(Status.QUEUED):
        try:
            chosen().provide(store)
        except EngineError as error:
            _log.warning("%s", error)


def recover(store: Store) -> None:
    """Mark dead runs lost and move sweeps on: what workers do too, when no page is open."""
    reap(store)
    with store.reading() as connection:
        query = select(sweeps.c.id).where(sweeps.c.status == "running").limit(1)
        running = connection.execute(query).first() is not None
    if running:
        # by name: sweeps stand on runs, and most who look have none and should not load them
        importlib.import_module("mlcore.sweeps.coordinator").advance_all(store)


def check(store: Store) -> None:
    """Call before queueing runs: nothing is to be queued that nobody would carry out.

    Raises:
        EngineError: If the engine cannot be reached or cannot work with this store.
    """
    chosen().check(store)


def trouble(store: Store) -> str | None:
    """Why queued runs wait in vain, as a sentence; None if all is well."""
    try:
        check(store)
        return chosen().complaint(store)
    except EngineError as error:
        return str(error)


def slots(store: Store) -> int:
    """How many runs are worked on at once: as many as are worth queueing together.

    Raises:
        EngineError: If ``MLCORE_ENGINE`` names no engine.
    """
    return chosen().slots(store)


def retries() -> int:
    """How often a run that is queued now is queued again by itself if its process dies."""
    return chosen().retries
