"""Real worker processes: started, shared, killed, outlived."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from sqlalchemy import select

import mlcore
from mlcore.runs import Run, Status
from mlcore.runs.execution import supervisor
from mlcore.runs.execution.engines.local import ensure_workers
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.worker import execute
from mlcore.runs.store.schema import workers
from mlcore.runs.store.store import Store
from tests.conftest import workers_of
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE, until

KILLS = int(os.environ.get("MLCORE_TEST_KILLS", "2"))
"""Worker kills at random moments on each back end; MLCORE_TEST_KILLS=20 for the whole measure."""


_IGNORED = shutil.ignore_patterns("*.xz", "__pycache__")


def test_a_submitted_run_is_carried_out_by_a_worker(store: Store) -> None:
    submitted = mlcore.submit(ToyConfig())
    assert submitted.status == Status.QUEUED
    done = submitted.wait(PATIENCE)
    assert (done.status, done.step) == (Status.FINISHED, 100)
    (worker,) = workers_of(store.url)
    assert worker.pid != os.getpid()
    assert worker.nice() > 0 or sys.platform == "win32"
    assert torch.equal(
        done.model().state_dict()["weight"],
        mlcore.run(ToyConfig(), force=True).model().state_dict()["weight"],
    )

    # the same worker takes the next one, and a pause sets it free for another run
    slow = mlcore.submit(ToyConfig(steps=1000, delay=0.01))
    until(lambda: slow.refresh().step > 3)
    slow.pause()
    until(lambda: slow.refresh().status == Status.PAUSED)
    assert mlcore.submit(ToyConfig(seed=1)).wait(PATIENCE).status == Status.FINISHED
    slow.refresh().resume()
    until(lambda: slow.refresh().status == Status.RUNNING)
    assert [w.pid for w in workers_of(store.url)] == [worker.pid]

    # SIGTERM is a stop: the state is kept
    worker.send_signal(signal.SIGTERM)
    stopped = slow.wait(PATIENCE)
    assert stopped.status == Status.STOPPED
    assert stopped.model() is not None
    psutil.wait_procs([worker], timeout=PATIENCE)
    assert workers_of(store.url) == []


def test_a_killed_worker_loses_no_flushed_point_and_its_run_goes_on(store: Store) -> None:
    whole = mlcore.run(ToyConfig(steps=400))
    run = mlcore.submit(ToyConfig(steps=400, delay=0.003))
    chance = random.Random(store.server)  # other moments on the other back end
    for _ in range(KILLS):
        until(lambda: run.refresh().status in (Status.RUNNING, Status.FINISHED))
        time.sleep(chance.uniform(0, 0.8))  # the random moment that is tested
        seen = run.refresh()
        points = seen.metrics()
        for worker in workers_of(store.url):
            worker.kill()
        until(lambda: reap(store) != [] or run.refresh().status != Status.RUNNING)
        if run.refresh().status == Status.FINISHED:
            break
        lost = run.refresh()
        assert lost.error is not None
        assert "ended without a word" in lost.error
        kept = lost.metrics()
        assert len(kept) >= len(points) >= seen.step
        assert list(kept["step"]) == list(range(len(kept))), "no gap"
        lost.resume()
    done = run.wait(PATIENCE)
    assert done.status == Status.FINISHED
    assert done.metrics()[["step", "value"]].equals(whole.metrics()[["step", "value"]])
    assert torch.equal(done.model().state_dict()["weight"], whole.model().state_dict()["weight"])


def test_two_processes_that_submit_one_config_train_once(store: Store) -> None:
    """This process and another, from the same moment on."""
    config = ToyConfig(steps=200, delay=0.005)
    code = (
        "import sys; import mlcore; from tests.runs.toy import ToyConfig;"
        "print('ready', flush=True); sys.stdin.readline();"
        "run = mlcore.run(ToyConfig(steps=200, delay=0.005)); print(run.id, run.status)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        mine = mlcore.run(config)
        said = other.communicate(timeout=PATIENCE)[0]
    (run,) = store.list()
    assert (mine.id, mine.status) == (run.id, Status.FINISHED)
    assert said == f"{run.id} finished\n"
    assert workers_of(store.url) == [], "it ran in one of the two"


@pytest.mark.sqlite
def test_ctrl_c_keeps_the_state_and_the_same_line_goes_on(store: Store, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    config = ToyConfig(steps=20, delay=0.03, hold=str(held))
    code = f"import mlcore; from tests.runs.toy import *; mlcore.run({config!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until(lambda: any(run.step > 2 for run in store.list()))
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=PATIENCE)[1]
    (stopped,) = store.list()
    assert stopped.status == Status.STOPPED
    held.unlink()
    done = mlcore.run(config)
    assert (done.id, done.status) == (stopped.id, Status.FINISHED)
    assert list(done.metrics()["step"]) == list(range(21))


@pytest.mark.sqlite
def test_no_more_workers_are_started_than_there_is_work_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "2")
    runs = [store.submit(ToyConfig(seed=s, steps=100, delay=0.005)) for s in range(3)]
    for _ in range(5):
        ensure_workers(store)
    assert len(workers_of(store.url)) == 2
    assert {run.wait(PATIENCE).status for run in runs} == {Status.FINISHED}
    mlcore.submit(ToyConfig(seed=9)).wait(PATIENCE)
    assert len(workers_of(store.url)) == 2, "idle ones are used before a new one is started"


@pytest.mark.sqlite
def test_an_idle_worker_ends_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_WORKER_IDLE", "0.2")
    mlcore.submit(ToyConfig()).wait(PATIENCE)
    until(lambda: workers_of(store.url) == [])
    assert mlcore.submit(ToyConfig(seed=1)).wait(PATIENCE).status == Status.FINISHED


def test_any_engine_can_carry_out_a_run_from_two_strings(store: Store) -> None:
    queued: Run = store.submit(ToyConfig())
    assert execute(store.url, queued.id).status == Status.FINISHED
    with pytest.raises(RuntimeError, match="is finished, not queued"):
        execute(store.url, queued.id)


@pytest.mark.sqlite
def test_a_worker_of_old_code_makes_way_for_a_fresh_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is edited under a spare worker; the run is not made by what it remembers."""
    copy = tmp_path / "checkout"
    shutil.copytree(Path(mlcore.__file__).parent, copy / "mlcore", ignore=_IGNORED)
    shutil.copytree(Path(__file__).parents[1], copy / "tests" / "runs", ignore=_IGNORED)
    monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.setattr(mlcore, "__file__", str(copy / "mlcore" / "__init__.py"))
    monkeypatch.delenv("MLCORE_SPARE_WORKER")
    supervisor.prepare(store.url)
    (old,) = workers_of(store.url)
    until(lambda: _registered(store, old.pid))  # it knows its code, and imports the rest meanwhile
    with (copy / "mlcore" / "runs" / "execution" / "worker.py").open("a") as file:
        file.write("\n_EDITED = True\n")
    psutil.wait_procs([old], timeout=PATIENCE)
    assert mlcore.submit(ToyConfig(seed=1)).wait(PATIENCE).status == Status.FINISHED
    (fresh,) = workers_of(store.url)
    assert fresh.pid != old.pid


def _registered(store: Store, pid: int) -> bool:
    with store.reading() as connection:
        row = connection.execute(select(workers).where(workers.c.pid == pid)).one()
    return bool(row.heartbeat > row.started)
