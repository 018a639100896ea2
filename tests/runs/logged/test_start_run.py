"""``start_run``: what a loop logs is a run like any other, however the loop ends."""

from __future__ import annotations

import argparse
import builtins
import copy
import json
import math
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import Connection, update
from sqlalchemy.exc import OperationalError

import mlcore
from mlcore.core import InputError, InputTypeError, RunStateError, StoreError, canonical_json
from mlcore.runs import Status, Store, tend
from mlcore.runs.execution.claims import take
from mlcore.runs.export import to_zip
from mlcore.runs.imports import import_zip
from mlcore.runs.logged import active_run, writer
from mlcore.runs.logged.fields import fields_of
from mlcore.runs.logged.start import start_run
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store import points
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.schema import runs
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("store")

ROOT: Final = Path(__file__).parents[3]


def test_what_a_loop_logs_is_there_to_the_last_digit(store: Store) -> None:
    values = [1 / 3, math.pi, 1e-300, 1.7e308, -0.0, math.inf, -math.inf]
    with mlcore.start_run("autoencoder", {"lr": 1e-3}, total=len(values), seed=3) as run:
        for step, value in enumerate(values):
            run.log({"loss": value, "test/acc@1": torch.tensor(step), "准确率": np.float64(value)})
        run.log({"loss": math.nan})
    done = store.get(run.id)
    assert (done.status, done.progress, done.seed) == (Status.FINISHED, 1.0, 3)
    table = done.metrics()
    for name in ("loss", "准确率"):
        assert table[table["name"] == name]["value"].tolist()[: len(values)] == values
    assert math.isnan(done.latest()["loss"])
    assert set(table["name"]) == {"loss", "test/acc@1", "准确率"}
    assert table["time"].is_monotonic_increasing


def test_of_one_step_the_last_value_counts_and_steps_are_sorted() -> None:
    given_steps: list[Any] = [5, 3, 5, np.int64(9), torch.tensor(1), 3]
    with mlcore.start_run("steps") as run:
        for place, step in enumerate(given_steps):
            run.log({"loss": place}, step=step)
        run.log({"loss": 100.0})  # counts on from the highest
    found = run.read().metrics()
    assert dict(zip(found["step"], found["value"], strict=True)) == {
        1: 4,
        3: 5,
        5: 2,
        9: 3,
        10: 100,
    }
    assert found["step"].tolist() == [1, 3, 5, 9, 10]
    assert run.read().latest() == {"loss": 100}


def test_a_run_is_not_cached_resumed_paused_or_queued(store: Store) -> None:
    with (
        mlcore.start_run("twice", {"lr": 0.1}) as one,
        mlcore.start_run("twice", {"lr": 0.1}) as two,
    ):
        one.log({"loss": 1.0})
        with pytest.raises(RunStateError, match="cannot be paused"):
            store.get(two.id).pause()
    assert one.id != two.id
    for run in (one.read(), two.read()):
        assert (run.logged, run.imported, run.resumable) == (True, False, False)
        with pytest.raises(RunStateError, match="logged by a script"):
            run.resume()
    assert take(store, ProcessId.of()) is None
    table = run_table(store)
    assert table["config.lr"].tolist() == [0.1, 0.1]
    comparison = mlcore.runs.compare([one.id, two.id], metric="loss")
    assert len(comparison.groups) == 1, "equal settings are one group"
    with pytest.raises(RunStateError, match="logged by a script"):
        mlcore.runs.queue_more_seeds(comparison.groups[0], 1)


def test_an_exception_is_recorded_and_raised() -> None:
    run = mlcore.start_run("fails")
    run.log({"loss": 1.0})
    with pytest.raises(ZeroDivisionError), run:
        _ = 1 / 0
    failed = run.read()
    assert (failed.status, failed.error) == (Status.FAILED, "ZeroDivisionError: division by zero")
    assert failed.traceback is not None
    assert "test_start_run.py" in failed.traceback
    assert len(failed.metrics()) == 1


def test_ctrl_c_and_stop_end_it_as_stopped(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), mlcore.start_run("stops") as run:
        raise KeyboardInterrupt
    assert run.read().status == Status.STOPPED
    with mlcore.start_run("stops") as run:
        assert not run.stop_requested
        store.get(run.id).stop()
        until(lambda: run.stop_requested)
    assert run.read().status == Status.STOPPED
    with mlcore.start_run("does not listen") as run:
        store.get(run.id).stop()
    assert (run.read().status, run.read().request) == (Status.FINISHED, None)


def test_what_cannot_be_logged_is_said_once_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad: list[tuple[Any, Any]] = [
        ({"loss": "0.5"}, None),
        ({"loss": None}, None),
        ({"spread": torch.ones(3)}, None),
        ({"z": 1j}, None),
        ({"big": 10**400}, None),
        ({"val": {"acc": 1}}, None),
        ({"": 1.0}, None),
        ({"half\ud800": 1.0}, None),
        ({3: 1.0}, None),
        ([1.0], None),
        ({"loss": 2.0}, -1),
        ({"loss": 3.0}, 0.5),
    ]
    with mlcore.start_run("odd") as run:
        for _ in range(2):
            for values, step in bad:
                run.log(values, step)
        run.log({"bad": "x", "good": 1.0})
    run.log({"loss": 1.0})
    run.log({"loss": 1.0})
    said = [record.getMessage() for record in caplog.records if record.name == "mlcore.log"]
    assert len(said) == len(set(said))
    for words in ("'0.5'", "shape (3,)", "named 3", "'z' is 1j", "step is -1", "has ended"):
        assert sum(words in one for one in said) == 1, words
    assert run.read().latest().keys() == {"loss", "good"}, "what came with it is kept"
    strict = mlcore.start_run("odd", strict=True)
    for values, step in bad:
        with pytest.raises((InputError, InputTypeError)):
            strict.log(values, step)
    strict.finish()


@dataclass
class _Net:
    width: int = 64
    kinds: tuple[str, ...] = ("a", "b")


@dataclass
class _Settings:
    lr: float = 0.1
    net: _Net = field(default_factory=_Net)


class _Model(BaseModel):
    lr: float = 0.1
    net: _Net = _Net()


def test_a_config_of_any_kind_gives_the_same_fields(caplog: pytest.LogCaptureFixture) -> None:
    net = {"width": 64, "kinds": ("a", "b")}
    kinds: list[Any] = [
        {"lr": 0.1, "net": net},
        _Settings(),
        _Model(),
        argparse.Namespace(lr=0.1, net=argparse.Namespace(**net)),
    ]
    wanted = {"lr": 0.1, "net.width": 64, "net.kinds": ["a", "b"]}
    assert [fields_of(kind).values for kind in kinds] == [wanted] * 4
    with mlcore.start_run("odd config", {"model": torch.nn.Linear(2, 1), "clip": math.inf}) as run:
        pass
    assert "model of the config is Linear(in_features=2" in caplog.text
    assert run.read().config_fields["clip"] == "inf"
    with pytest.raises(InputError, match="model of the config"):
        start_run("odd config", {"model": torch.nn.Linear(2, 1)}, strict=True)


_ANY: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.sqlite
@given(st.dictionaries(st.text(), _ANY, max_size=4))
def test_any_config_becomes_json_without_nul(config: dict[str, Any]) -> None:
    text = canonical_json(fields_of(config).values)
    assert json.loads(text) is not None
    assert "\\u0000" not in text.replace("\\\\", "")  # after a backslash it is text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"experiment": "mnist"}, "is an experiment of mlcore"),
        ({"experiment": "module:Class"}, "has a colon"),
        ({"experiment": " "}, "0 characters"),
        ({"config": [1]}, r"config is \[1\]"),
        ({"tags": "week3"}, "must be a list"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"total": 0}, "total is 0"),
    ],
)
def test_a_wrong_argument_is_refused_at_the_start(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises((InputError, InputTypeError), match=words):
        start_run(**{"experiment": "wrong", **arguments})


# --- the store is away, full, or the run is gone ------------------------------------------------


@pytest.mark.sqlite
def test_points_wait_for_a_store_that_is_away_and_are_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = threading.Event()

    def append(connection: Connection, rows: list[Any]) -> None:
        if full.is_set():
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk is full"))
        points.append(connection, rows)

    monkeypatch.setattr(writer, "RETRY_EVERY", 0.01)
    monkeypatch.setattr(writer, "append", append)
    for module in (writer, active_run):
        monkeypatch.setattr(module, "MOST_WAITING", 50)
    with mlcore.start_run("away") as run:
        full.set()
        run.log({"loss": 0.0})
        until(lambda: "disk is full. What was written before stays" in caplog.text)
        for _ in range(200):
            run.log({"loss": 1.0})
        assert store.get(run.id).metrics().empty
        full.clear()
        until(lambda: "answers again" in caplog.text)
        run.log({"loss": 2.0}, step=300)
    ended = run.read()
    assert ended.metrics()["step"].tolist() == [*range(50), 300]
    assert ended.error is not None
    assert ended.error.startswith("151 points are missing")


@pytest.mark.sqlite
def test_a_store_that_cannot_be_opened_does_not_end_the_loop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_EVERY", 0.01)
    (tmp_path / "folder").mkdir()
    with mlcore.start_run("nowhere", store=tmp_path / "folder") as run:
        run.log({"loss": 1.0})
        assert "is a folder" in caplog.text
        (tmp_path / "folder").rmdir()  # a file can be made there now
    assert run.read().latest() == {"loss": 1.0}
    with pytest.raises(StoreError, match="is a folder"):
        start_run("nowhere", store=tmp_path, strict=True)


def test_a_run_that_another_process_took_is_written_no_more(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with mlcore.start_run("taken") as run:
        run.log({"loss": 1.0})
        until(lambda: bool(store.get(run.id).latest()))
        with store.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(claim="another"))
        run.log({"loss": 2.0})
        until(lambda: not run.recording)
        run.log({"loss": 3.0})
    assert caplog.text.count("was claimed by another process or deleted") == 1
    assert store.get(run.id).latest() == {"loss": 1.0}


# --- processes ----------------------------------------------------------------------------------

LOOP: Final = """
import os, sys, mlcore
run = mlcore.start_run("process")
print(run.id, flush=True)
run.log({"loss": 1.0})
"""


def _script(end: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", LOOP + end],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_ends_with_its_process_however_that_ends(store: Store) -> None:
    forked = """
if os.fork() == 0:
    run.log({"loss": 2.0})
    run.log({"loss": 2.0})
    run.finish()
    sys.exit()
os.wait()
run.log({"loss": 3.0})
"""
    ends: dict[str, tuple[str, Status, dict[str, float]]] = {
        "forgotten": ("", Status.FINISHED, {"loss": 1.0}),
        "raises": ("raise ValueError('too hot')", Status.FAILED, {"loss": 1.0}),
        "forks": (forked, Status.FINISHED, {"loss": 3.0}),
    }
    going = {name: _script(end) for name, (end, _, _) in ends.items()}
    killed = _script("import time; time.sleep(1000)")
    assert killed.stdout is not None
    run_id = killed.stdout.readline().strip()
    until(lambda: bool(store.get(run_id).latest()))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    tend(store)
    lost = store.get(run_id)
    assert (lost.status, lost.latest()) == (Status.LOST, {"loss": 1.0})
    assert lost.error is not None
    assert "start its script again" in lost.error
    for name, (_, status, latest) in ends.items():
        out, err = going[name].communicate()
        run = store.get(out.split()[0])
        assert (run.status, run.latest()) == (status, latest), (name, err)
        if name == "forks":
            assert err.count("in process") == 1, err
            assert "which started it, so log in process" in err
        elif name == "raises":
            assert run.error == "too hot"


@pytest.mark.sqlite
def test_an_exit_status_other_than_0_is_a_failure(store: Store) -> None:
    caught = """
try:
    sys.exit(3)
except SystemExit:
    run.log({"loss": 4.0})
"""
    ends = {
        "def main(): sys.exit(2)\nmain()": "The script ended with exit status 2.",
        "def main(): exit(2)\nmain()": "The script ended with exit status 2.",
        "quit('no GPU')": "no GPU",
        "exit()": None,
        "with run: raise SystemExit('no data')": "no data",
        "sys.exit(0)": None,
        caught: None,
    }
    going = {end: _script(end) for end in ends}
    for end, error in ends.items():
        out, err = going[end].communicate()
        run = store.get(out.split()[0])
        assert run.error == error, (end, err)
        assert run.status == (Status.FINISHED if error is None else Status.FAILED), end
        if "main" in end:
            assert going[end].returncode == 2
            assert "in main" in str(run.traceback)


TERMINATED: Final[dict[str, str]] = {
    "alone": "",
    "forked": "pid = os.fork()\nif pid == 0: time.sleep(1000)\n",
    "own handler": (
        "import signal\n"
        "def end(*_): run.finish(); os._exit(7)\n"
        "signal.signal(signal.SIGTERM, end)\n"
    ),
}


@pytest.mark.sqlite
def test_sigterm_stops_the_run_and_then_the_process_dies_of_it(store: Store) -> None:
    loop = "import time\n{0}print(os.getpid() if {1} else pid, flush=True)\n"
    loop += "while True: run.log({{'loss': 1.0}}); time.sleep(0.001)\n"
    going = {
        name: _script(loop.format(first, name != "forked")) for name, first in TERMINATED.items()
    }
    for name, process in going.items():
        assert process.stdout is not None
        run_id, child = process.stdout.readline().strip(), int(process.stdout.readline())
        if name == "forked":
            os.kill(child, signal.SIGTERM)
            until(lambda pid=child: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)  # type: ignore[misc]
        until(lambda run_id=run_id: bool(store.get(run_id).latest()))  # type: ignore[misc]
        assert store.get(run_id).status == Status.RUNNING, "a child has no part in the run"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
        run, own = store.get(run_id), name == "own handler"
        assert process.returncode == (7 if own else -signal.SIGTERM), (name, err)
        assert run.status == (Status.FINISHED if own else Status.STOPPED), (name, err)
        assert run.error == (None if own else "Its process was ended by SIGTERM.")
        assert not err, name


def test_after_the_last_run_signals_and_exit_are_as_before() -> None:
    def now() -> tuple[object, ...]:
        return sys.exit, type(builtins.exit).__call__, signal.getsignal(signal.SIGTERM)

    before = now()
    one, other = mlcore.start_run("one"), mlcore.start_run("other")
    during = now()
    assert all(one is not other for one, other in zip(before, during, strict=True))
    one.finish()
    assert now() == during
    other.finish()
    assert now() == before


def test_a_copy_for_another_process_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with mlcore.start_run("copied") as run:
        assert copy.deepcopy(run) is run
        with pickle.loads(pickle.dumps(run)) as elsewhere:  # noqa: S301 - our own
            elsewhere.log({"loss": 1.0})
        assert not elsewhere.recording
        assert f"Run {run.id} is written by process" in caplog.text
        run.log({"loss": 2.0})
    assert run.read().latest() == {"loss": 2.0}


def test_of_torchruns_processes_rank_0_records_and_others_by_a_prefix(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with mlcore.start_run("ranks") as run:
            run.log({"loss": 1.0})
            assert run.recording == (rank == "0")
    with mlcore.start_run("ranks", prefix="rank 1/") as run:
        run.log({"loss": 1.0})
    assert [list(found.latest()) for found in store.list()] == [["rank 1/loss"], ["loss"]]


# --- files --------------------------------------------------------------------------------------


def test_weights_and_files_come_back_also_from_a_zip(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    table = tmp_path / "Ergebnisse ü.csv"
    with mlcore.start_run("saves") as run:
        with pytest.raises(RunStateError, match="save_model"):
            run.read().state_dict()
        run.log({"loss": 1.0}, step=7)
        for content in (b"old", b"a,b\n1,2\n"):
            table.write_bytes(content)
            run.save_file(table)
        run.save_file(table, "empty/../name")
        run.save_file(tmp_path / "missing")
        run.save_model(model)
        run.save_model({"weight": 3})
    for words in ("has no slash", "cannot be read: No such file", "only tensors are saved"):
        assert words in caplog.text
    content = to_zip([run.read()])
    (brought,) = import_zip(store, content, "runs.zip")
    for found in (run.read(), brought):
        assert found.files() == {table.name: 8}
        assert found.file(table.name) == b"a,b\n1,2\n"
        again = found.state_dict()
        heads = found.artifacts.tensors("weights") or {}
        assert {name: list(head.shape) for name, head in heads.items()} == {
            f"model.{name}": list(value.shape) for name, value in again.items()
        }
        assert found.artifacts.tensors("checkpoint") is None
        assert again.keys() == model.state_dict().keys()
        assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())
    assert (brought.imported, brought.experiment) == (True, "saves")
    with pytest.raises(InputError, match="it has: Ergebnisse"):
        brought.file("other")


def test_settings_that_are_known_later_join_the_config(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with mlcore.start_run("later", {"lr": 0.1, "net": {"width": 3}}) as run:
        run.log({"loss": 1.0})
        run.update({"lr": 0.2, "seed": 4})
        run.update(argparse.Namespace(net={"depth": 2}))
        run.update(3)
    done = store.get(run.id)
    assert done.config_fields == {"lr": 0.2, "net.depth": 2, "seed": 4}, "net is replaced"
    assert (done.seed, done.status) == (4, Status.FINISHED)
    with mlcore.start_run("later", done.config_fields, seed=9) as same:
        same.update({"seed": 5})
    assert same.read().seed == 9, "a seed that was given stays"
    assert same.read().fingerprint != done.fingerprint
    run.update({"lr": 0.3})
    assert store.get(run.id).config_fields["lr"] == 0.2
    assert len(caplog.records) == 2
    assert "config is 3, but must be a dict" in caplog.text
    assert "update records nothing more" in caplog.text
