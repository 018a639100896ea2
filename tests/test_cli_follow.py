"""``mlcore follow`` as a process of its own: what it prints, and how signals end it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from mlcore.cli import main
from mlcore.runs import Run, Status
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.store.store import Store
from tests.forked import ROOT, ForkServer
from tests.runs.event_logs import curves, loss, write
from tests.waiting import until

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write(tmp_path / "logs", "1.x", [loss(0)])
    return tmp_path / "logs"


def started(server: ForkServer, logs: Path, store: Store) -> tuple[psutil.Process, Path]:
    """A process that follows the folder, and its output; it has begun to."""
    log = logs.with_name(f"log{len(list(logs.parent.iterdir()))}")
    process = server.start(
        "mlcore.cli", ["follow", str(logs)], path=[str(ROOT)], env=os.environ, log=log
    )
    until(lambda: any(run.status == Status.RUNNING for run in store.list()))
    return process, log


def the_run(store: Store) -> Run:
    (run,) = store.list()
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_runs(
    fork_server: ForkServer, store: Store, logs: Path, number: signal.Signals, capsys: Captured
) -> None:
    process, log = started(fork_server, logs, store)
    run = the_run(store)
    assert main(["follow", str(logs), "--once"]) == 2
    refused = capsys.readouterr().err
    assert f"Process {process.pid} on " in refused
    assert f"follows {logs} already, as run {run.id}. Stop it first." in refused
    process.send_signal(number)
    process.wait(60)
    assert the_run(store).status == Status.STOPPED
    assert log.read_text().splitlines() == [
        f"logs is run {run.id}.",
        f"Run {run.id} is stopped.",
        "No longer following. The same command goes on.",
    ]


def test_a_killed_one_leaves_a_lost_run_that_the_next_resumes(
    fork_server: ForkServer, store: Store, logs: Path, capsys: Captured
) -> None:
    process, _ = started(fork_server, logs, store)
    process.kill()
    process.wait(60)
    run = the_run(store)
    assert reap(store) == [run.id]
    assert "run mlcore follow with its folder again" in str(run.refresh().error)
    write(logs, "1.x", [loss(0), loss(1)])
    assert main(["follow", str(logs), "--once"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{run.id}  tensorboard  finished")
    assert said.err == f"logs is run {run.id}.\nRun {run.id} is finished.\n"
    assert curves(the_run(store)) == {"loss": {0: 0.0, 1: 1.0}}
    assert main(["show", run.id]) == 0
    assert "tensorboard, logs" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("store")
def test_the_exit_status_is_that_of_the_signal(
    number: signal.Signals, tmp_path: Path, capsys: Captured
) -> None:
    # what starts the tests in the background may have them ignore SIGINT
    given = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)

    def send() -> None:
        until(lambda: signal.getsignal(signal.SIGTERM) != before)  # it follows now
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    try:
        sender.start()
        assert main(["follow", str(tmp_path)]) == 128 + number
        sender.join()
    finally:
        signal.signal(signal.SIGINT, given)
    assert signal.getsignal(signal.SIGTERM) == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_what_it_cannot_follow_is_a_sentence(tmp_path: Path, capsys: Captured) -> None:
    assert main(["follow", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert main(["follow", str(tmp_path), "--idle", "-1"]) == 2
    assert "idle is -1.0, but must be a number of seconds from 0." in capsys.readouterr().err
    assert main(["follow", str(tmp_path), "--idle", "0"]) == 0
