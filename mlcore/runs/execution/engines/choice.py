"""Selects the engine that executes runs, from ``MLCORE_ENGINE``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from mlcore.core import EngineError
from mlcore.runs.execution.engines.local import LocalWorkers
from mlcore.runs.execution.engines.ray_cluster import RayCluster

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

VARIABLE: Final = "MLCORE_ENGINE"


class Engine(Protocol):
    """What executes queued runs; it shares nothing with the runs' processes but the store."""

    @property
    def retries(self) -> int:
        """How often a run whose process died is queued again automatically."""

    def check(self, store: Store, /) -> None:
        """Raise EngineError if runs queued now could not be executed."""

    def provide(self, store: Store, /) -> None:
        """Start what is needed to execute the queued runs. Cheap when it is running already."""

    def prepare(self, store: Callable[[], Store], /) -> None:
        """Make ready for a run that may be queued soon; the store is opened only if need be."""

    def complaint(self, store: Store, /) -> str | None:
        """Why queued runs wait although ``check`` found no fault, if that is known."""

    def slots(self, store: Store, /) -> int:
        """How many runs are executed at once."""


def chosen() -> Engine:
    """The engine that ``MLCORE_ENGINE`` names; local workers if it is not set.

    Raises:
        EngineError: If it names none.
    """
    given = os.environ.get(VARIABLE, "local").strip()
    if given in ("", "local"):
        return LocalWorkers()
    if given in ("auto", "ray"):
        return RayCluster("auto")
    if given.startswith("ray://"):
        return RayCluster(given)
    raise EngineError(
        f"{VARIABLE} is {given!r}, but must be local (workers on this machine), auto (the Ray "
        "cluster that this machine belongs to) or ray://HOST:PORT (a Ray cluster elsewhere)."
    )
