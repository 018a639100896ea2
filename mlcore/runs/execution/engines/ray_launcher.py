"""Creates a dispatcher in a Ray cluster, then exits.

Run as ``python -m mlcore.runs.execution.engines.ray_launcher``.

A process of its own, because Ray takes seconds to load and talks to the terminal, which a page
or a script should not have to bear.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from typing import Any

import ray

from mlcore.core import EngineError
from mlcore.runs.execution.engines.choice import chosen
from mlcore.runs.execution.engines.ray_cluster import RayCluster
from mlcore.runs.execution.engines.share import Share, amount
from mlcore.runs.execution.process_setup import idle_for, tell
from mlcore.runs.store.store import open_store

READY_WITHIN = 120.0
"""Seconds a cluster may take to start the dispatcher's process."""

_log = logging.getLogger("mlcore.ray")


def launch(engine: RayCluster, store_url: str) -> None:
    """Start the store's dispatcher unless the cluster has it already.

    Args:
        engine: The cluster.
        store_url: Address of the store, which every node of the cluster must reach.
    """
    ray.init(
        address=engine.url(),
        namespace="mlcore",
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    name = "dispatcher-" + hashlib.sha256(store_url.encode()).hexdigest()[:12]
    if not _start(name, store_url):  # one of older code is there, until its last runs have ended
        _start(f"{name}-{secrets.token_hex(4)}", store_url)


def _start(name: str, store_url: str) -> bool:
    from mlcore.runs.execution.engines.ray_dispatcher import STOP_WITHIN, Dispatcher

    dispatcher: Any = (  # a handle that has the actor's methods
        ray.remote(Dispatcher)
        .options(
            name=name,
            get_if_exists=True,
            lifetime="detached",  # it outlives this process
            num_cpus=0,
            max_restarts=-1,
            # where the cluster's own head is: if that dies, so does all else
            resources={"node:__internal_head__": 0.001},
        )
        .remote(
            store_url,
            Share.from_environment(),
            idle_for(),
            amount("MLCORE_STOP_WITHIN", STOP_WITHIN),
        )
    )
    serves: bool = ray.get(dispatcher.ready.remote(), timeout=READY_WITHIN)
    return serves


def main() -> None:
    """Launch a dispatcher for the store and the cluster named by the environment variables."""
    tell()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    engine = chosen()
    if not isinstance(engine, RayCluster):
        raise EngineError("MLCORE_ENGINE names no Ray cluster: give auto or ray://HOST:PORT.")
    store = open_store()
    engine.check(store)
    launch(engine, store.url)
    _log.info("%s has a dispatcher for %s", engine.url(), store.shown_url)


if __name__ == "__main__":
    main()
