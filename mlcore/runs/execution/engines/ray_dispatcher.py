"""The dispatcher: a Ray actor that submits each queued run of a store as a task."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.exceptions import RayError
from sqlalchemy import delete, select, update

from mlcore.core import EngineError, RunNotFoundError, RunStateError, StoreError
from mlcore.core.cores import give_cores
from mlcore.runs.execution.claims import ClaimLostError
from mlcore.runs.execution.engines import roster
from mlcore.runs.execution.engines.ray_cluster import RayCluster
from mlcore.runs.execution.process_setup import Code
from mlcore.runs.execution.supervisor import recover
from mlcore.runs.process_id import HEARTBEAT_EVERY, ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs, workers
from mlcore.runs.store.store import Store, open_store

if TYPE_CHECKING:
    from mlcore.runs.execution.engines.share import Share

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at what waits."""

STOP_WITHIN: Final = 30.0
"""Seconds a run may take to obey a wish to stop before its task is cancelled;
``MLCORE_STOP_WITHIN`` overrides it."""

QUEUE_AHEAD: Final = 4
"""Tasks that wait in Ray beyond the room there is: a freed core, or a new node, finds work."""

_log = logging.getLogger("mlcore.ray")


def carry_out(store_url: str, run_id: str) -> None:
    """The Ray task: execute one run. All its results go to the store."""
    from mlcore.runs.execution.worker import execute

    given = ray.get_runtime_context().get_assigned_resources()
    give_cores(int(given.get("CPU", 1)))
    # stopped, deleted or taken by another worker while it waited: no business of this task's
    with suppress(RunStateError, RunNotFoundError, ClaimLostError):
        execute(store_url, run_id)


class Dispatcher:
    """The one actor for a store in a cluster; it starts to work when it is created.

    Args:
        store_url: Address of the store, reachable from every node.
        share: What each run is given.
        patience: Seconds without work after which it leaves.
        stop_within: Seconds that a run has to obey a wish to stop.
    """

    def __init__(self, store_url: str, share: Share, patience: float, stop_within: float) -> None:
        self._store: Store = open_store(store_url)
        self._share = share
        self._patience = patience
        self._stop_within = stop_within
        self._tasks: dict[str, Any] = {}  # run id → Ray's reference to its task
        self._asked: dict[str, float] = {}  # run id → when it was first seen asked to stop
        self._slots = 0
        self._code = Code()
        self._retired = False
        self._launcher: ProcessId | None = None  # of the successor, until that is there
        # Ray gives no more retries than the store counts: see ``mlcore.runs.execution.heartbeat``
        self._carry_out = ray.remote(max_retries=0)(carry_out)
        threading.Thread(target=self._live, name="mlcore-dispatcher", daemon=True).start()

    def ready(self) -> bool:
        """Whether it works; False once it was replaced and only waits for its last tasks."""
        return not self._retired

    def _live(self) -> None:
        try:
            self._work()
        finally:  # an actor without its thread would block its name and do nothing
            ray.kill(ray.get_runtime_context().current_actor, no_restart=True)

    def _work(self) -> None:
        idle_since = beat_due = time.monotonic()
        while True:
            try:
                self._collect()
                self._insist()
                if self._tasks:
                    idle_since = time.monotonic()
                if self._retired:
                    if not self._tasks and not self._launching():
                        return
                else:
                    if time.monotonic() >= beat_due:
                        self._beat()
                        beat_due = time.monotonic() + HEARTBEAT_EVERY
                    recover(self._store)
                    if self._code.changed():
                        self._make_way()
                    elif self._may_leave(time.monotonic() - idle_since):
                        return
                    else:
                        self._hand_out()
            except (StoreError, EngineError, RayError) as error:
                _log.warning("%s", error)  # the store or the cluster may come back
                time.sleep(HEARTBEAT_EVERY)
            time.sleep(LOOK_EVERY)

    def _make_way(self) -> None:
        """Hand over to a dispatcher of newer code; running tasks go on to their end.

        It is a new job to Ray, whose processes have imported nothing of the old code.
        """
        _log.info("the code was changed; a fresh dispatcher takes over")
        os.environ |= self._share.to_environment() | {
            "MLCORE_ENGINE": "auto",
            "MLCORE_STOP_WITHIN": str(self._stop_within),
            "MLCORE_WORKER_IDLE": str(self._patience),
            "RAY_ADDRESS": ray.get_runtime_context().gcs_address,
        }
        with self._store.writing() as connection:
            connection.execute(delete(workers).where(workers.c.id == roster.DISPATCHER))
        self._retired = True
        self._launcher = RayCluster("auto").launch(self._store)

    def _launching(self) -> bool:
        """Whether the launcher of the successor still runs: Ray would end both together."""
        return self._launcher is not None and self._launcher.alive(None)

    def _beat(self) -> None:
        """Report to the store that the dispatcher is alive, and its free room."""
        me, now = ProcessId.of(), self._store.clock()
        self._slots = self._share.room(ray.cluster_resources())
        row = {"host": me.host, "pid": me.pid, "pid_started": me.started, "heartbeat": now}
        with self._store.writing() as connection:
            mine = workers.c.id == roster.DISPATCHER
            known = connection.execute(
                update(workers).where(mine).values(**row, slots=self._slots).returning(workers.c.id)
            ).first()
            if known is None:
                connection.execute(
                    workers.insert().values(
                        id=roster.DISPATCHER, **row, started=now, slots=self._slots
                    )
                )

    def _collect(self) -> None:
        """Drop tasks that are over; how they ended is in the store."""
        if not self._tasks:
            return
        over, _ = ray.wait(
            list(self._tasks.values()), num_returns=len(self._tasks), timeout=0, fetch_local=False
        )
        ended = set(over)
        for run_id in [one for one, task in self._tasks.items() if task in ended]:
            try:
                ray.get(self._tasks.pop(run_id))
            except RayError as error:
                _log.warning("run %s: %s", run_id, error)
            self._asked.pop(run_id, None)

    def _hand_out(self) -> None:
        """Submit the runs that have waited longest, a few more than there is room for."""
        free = max(1, self._slots) + QUEUE_AHEAD - len(self._tasks)
        if free < 1:
            return
        query = (
            select(runs.c.id)
            .where(runs.c.status == Status.QUEUED, runs.c.id.not_in(list(self._tasks)))
            .order_by(runs.c.queued, runs.c.key)
            .limit(free)
        )
        with self._store.reading() as connection:
            waiting = [run_id for (run_id,) in connection.execute(query)]
        for run_id in waiting:
            with suppress(RunNotFoundError):  # deleted meanwhile
                config = self._store.get(run_id).config_fields
                options = self._share.for_device(config.get("device"))
                task = self._carry_out.options(**options).remote(self._store.url, run_id)
                self._tasks[run_id] = task

    def _insist(self) -> None:
        """Cancel tasks whose runs have not obeyed a stop request in time."""
        if not self._tasks:
            return
        query = select(runs.c.id).where(
            runs.c.id.in_(list(self._tasks)),
            runs.c.status == Status.RUNNING,
            runs.c.request.is_not(None),
        )
        with self._store.reading() as connection:
            asked = {run_id for (run_id,) in connection.execute(query)}
        now = time.monotonic()
        self._asked = {run_id: self._asked.get(run_id, now) for run_id in asked}
        for run_id, since in self._asked.items():
            if now - since > self._stop_within:
                _log.warning("run %s does not stop; its task is cancelled", run_id)
                ray.cancel(self._tasks[run_id], force=True)

    def _may_leave(self, idle: float) -> bool:
        """Retire if no run has come for long."""
        if idle <= self._patience:
            return False
        with self._store.writing() as connection:
            if roster.count(connection, runs.c.status == Status.QUEUED):
                return False
            connection.execute(delete(workers).where(workers.c.id == roster.DISPATCHER))
        return True
