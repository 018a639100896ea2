"""What a real Ray cluster is put through, in a process of its own: Ray is noisy.

    python tests/engines/ray_scenarios.py one_run|killed_node|client

The store is that of MLCORE_STORE. What happened is printed as one line of JSON at the end.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster
from sqlalchemy import select

import mlcore
from mlcore.runs import Run, Status, open_store
from mlcore.runs.store.schema import workers
from tests.ports import free_port
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE, until

_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


def one_run() -> dict[str, Any]:
    """A cluster of one node carries out a run."""
    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    try:
        os.environ |= {"MLCORE_ENGINE": "auto", "RAY_ADDRESS": cluster.address}
        return {"run": mlcore.submit(ToyConfig()).wait(PATIENCE).id}
    finally:
        cluster.shutdown()


def killed_node() -> dict[str, Any]:
    """Two nodes work on a sweep; one dies in the middle; then a run does not stop when asked.

    Nobody watches: it is the cluster that moves the sweep on.
    """
    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    try:
        doomed = cluster.add_node(**_NODE)
        os.environ |= {"MLCORE_ENGINE": "auto", "RAY_ADDRESS": cluster.address}
        config = ToyConfig(steps=100, delay=0.03)
        sweep = mlcore.sweep(config, {"seed": range(4)}, objective="loss", wait=False)
        # each node has room for one, so of two in their middle one is on the node that dies;
        # one that has ended would not do, and one about to end might end first
        until(lambda: sum(in_the_middle(run) for run in sweep.refresh().runs()) == 2)
        cluster.remove_node(doomed, allow_graceful=False)
        until(lambda: not sweep.refresh().running)
        deaf = mlcore.submit(ToyConfig(delay=1000))
        until(lambda: deaf.refresh().status == Status.RUNNING)
        deaf.stop()
        until(lambda: not deaf.refresh().status.moving)
        return {"sweep": sweep.id, "deaf": deaf.id}
    finally:
        cluster.shutdown()


def in_the_middle(run: Run) -> bool:
    """Whether a run of 100 steps is at work and has some way to go."""
    return run.status == Status.RUNNING and 10 < run.step < 70


def client() -> dict[str, Any]:
    """A cluster that `ray start --head` made, reached from outside by its client port.

    Between two runs the package is edited, so this needs a copy of it.
    """
    gcs, door = free_port(), free_port()
    words = ["start", "--head", "--block", f"--port={gcs}", f"--ray-client-server-port={door}"]
    words += ["--node-ip-address=127.0.0.1", "--num-cpus=1", "--include-dashboard=false"]
    words += [f"--object-store-memory={80 * 2**20}"]
    head = subprocess.Popen(
        [str(Path(sys.executable).with_name("ray")), *words],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: answers(door))
        os.environ["MLCORE_ENGINE"] = f"ray://127.0.0.1:{door}"
        first = mlcore.submit(ToyConfig()).wait(PATIENCE)
        old = dispatcher()
        (Path(mlcore.__file__).parent / "edited.py").touch()
        # nobody tends from here on: the dispatcher of the old code finds its own successor
        until(lambda: dispatcher() not in (None, old))
        second = open_store().submit(ToyConfig(seed=1))
        until(lambda: not second.refresh().status.moving)
        return {"runs": [first.id, second.id]}
    finally:
        os.killpg(head.pid, signal.SIGKILL)  # a head that is asked kindly waits for its agents
        head.wait()


def dispatcher() -> int | None:
    """Process number of the store's dispatcher, or of the process that brings one."""
    with open_store().reading() as connection:
        return connection.execute(select(workers.c.pid)).scalar_one_or_none()


def answers(port: int) -> bool:
    """Whether somebody listens at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    scenario = {"one_run": one_run, "killed_node": killed_node, "client": client}[sys.argv[1]]
    print(json.dumps(scenario()), flush=True)  # noqa: T201 - this is its answer
