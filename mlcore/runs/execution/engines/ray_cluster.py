"""The Ray engine: reaches a cluster from outside without importing Ray, with clear errors."""

from __future__ import annotations

import importlib.util
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Row, delete, insert, select

from mlcore.core import EngineError
from mlcore.runs.execution.engines import roster
from mlcore.runs.execution.engines.local import start_process
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import workers

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

CLIENT_PORT: Final = 10001
KNOCK_FOR: Final = 3.0
"""Seconds within which the cluster must answer."""

RESTART_AFTER: Final = 15.0
"""Seconds between two tries to reach a cluster that answers but refuses clients."""

_SLOTS_UNTIL_KNOWN: Final = 8
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class RayCluster:
    """The engine that runs each queued run as a task of a Ray cluster.

    A dispatcher, a small actor in the cluster, reads from the store which runs wait. Pages and
    scripts come and go; no object of Ray's holds a result.

    Attributes:
        address: ``ray://HOST:PORT``, or ``auto`` for the cluster that this machine belongs to
            (``RAY_ADDRESS`` if set, else the one that ``ray start`` noted down).
        retries: A node that dies costs each of its runs one of these.
    """

    address: str
    retries: int = 1

    def check(self, store: Store) -> None:
        """Check that the cluster could execute runs that are queued now.

        Raises:
            EngineError: If the store is a file, Ray is missing, or the cluster does not answer.
        """
        if not store.server:
            raise EngineError(
                f"The store {store.shown_url} is a file of this machine, but the runs of a Ray "
                "cluster are written from many machines at once, where SQLite's locks do not "
                "hold. Name a PostgreSQL server in MLCORE_STORE (postgresql+psycopg://…), or "
                "take MLCORE_ENGINE away for workers on this machine."
            )
        if importlib.util.find_spec("ray") is None:
            raise EngineError(
                f"MLCORE_ENGINE is {self.address}, but Ray is not installed here. Install it "
                "with: pip install 'mlcore[ray]'"
            )
        host, port = self.endpoint()
        if store.server_host in _LOOPBACK and host not in _LOOPBACK and self.address != "auto":
            raise EngineError(
                f"The store {store.shown_url} is at {store.server_host}, which to each machine of "
                f"the cluster at {host} is that machine itself. Name the server in MLCORE_STORE as "
                "they all know it."
            )
        try:
            socket.create_connection((host, port), timeout=KNOCK_FOR).close()
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
            raise EngineError(
                f"Ray does not answer at {host}:{port} ({reason}). Nothing was queued. Start it "
                "there with `ray start --head`, or name another address in MLCORE_ENGINE."
            ) from None

    def endpoint(self) -> tuple[str, int]:
        """Host and port of the cluster.

        Raises:
            EngineError: If the address is none, or this machine belongs to no cluster.
        """
        url = self.url()
        parts = urlsplit(url if "://" in url else f"//{url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:  # a port that is no number
            host, port = None, None
        if not host or not (port or url.startswith("ray://")):
            raise EngineError(
                f"The Ray address {url!r} is none. Give ray://HOST:PORT, where the port is "
                f"{CLIENT_PORT} unless it was chosen otherwise."
            )
        return host, port or CLIENT_PORT

    def url(self) -> str:
        """What ``ray.init`` takes: ``ray://HOST:PORT`` or ``HOST:PORT``.

        Raises:
            EngineError: If this machine belongs to no cluster.
        """
        if self.address != "auto":
            return self.address
        named = os.environ.get("RAY_ADDRESS", "")
        if named not in ("", "auto"):
            return named
        folder = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray"
        try:
            return (folder / "ray_current_cluster").read_text(encoding="utf-8").strip()
        except OSError:
            raise EngineError(
                "MLCORE_ENGINE is auto, but this machine belongs to no Ray cluster. Start one "
                "with `ray start --head`, or name one with MLCORE_ENGINE=ray://HOST:PORT."
            ) from None

    def provide(self, store: Store) -> None:
        """Make sure that the cluster has a dispatcher for this store.

        Raises:
            EngineError: If it cannot have one.
        """
        if not self._is_served(store):
            self.check(store)
            self.launch(store)

    def launch(self, store: Store) -> ProcessId | None:
        """Start the process that creates a dispatcher in the cluster, unless one just started."""
        with store.writing() as connection:  # alone, so that two callers do not both start one
            if self._is_served(store):
                return None
            process = start_process(store, "mlcore.runs.execution.engines.ray_launcher")
            now = store.clock()
            connection.execute(delete(workers).where(workers.c.id == roster.DISPATCHER))
            connection.execute(
                insert(workers).values(
                    id=roster.DISPATCHER,
                    host=process.host,
                    pid=process.pid,
                    pid_started=process.started,
                    started=now,
                    heartbeat=now,
                )
            )
        return process

    def slots(self, store: Store) -> int:
        """The cluster's number of runs at once, as its dispatcher last reported it."""
        with store.reading() as connection:
            query = select(workers.c.slots).where(workers.c.id == roster.DISPATCHER)
            return connection.execute(query).scalar_one_or_none() or _SLOTS_UNTIL_KNOWN

    def prepare(self, _store: Callable[[], Store]) -> None:
        """Nothing: the dispatcher is started with the first run."""

    def complaint(self, store: Store) -> str | None:
        """An error sentence if the dispatcher could not be started."""
        row = _dispatcher(store)
        if row is None or _there(row):
            return None
        return (
            f"Ray answers at {':'.join(map(str, self.endpoint()))}, but the store's dispatcher in "
            "it ended or did not start; it is tried again. "
            f"{store.files / 'workers.log'} says why. "
            "Do all machines of the cluster have this mlcore, and do they reach the store?"
        )

    @staticmethod
    def _is_served(store: Store) -> bool:
        row = _dispatcher(store)
        return row is not None and (_there(row) or row.now - row.started < RESTART_AFTER)


def _dispatcher(store: Store) -> Row[Any] | None:
    query = select(workers, store.clock().label("now")).where(workers.c.id == roster.DISPATCHER)
    with store.reading() as connection:
        return connection.execute(query).one_or_none()


def _there(row: Row[Any]) -> bool:
    return ProcessId(row.host, row.pid, row.pid_started).alive(row.heartbeat, row.now)
