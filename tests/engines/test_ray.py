"""A real Ray cluster on loopback: every run ends, whatever dies, and the store says how."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import mlcore
from mlcore.runs import Status
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from mlcore.sweeps import get_sweep
from tests.conftest import skip_unless_ci
from tests.runs.toy import ToyConfig

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]


@pytest.fixture(autouse=True)
def ray_is_here() -> None:
    if importlib.util.find_spec("ray") is None:
        skip_unless_ci("Ray (pip install 'mlcore[ray]')")


def played(scenario: str, store: Store, home: Path = ROOT) -> dict[str, Any]:
    """What came of a scenario of ``tests/engines/ray_scenarios.py``, with the code at ``home``."""
    done = subprocess.run(
        [sys.executable, "tests/engines/ray_scenarios.py", scenario],
        capture_output=True,
        text=True,
        cwd=home,
        env={
            **os.environ,
            "PYTHONPATH": str(home),
            "MLCORE_STOP_WITHIN": "0.5",
            "RAY_USAGE_STATS_ENABLED": "0",
        },
        check=False,
    )
    log = store.files / "workers.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code, to be edited while it runs."""
    for part in ("mlcore", "tests/runs", "tests/engines"):
        ignored = shutil.ignore_patterns("*.xz", "__pycache__")
        shutil.copytree(ROOT / part, tmp_path / "copy" / part, ignore=ignored)
    for helper in ("ports.py", "waiting.py"):
        shutil.copy(ROOT / "tests" / helper, tmp_path / "copy" / "tests")
    return tmp_path / "copy"


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_cluster_carries_out_a_run_and_its_weights_come_home(store: Store) -> None:
    run = store.get(played("one_run", store)["run"])
    assert (run.status, run.error) == (Status.FINISHED, None)
    frame = run.metrics()
    assert list(zip(frame["step"], frame["value"], strict=True)) == [
        (step.index, step.metrics["loss"]) for step in mlcore.train(run.config)
    ]
    assert run.model() is not None


@pytest.mark.fault
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_killed_node_costs_its_run_one_retry_and_the_sweep_ends_complete(store: Store) -> None:
    told = played("killed_node", store)

    sweep = get_sweep(told["sweep"], store)
    ended = sweep.runs()
    assert (sweep.status, [run.status for run in ended]) == ("finished", [Status.FINISHED] * 4)
    with store.reading() as connection:
        left = connection.execute(
            select(runs.c.retries).where(runs.c.key.in_([r.key for r in ended]))
        )
        assert sorted(left.scalars()) == [0, 1, 1, 1], "one run was on the node that died"
    for run in ended:
        whole = [(s.index, s.metrics["loss"]) for s in mlcore.train(run.config.replace(delay=0.0))]
        frame = run.metrics()
        assert list(zip(frame["step"], frame["value"], strict=True)) == whole
        assert run.error is None
        assert run.model() is not None, "its weights came home through the store"

    deaf = store.get(told["deaf"])
    assert (deaf.status, deaf.step) == (Status.LOST, 0), "its task was cancelled at last"


@pytest.mark.fault
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_cluster_elsewhere_is_reached_by_its_address_and_takes_up_new_code(
    store: Store, copy: Path
) -> None:
    told = played("client", store, copy)
    ended = [store.get(run_id) for run_id in told["runs"]]
    assert [run.status for run in ended] == [Status.FINISHED] * 2
    assert [run.config for run in ended] == [ToyConfig(seed=0), ToyConfig(seed=1)]
    log = (store.files / "workers.log").read_text()
    first, second = re.findall(r"(\S+) has a dispatcher for", log)
    assert first.startswith("ray://127.0.0.1:")
    assert not second.startswith("ray://"), "it was launched in the cluster"
