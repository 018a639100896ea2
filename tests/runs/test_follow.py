"""Log folders that grow: at each moment a run holds what TensorBoard shows, each point once."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from tensorboard.compat.proto.event_pb2 import Event
from torch.utils.tensorboard import SummaryWriter

from mlcore.core import InputError, RunStateError, StoreError
from mlcore.runs import Run, Status
from mlcore.runs.imports import (
    follow,
    followed_run,
    following,
    import_path,
    import_tensorboard,
)
from mlcore.runs.imports.growing_logs import GrowingLogs
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import points, runs
from mlcore.runs.store.store import Store
from tests.runs.event_logs import Curves, content, curves, loss, put, shown, write
from tests.runs.faults import Killed, away, before_each_operation, kill_at, set_clock
from tests.waiting import until

CASES = Path(__file__).parent / "cases"

sqlite = pytest.mark.sqlite


class Following:
    """``follow`` in a thread.

    Attributes:
        said: What it said so far.
    """

    def __init__(self, store: Store, folder: Path, how: dict[str, Any]) -> None:
        self.said: list[str] = []
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        own: dict[str, Any] = {"stop": self._over.is_set, "say": self.said.append}
        how = {"every": 0.01, **own, **how}
        self._future = self._pool.submit(partial(follow, folder, store=store, **how))

    def end(self) -> list[Run]:
        """End it, and give its runs; raises what it raised."""
        self._over.set()
        with self._pool:
            return self._future.result()


@contextmanager
def followed(store: Store, folder: Path, **how: Any) -> Iterator[Following]:
    """Follow a folder for some time."""
    one = Following(store, folder, how)
    try:
        yield one
    finally:
        one.end()


@pytest.fixture(autouse=True)
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_EVERY", 0.02)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def same(one: Curves, other: Curves) -> bool:
    """Whether they are equal; NaN is equal to NaN."""
    return repr(sorted(plain(one))) == repr(sorted(plain(other)))


def plain(given_curves: Curves) -> Iterator[tuple[str, int, str]]:
    """All points, in a form that can be compared."""
    for name, curve in given_curves.items():
        yield from ((name, step, repr(float(value))) for step, value in curve.items())


def only(store: Store) -> Run | None:
    """The only run that there is; None if there is none."""
    found = store.list()
    assert len(found) <= 1, found
    return found[0] if found else None


def holds(store: Store, folder: Path) -> bool:
    """Whether the only run is what TensorBoard shows of the folder now."""
    run = only(store)
    return run is not None and same(curves(run), shown(folder))


# --- as it grows -------------------------------------------------------------------------------


def test_a_growing_folder_is_at_each_flush_what_tensorboard_shows(store: Store, logs: Path) -> None:
    with SummaryWriter(str(logs)) as writer, followed(store, logs):
        for begin, end in pairwise([0, 7, 8, 40]):
            for step in range(begin, end):
                writer.add_scalar("loss", math.exp(-step), step)
                writer.add_scalar("test/acc@1", math.nan if step == 9 else step / 40, step)
            writer.flush()
            until(lambda: holds(store, logs))
            run = store.list()[0]
            assert (run.status, run.source, run.followed) == (Status.RUNNING, "tensorboard", True)
            assert run.step == end - 1
            assert run.latest()["loss"] == pytest.approx(math.exp(1 - end))
    run = run.refresh()
    assert run.status == Status.STOPPED
    assert "Run mlcore follow with the same folder to go on." in str(run.error)
    (again,) = follow(logs, store=store, once=True)
    assert (again.id, again.status, again.error) == (run.id, Status.FINISHED, None)
    assert holds(store, logs)


@sqlite
@given(st.lists(st.integers(0, 400), max_size=8))
def test_however_a_file_grows_each_record_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    path, said = folder / "events.out.tfevents.1.x", list[str]()
    whole = content([loss(step) for step in range(6)])
    logs = GrowingLogs(folder, said.append)
    for cut in [*sorted(cuts), len(whole)]:
        path.write_bytes(whole[:cut])
        logs.look()
    (training,) = logs.trainings
    assert [(one.step, one.value) for one in training.parts[0].folder.scalars] == [
        (step, step) for step in range(6)
    ]
    assert said == []


_HALF_A_RECORD = """
import os, signal, sys
content, out = sys.stdin.buffer.read(), os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for start in range(0, len(content), 7):  # hardly ever a whole record
    os.write(out, content[start : start + 7])
signal.pause()
"""


@sqlite
def test_a_writer_that_is_killed_and_restarted_goes_on_with_its_run(
    store: Store, logs: Path
) -> None:
    path, whole = logs / "events.out.tfevents.1.x", content([loss(step) for step in range(200)])
    words = [sys.executable, "-S", "-c", _HALF_A_RECORD, str(path)]
    with followed(store, logs) as following_it:
        with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(whole[:-3])
            process.stdin.close()
            until(lambda: path.exists() and path.stat().st_size == len(whole) - 3)
            process.send_signal(signal.SIGKILL)
        until(lambda: holds(store, logs))
        before = store.list()[0]
        assert before.step == 198
        with SummaryWriter(str(logs), purge_step=100) as writer:
            for step in range(100, 120):
                writer.add_scalar("loss", -step, step)
            writer.flush()
            until(lambda: store.list()[0].latest() == {"loss": -119.0})
            assert holds(store, logs)
        assert only(store) is not None
        assert following_it.said == [f"logs is run {before.id}."]
    assert curves(before)["loss"] == {
        step: float(step if step < 100 else -step) for step in range(120)
    }


@sqlite
def test_a_folder_without_event_files_is_waited_for(store: Store, logs: Path) -> None:
    assert follow(logs, store=store, once=True) == []
    assert follow(logs, store=store, idle=0.0, every=0.0) == []
    with followed(store, logs):
        write(logs / "a", "1.x", [loss(0)])
        until(lambda: len(store.list()) == 1)
        write(logs / "b", "1.x", [loss(0)])
        until(lambda: len(store.list()) == 2)
    assert sorted(run.name for run in store.list()) == ["logs/a", "logs/b"]


@sqlite
def test_a_run_is_finished_when_its_files_are_quiet_and_runs_again_when_they_grow(
    store: Store, logs: Path
) -> None:
    events = [loss(step) for step in range(4)]
    write(logs, "1.x", events[:2])
    with followed(store, logs, quiet=0.05) as following_it:
        until(lambda: "finished" in following_it.said[-1:][0] if following_it.said else False)
        write(logs, "1.x", events)
        until(lambda: len(following_it.said) == 4)
        run = only(store)
        assert run is not None
        assert run.status == Status.FINISHED
        assert following_it.said == [f"logs is run {run.id}.", f"Run {run.id} is finished."] * 2
    assert curves(run) == {"loss": {step: float(step) for step in range(4)}}
    assert run.progress == 1.0


@sqlite
def test_it_returns_when_nothing_grows_for_the_idle_seconds(store: Store, logs: Path) -> None:
    write(logs, "1.x", [loss(0)])
    (run,) = follow(logs, store=store, idle=0.05, every=0.01)
    assert run.status == Status.FINISHED


@sqlite
@pytest.mark.parametrize("case", ["events_a", "events_b", "events_c", "events_d", "events_h"])
def test_what_is_there_already_is_read_as_an_import_does(
    store: Store, case: str, tmp_path: Path, new_file: Path
) -> None:
    """Hyperparameters, add_scalars, restarts, Keras's tensor summaries, Lightning's placeholder."""
    shutil.copy(new_file, tmp_path / "other.db")
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        expected = import_tensorboard(other, CASES / case)
        found = follow(CASES / case, store=store, once=True)
        for run, wanted in zip(found, expected, strict=True):
            assert run.metrics().equals(wanted.metrics())
            for told in ("name", "config_fields", "status", "elapsed", "step", "created"):
                assert getattr(run, told) == getattr(wanted, told), told
            assert run.latest() == wanted.latest()
    finally:
        other.close()


@sqlite
def test_hyperparameters_that_come_later_become_the_config(store: Store, logs: Path) -> None:
    with SummaryWriter(str(logs)) as writer, followed(store, logs):
        writer.add_scalar("loss", 1.0, 0)
        writer.flush()
        until(lambda: holds(store, logs))
        writer.add_hparams({"lr": 0.1, "clip": math.inf, "net": "mlp"}, {"accuracy": 0.5})
        until(lambda: store.list()[0].latest() == {"loss": 1.0, "accuracy": 0.5})
        run = only(store)
        assert run is not None
        assert run.config_fields == {"lr": 0.1, "clip": "inf", "net": "mlp"}


@sqlite
def test_a_folder_that_turns_out_to_be_a_curve_of_another_goes_on_as_that(
    store: Store, logs: Path
) -> None:
    with followed(store, logs) as following_it:
        write(logs / "loss_test", "1.x", [loss(0), loss(1)])
        until(lambda: len(store.list()) == 1)
        write(logs, "1.x", [loss(0)])
        wanted = {"loss": {0: 0.0}, "loss/test": {0: 0.0, 1: 1.0}}
        until(lambda: curves(store.list()[0]) == wanted)
        assert only(store) is not None
    assert len(following_it.said) == 2, following_it.said


@sqlite
def test_a_folder_within_a_followed_one_is_the_same_run(store: Store, logs: Path) -> None:
    write(logs / "a", "1.x", [loss(0)])
    (run,) = follow(logs, store=store, once=True)
    (within,) = follow(logs / "a", store=store, once=True)
    assert within.id == run.id


# --- files that vanish, shrink or break ---------------------------------------------------------


@sqlite
def test_a_removed_folder_keeps_its_points_and_a_new_training_there_is_another_run(
    store: Store, logs: Path
) -> None:
    with followed(store, logs) as following_it:
        write(logs / "a" / "train", "1.x", [loss(0), loss(1), loss(2)])
        write(logs / "a" / "validation", "1.x", [loss(0)])
        until(lambda: len(store.list()) == 1 and len(curves(store.list()[0])) == 2)
        (first,) = store.list()
        shutil.rmtree(logs)
        write(logs / "a" / "train", "2.x", [loss(0, 5.0)])
        until(lambda: len(store.list()) == 2)
        second = store.list()[0]
        until(lambda: bool(curves(second)))
        assert curves(second) == {"train/loss": {0: 5.0}}
        assert first.refresh().status == Status.FINISHED
        assert len(curves(first)["train/loss"]) == 3
    assert following_it.said[1].endswith("so another run begins.")
    (again,) = follow(logs, store=store, once=True)
    assert again.id == second.id
    assert len(store.list()) == 2


@sqlite
def test_points_of_files_that_were_removed_between_two_calls_stay(store: Store, logs: Path) -> None:
    first = write(logs, "1.x", [loss(0), loss(1), loss(1, tag="warm up")])
    write(logs, "2.x", [loss(2)])
    (run,) = follow(logs, store=store, once=True)
    first.unlink()
    write(logs, "3.x", [loss(3)])
    (again,) = follow(logs, store=store, once=True)
    assert again.id == run.id
    assert list(curves(again)["loss"]) == [0, 1, 2, 3]
    assert again.latest() == {"loss": 3.0, "warm up": 1.0}


@sqlite
@pytest.mark.parametrize("length", [2, 5, 9], ids=["shorter", "as long", "longer"])
def test_a_file_that_is_replaced_is_read_anew(store: Store, logs: Path, length: int) -> None:
    events = [loss(step) for step in range(5)]
    write(logs, "1.x", events[:3])
    with followed(store, logs) as following_it:
        until(lambda: holds(store, logs))
        write(logs, "1.x", [*events[:3], loss(3, tag="odd"), *events[3:]])
        until(lambda: "odd" in store.list()[0].latest())
        other = [Event(wall_time=2000.0), *(loss(step, -1.0) for step in range(length))]
        put(logs / "events.out.tfevents.1.x", content(other[1:] if length == 2 else other))
        wanted = {"loss": dict.fromkeys(range(length), -1.0)}
        until(lambda: curves(store.list()[0]) == wanted)
        assert store.list()[0].latest() == {"loss": -1.0}
        assert only(store) is not None
        assert "was replaced by another file" in following_it.said[1]


@sqlite
def test_a_damaged_file_says_so_once_and_is_read_on_when_it_is_whole(
    store: Store, logs: Path
) -> None:
    whole = content([loss(step) for step in range(6)])
    part = len(content([loss(0), loss(1)]))
    path = logs / "events.out.tfevents.1.x"
    put(path, whole[:part] + bytes(40))  # as a file server shows what is still to come
    write(logs / "b", "1.x", [loss(0)])
    with followed(store, logs) as following_it:
        until(lambda: len(store.list()) == 2)
        put(path, whole[:part] + bytes(60))
        until(lambda: len(following_it.said) == 3)
        put(path, whole)
        until(lambda: sorted(map(len, (curves(r)["loss"] for r in store.list()))) == [1, 6])
    damaged = [one for one in following_it.said if "damaged" in one]
    assert len(damaged) == 1
    assert f"damaged at byte {part}" in damaged[0]


# --- who may write ------------------------------------------------------------------------------


@sqlite
def test_only_one_process_follows_a_folder(store: Store, logs: Path) -> None:
    write(logs, "1.x", [loss(0)])
    (run,) = follow(logs, store=store, once=True)
    other = ProcessId.of(psutil.Process().ppid())
    with store.writing() as connection:
        held = {"pid": other.pid, "pid_started": other.started, "host": other.host}
        connection.execute(update(runs).values(status="running", claim="x", **held))
    write(logs, "1.x", [loss(0), loss(1)])
    with pytest.raises(RunStateError, match=rf"Process {other.pid} on .* already, as run {run.id}"):
        follow(logs, store=store)
    assert curves(run) == {"loss": {0: 0.0}}
    write(logs / "b", "1.x", [loss(0)])
    said: list[str] = []
    found = follow(logs, store=store, once=True, say=said.append)
    assert [one.status for one in found] == [Status.RUNNING, Status.FINISHED]
    assert said[0].startswith("logs is not followed. Process")


@sqlite
def test_only_one_thread_follows_a_folder(store: Store, logs: Path) -> None:
    write(logs, "1.x", [loss(0)])
    with followed(store, logs):
        until(lambda: len(store.list()) == 1)
        with pytest.raises(RunStateError, match=rf"Process {os.getpid()} on .* already, as run"):
            follow(logs, store=store, once=True)
    (run,) = follow(logs, store=store, once=True)
    assert run.status == Status.FINISHED


def test_of_two_that_begin_at_once_one_is_refused(
    store: Store, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(logs, "1.x", [loss(0)])
    with followed(store, logs):
        until(lambda: len(store.list()) == 1)
        monkeypatch.setattr(followed_run, "run_from", lambda *_, **__: None)  # it looked before
        with pytest.raises(RunStateError, match=f"Another process follows {logs} already"):
            follow(logs, store=store, once=True)
    assert only(store) is not None


@sqlite
def test_after_a_store_that_stayed_away_the_next_call_goes_on(
    store: Store, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, lambda: 20.0)
    write(logs, "1.x", [loss(0)])
    with (
        pytest.raises(StoreError, match="did not answer"),
        before_each_operation(store, away(7, math.inf), statements=True),
    ):
        follow(logs, store=store, once=True)
    (run,) = follow(logs, store=store, once=True)
    assert (only(store), run.status) == (run, Status.FINISHED)
    assert curves(run) == {"loss": {0: 0.0}}


@sqlite
def test_a_run_that_was_stopped_is_read_no_more_until_the_next_call(
    store: Store, logs: Path
) -> None:
    write(logs, "1.x", [loss(0)])
    with followed(store, logs) as following_it:
        until(lambda: len(store.list()) == 1)
        run = store.list()[0]
        with pytest.raises(RunStateError, match="trained by another program"):
            run.pause()
        run.stop()
        until(lambda: run.refresh().status == Status.STOPPED)
        assert "asked to stop" in str(run.refresh().error)
        with pytest.raises(RunStateError, match="`mlcore follow` with its folder"):
            run.resume()
        write(logs, "1.x", [loss(0), loss(1)])
        write(logs / "b", "1.x", [loss(0)])
        until(lambda: len(following_it.said) == 3)
    assert curves(run) == {"loss": {0: 0.0}}
    follow(logs, store=store, once=True)
    assert curves(run) == {"loss": {0: 0.0, 1: 1.0}}
    assert run.refresh().status == Status.FINISHED


@sqlite
def test_a_run_that_is_deleted_meanwhile_is_given_up_in_a_sentence(
    store: Store, logs: Path
) -> None:
    write(logs, "1.x", [loss(0)])
    write(logs / "b", "1.x", [loss(0)])
    with followed(store, logs) as following_it:
        until(lambda: len(store.list()) == 2)
        gone = next(run for run in store.list() if run.name == "logs")
        with store.writing() as connection:
            connection.execute(delete(points).where(points.c.run == gone.key))
            connection.execute(delete(runs).where(runs.c.key == gone.key))
        until(lambda: len(following_it.said) == 3)
        assert f"Run {gone.id} was claimed by another process or deleted" in following_it.said[2]
        write(logs, "1.x", [loss(0), loss(1)])
        write(logs / "b", "1.x", [loss(0), loss(1)])
        until(lambda: len(curves(store.list()[0])["loss"]) == 2)
        assert only(store) is not None
    found = follow(logs, store=store, once=True)
    assert [run.name for run in found] == ["logs", "logs/b"]


@sqlite
def test_a_run_in_the_trash_is_left_there(store: Store, logs: Path) -> None:
    write(logs, "1.x", [loss(0)])
    (first,) = follow(logs, store=store, once=True)
    first.delete()
    (second,) = follow(logs, store=store, once=True)
    assert second.id != first.id
    assert first.refresh().deleted is not None


@sqlite
@pytest.mark.parametrize("grown", [False, True])
def test_what_was_imported_is_followed_as_the_same_run(
    store: Store, logs: Path, grown: bool
) -> None:
    write(logs, "1.x", [loss(0)])
    (imported,) = import_path(store, logs)
    if grown:
        write(logs, "1.x", [loss(0), loss(1)])
    (run,) = follow(logs, store=store, once=True)
    assert (run.id, run.status) == (imported.id, Status.FINISHED)
    assert holds(store, logs)


@sqlite
def test_what_is_followed_is_not_imported_again(store: Store, logs: Path) -> None:
    write(logs / "a", "1.x", [loss(0)])
    (run,) = follow(logs, store=store, once=True)
    write(logs / "b", "1.x", [loss(0)])
    said: list[str] = []
    found = import_path(store, logs, said.append)
    assert [one.name for one in found] == ["logs/a", "logs/b"]
    assert found[0].id == run.id
    assert said == [
        f"logs/a is run {run.id} already, which `mlcore follow` read. Follow its folder again for "
        "what came since."
    ]


# --- faults -------------------------------------------------------------------------------------


def number_of_points(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(points)).scalar_one()


@sqlite
def test_interrupted_at_any_moment_the_next_call_has_every_point(
    store: Store, tmp_path: Path
) -> None:
    for number in count(1):
        logs = tmp_path / f"logs{number}"
        write(logs, "1.x", [loss(step) for step in range(3)])
        try:
            with before_each_operation(store, kill_at(number), statements=True):
                follow(logs, store=store, once=True)
            whole = True
        except Killed:
            whole = False
        (run,) = follow(logs, store=store, once=True)
        assert run.status == Status.FINISHED
        assert curves(run) == {"loss": {0: 0.0, 1: 1.0, 2: 2.0}}
        assert len([one for one in store.list() if one.name == run.name]) == 1
        if whole:
            break
    assert number > 10
    assert number_of_points(store) == 3 * number


@sqlite
def test_a_store_that_is_away_for_some_seconds_costs_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, lambda: 0.1)
    for number in range(1, 14):
        logs = tmp_path / f"logs{number}"
        write(logs, "1.x", [loss(step) for step in range(3)])
        with before_each_operation(store, away(number, number + 5), statements=True):
            (run,) = follow(logs, store=store, once=True)
        assert run.status == Status.FINISHED
        assert curves(run) == {"loss": {0: 0.0, 1: 1.0, 2: 2.0}}


@sqlite
@pytest.mark.parametrize("what", ["idle", "quiet", "every"])
@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_a_number_of_seconds_that_is_none_is_refused(
    store: Store, logs: Path, what: str, seconds: float
) -> None:
    with pytest.raises(InputError, match=f"{what} is {seconds}, but must be a number of seconds"):
        follow(logs, store=store, **{what: seconds})  # type: ignore[arg-type]  # a name of these


@sqlite
def test_a_folder_that_is_not_there_is_refused(store: Store, logs: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        follow(logs / "nowhere", store=store)


@sqlite
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named_once(store: Store, logs: Path) -> None:
    write(logs, "1.x", [loss(0)]).chmod(0)
    said: list[str] = []
    assert follow(logs, store=store, idle=0.05, every=0.01, say=said.append) == []
    assert len(said) == 1
    assert "cannot be read: Permission denied" in said[0]
