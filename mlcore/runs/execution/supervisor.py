"""Keeps a store's runs going: marks dead runs lost and starts workers for queued ones.

Higher layers (sweeps) have their work done at the same time: see ``mlcore.core.hooks.on_tend``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlcore.core import EngineError, MlcoreError
from mlcore.core.hooks import run_tend_hooks
from mlcore.runs.execution.engines import chosen
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.status import Status
from mlcore.runs.store.store import open_store

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

_log = logging.getLogger("mlcore.engine")


def tend(store: Store) -> None:
    """Mark dead runs lost, and start workers for the queued ones.

    Cheap when there is nothing to do; pages, scripts and workers all call it. An engine that cannot
    be reached raises nothing here, so that runs can still be read: see ``trouble``.

    Example:
        >>> import mlcore
        >>> mlcore.runs.tend(mlcore.runs.open_store())
    """
    recover(store)
    if store.count(Status.QUEUED):
        try:
            chosen().provide(store)
        except EngineError as error:
            _log.warning("%s", error)


def prepare(store_url: str | None = None) -> None:
    """Make ready for a run that may be queued soon; what hinders it is only logged.

    A run that is queued nonetheless is executed as if this had not been called.

    Args:
        store_url: Address of the store, as ``open_store`` takes it.
    """
    try:
        chosen().prepare(lambda: open_store(store_url))
    except (MlcoreError, OSError) as error:
        _log.warning("No worker was made ready: %s", error)


def recover(store: Store) -> None:
    """Mark dead runs lost and advance sweeps; workers do so too while no page is open."""
    reap(store)
    run_tend_hooks(store)


def check(store: Store) -> None:
    """Raise EngineError if runs queued now could not be executed; call before queueing.

    Raises:
        EngineError: If the engine cannot be reached or cannot work with this store.
    """
    chosen().check(store)


def trouble(store: Store) -> str | None:
    """Why queued runs are not executed, as a sentence; None if all is well."""
    try:
        check(store)
        return chosen().complaint(store)
    except EngineError as error:
        return str(error)


def slots(store: Store) -> int:
    """How many runs are executed at once, so how many are worth queueing together.

    Raises:
        EngineError: If ``MLCORE_ENGINE`` names no engine.
    """
    return chosen().slots(store)


def retries() -> int:
    """How often a run that is queued now is queued again if its process dies."""
    return chosen().retries
