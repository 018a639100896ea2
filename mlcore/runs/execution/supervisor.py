"""Keeps the runs of a store going: marks dead ones, and starts workers for queued ones.

Higher layers (sweeps) have their work done at the same time: see ``mlcore.core.hooks.on_tend``.
"""

from __future__ import annotations

import logging

from mlcore.core import EngineError
from mlcore.core.hooks import run_tend_hooks
from mlcore.runs.execution.engines import chosen
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.status import Status
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
    run_tend_hooks(store)


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
