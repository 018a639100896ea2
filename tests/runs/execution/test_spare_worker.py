"""The worker that is started before there is a run: one, waiting, woken, ended, done without."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psutil
import pytest
from sqlalchemy import select

import mlcore
from mlcore.core import DataUnavailableError, EngineError
from mlcore.mnist.data import digits
from mlcore.runs import Status
from mlcore.runs.execution import supervisor, worker
from mlcore.runs.execution.claims import take_ensemble
from mlcore.runs.execution.engines import local, roster
from mlcore.runs.execution.wakeup import Sleep, wake
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import workers
from mlcore.runs.store.store import Store
from tests.conftest import workers_of
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE, until


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for a user; the other tests do without."""
    monkeypatch.delenv(local.SPARE_VARIABLE)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is started instead of processes: this process counts as each of them."""
    found: list[tuple[str, ...]] = []

    def start(_store: Store, *words: str) -> ProcessId:
        found.append(words)
        return ProcessId.of()

    monkeypatch.setattr(local, "start_process", start)
    return found


def test_one_spare_worker_takes_the_first_run_and_is_replaced_when_killed(store: Store) -> None:
    with ThreadPoolExecutor(4) as tabs:
        for done in [tabs.submit(supervisor.prepare, store.url) for _ in range(8)]:
            done.result()
    (spare,) = workers_of(store.url)
    assert mlcore.submit(ToyConfig()).wait(PATIENCE).status == Status.FINISHED
    assert workers_of(store.url) == [spare], "it counts in MLCORE_WORKERS, which is 1"

    spare.kill()
    psutil.wait_procs([spare], timeout=PATIENCE)
    assert mlcore.submit(ToyConfig(seed=2)).wait(PATIENCE).status == Status.FINISHED
    (other,) = workers_of(store.url)
    assert other != spare


@pytest.mark.sqlite
def test_a_spare_worker_that_nobody_needs_ends_and_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKER_IDLE", "0.2")
    supervisor.prepare(store.url)
    until(lambda: workers_of(store.url) == [])
    with store.reading() as connection:
        assert connection.execute(select(workers)).all() == []


@pytest.mark.sqlite
def test_a_worker_stays_while_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that only its sleeps move on: 300 s each, of which the first three are cut."""
    now, slept = [0.0], [0]

    class Naps(Sleep):
        def sleep(self, _seconds: float) -> bool:
            now[0] += 300
            slept[0] += 1
            return slept[0] <= 3

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(worker, "Sleep", Naps)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        worker.work(store, 500.0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert slept == [5], "three times asked for, then 600 s in which nobody asked"


def test_none_is_started_where_a_worker_is_alive_idle_or_at_work(
    store: Store, started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(local, "wake", woken.extend)
    with store.writing() as connection:
        roster.add(connection, store, ProcessId.of())
    supervisor.prepare(store.url)
    assert (started, woken) == ([], [os.getpid()]), "an idle one is told to stay"
    run = mlcore.submit(ToyConfig())
    assert (started, woken) == ([], [os.getpid()] * 2), "it need not find the run by polling"
    assert take_ensemble(store, ProcessId.of(), run.id)
    supervisor.prepare(store.url)
    assert (started, woken) == ([], [os.getpid()] * 2), "at work: its run has the cores"


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("variable", "value"),
    [("MLCORE_SPARE_WORKER", "0"), ("MLCORE_WORKERS", "0"), ("MLCORE_ENGINE", "auto")],
)
def test_none_is_started_where_none_is_wanted(
    store: Store,
    started: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    supervisor.prepare(store.url)
    assert started == []


@pytest.mark.sqlite
def test_none_is_started_where_memory_is_short(
    store: Store, started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = SimpleNamespace(available=local.MEMORY_EACH - 1, total=2**40)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    supervisor.prepare(store.url)
    assert started == []
    memory.available += 1
    supervisor.prepare(store.url)
    assert started == [("mlcore.runs.execution.worker", local.SPARE)]


@pytest.mark.sqlite
def test_what_hinders_it_is_logged_and_a_wrong_variable_is_named_when_a_run_is_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLCORE_SPARE_WORKER", "perhaps")
    with caplog.at_level(logging.WARNING, "mlcore.engine"):
        supervisor.prepare(store.url)
    assert "No worker was made ready: MLCORE_SPARE_WORKER is 'perhaps'" in caplog.text
    with pytest.raises(EngineError, match=r"must be 1 \(keep a worker .* or 0 \(start one only"):
        mlcore.submit(ToyConfig())
    assert store.list() == []


@pytest.mark.sqlite
def test_data_that_cannot_be_read_ahead_is_no_reason_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise DataUnavailableError("no room for it")

    importlib.import_module("mlcore.mnist.train")  # else it would keep the patched one for good
    monkeypatch.setattr(digits, "load", missing)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    worker._warm_up(spare=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal: a worker polls")
def test_a_sleep_is_cut_short_by_a_wake_up_before_or_during_it() -> None:
    before = signal.getsignal(signal.SIGURG)
    with Sleep() as naps:
        assert not naps.sleep(0)
        wake([os.getpid()])
        assert naps.sleep(600)
        assert not naps.sleep(0), "one wake-up, one look"
        code = "import sys; from mlcore.runs.execution.wakeup import wake; wake([int(sys.argv[1])])"
        with subprocess.Popen([sys.executable, "-c", code, str(os.getpid())]) as other:
            assert naps.sleep(600)
        wake([other.pid])  # has ended: nothing to wake, no error
    assert signal.getsignal(signal.SIGURG) == before
    assert signal.set_wakeup_fd(-1) == -1
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        wake([other.pid])  # does not handle it, as a worker that still starts
        other.communicate(b"\n")
    assert other.returncode == 0
