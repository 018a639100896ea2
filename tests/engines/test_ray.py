"""A real Ray cluster on loopback: every run ends, whatever dies, and the store says how."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import mlcore
from mlcore.runs import Status
from mlcore.runs.schema import runs
from mlcore.runs.store import Store
from tests.conftest import skip_unless_ci
from tests.runs.toy import ToyConfig

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300), pytest.mark.xdist_group("ray")]


@pytest.fixture(autouse=True)
def ray_is_here() -> None:
    if importlib.util.find_spec("ray") is None:
        skip_unless_ci("Ray (pip install 'mlcore[ray]')")


@pytest.mark.parametrize(
    ("cpus", "gpus", "device", "given"),
    [
        (None, None, "auto", {"num_cpus": 1.0, "num_gpus": 0.0}),
        (None, None, "cuda", {"num_cpus": 1.0, "num_gpus": 1.0}),
        ("2", "0.25", "cuda", {"num_cpus": 2.0, "num_gpus": 0.25}),
        ("0.5", "0.25", "auto", {"num_cpus": 0.5, "num_gpus": 0.25}),
        ("1", "0.25", "cpu", {"num_cpus": 1.0, "num_gpus": 0.0}),
        ("1", "0", None, {"num_cpus": 1.0, "num_gpus": 0.0}),
    ],
)
def test_a_run_is_given_what_its_device_and_the_environment_ask(
    cpus: str | None,
    gpus: str | None,
    device: str | None,
    given: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlcore.runs.engines.ray_dispatcher import Share

    for name, value in (("MLCORE_RUN_CPUS", cpus), ("MLCORE_RUN_GPUS", gpus)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Share.from_environment().for_device(device) == given


@pytest.mark.parametrize(
    ("cluster", "cpus", "gpus", "room"),
    [
        ({"CPU": 16.0}, 1.0, 0.0, 16),
        ({"CPU": 16.0}, 3.0, 0.0, 5),
        ({"CPU": 16.0, "GPU": 2.0}, 1.0, 0.25, 8),
        ({"CPU": 2.0, "GPU": 8.0}, 1.0, 0.25, 2),
        ({"CPU": 0.3}, 0.1, 0.0, 3),
        ({}, 1.0, 0.0, 0),
    ],
)
def test_a_cluster_has_room_for_what_its_scarcest_part_allows(
    cluster: dict[str, float], cpus: float, gpus: float, room: int
) -> None:
    from mlcore.runs.engines.ray_dispatcher import Share

    assert Share(cpus, gpus).room(cluster) == room


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MLCORE_RUN_CPUS", "0", "needs some of a core"),
        ("MLCORE_RUN_CPUS", "two", "'two', but must be a number"),
        ("MLCORE_RUN_GPUS", "-1", "'-1', but must be a number from 0 up"),
    ],
)
def test_a_share_that_is_none_is_refused(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlcore.runs.engines.ray_dispatcher import Share

    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words):
        Share.from_environment()


def played(scenario: str, store: Store) -> dict[str, Any]:
    """What came of a scenario of ``tests/engines/ray_scenarios.py``."""
    done = subprocess.run(
        [sys.executable, "tests/engines/ray_scenarios.py", scenario],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLCORE_STOP_WITHIN": "0.5",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_DEDUP_LOGS": "0",
        },
        check=False,
    )
    log = store.files / "workers.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_killed_node_costs_its_run_one_retry_and_the_others_nothing(store: Store) -> None:
    told = played("killed_node", store)

    ended = [store.get(run_id) for run_id in told["runs"]]
    assert {run.status for run in ended} == {Status.FINISHED}
    with store.reading() as connection:
        query = select(runs.c.id, runs.c.retries).where(runs.c.id.in_(told["runs"]))
        left = {row.id: row.retries for row in connection.execute(query)}
    assert sorted(left.values()) == [0, 1, 1, 1, 1, 1], "one run was on the node that died"
    for run in ended:
        whole = [(s.index, s.metrics["loss"]) for s in mlcore.train(run.config.replace(delay=0.0))]
        frame = run.metrics()
        assert list(zip(frame["step"], frame["value"], strict=True)) == whole
        assert run.error is None
        assert run.model() is not None, "its weights came home through the store"

    deaf = store.get(told["deaf"])
    assert (deaf.status, deaf.step) == (Status.LOST, 0), "its task was cancelled at last"


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_cluster_elsewhere_is_reached_by_its_address(store: Store) -> None:
    told = played("client", store)
    ended = [store.get(run_id) for run_id in told["runs"]]
    assert [run.status for run in ended] == [Status.FINISHED] * 2
    assert [run.config for run in ended] == [ToyConfig(seed=0), ToyConfig(seed=1)]
