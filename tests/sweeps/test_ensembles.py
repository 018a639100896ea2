"""Groups: runs that one worker trains as one program, each a run of its own in the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from sqlalchemy import insert, select

import mlcore
from mlcore import MNISTConfig, RegressionConfig, Status
from mlcore.runs.execution import benchmark
from mlcore.runs.execution.claims import release, take_ensemble
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.recorder import execute_ensemble
from mlcore.runs.process_id import ProcessId, this_host
from mlcore.runs.store.artifacts import CHECKPOINT
from mlcore.runs.store.ensemble_grouping import shape_name
from mlcore.runs.store.schema import ensembles, runs
from mlcore.runs.store.store import Store
from mlcore.sweeps import ensemble_grouping
from tests.conftest import workers_of
from tests.mnist.conftest import write_folder
from tests.sweeps.conftest import work_off, work_once
from tests.waiting import until

RATES = {"lr": mlcore.log_range(1e-6, 1e-4)}


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One program is always worth it; gives the sizes of what was tried."""
    tried: list[int] = []

    def gain(configs: list[object], _needed: float) -> float:
        tried.append(len(configs))
        return 3.4

    monkeypatch.setattr(benchmark, "measure", gain)
    return tried


def small(folder: Path, **fields: object) -> MNISTConfig:
    """A network that learns 3 classes from 70 images."""
    write_folder(folder)
    given = {"hidden": (8,), "batch_size": 16, "loss": "cross_entropy", "epochs": 2} | fields
    return MNISTConfig(dataset="folder", data_dir=str(folder), **given)  # type: ignore[arg-type]  # tests give what fits


def test_runs_of_one_shape_train_as_one_program_and_say_so(
    bench: Store, worth_it: list[int], tmp_path: Path
) -> None:
    config = small(tmp_path)
    sweep = mlcore.sweep(config, {"lr": mlcore.log_range(1e-3, 0.1)}, 6, wait=False)
    assert work_once(bench) == 6, "one worker takes them all"
    done = work_off(sweep)
    assert worth_it == [6]
    (ensemble,) = done.ensembles
    assert ensemble.sentence() == "6 members as one program: 3.4× measured"
    for run in done.runs():
        assert run.status == Status.FINISHED
        single = mlcore.run(run.config, force=True)
        assert run.id != single.id
        ours, theirs = run.metrics(["test_loss"]), single.metrics(["test_loss"])
        assert list(ours["step"]) == list(theirs["step"]) == [0, 5, 10]
        assert list(ours["value"]) == pytest.approx(list(theirs["value"]), rel=1e-3)
        assert run.array_steps() == single.array_steps()
        for key, value in single.model().state_dict().items():
            assert torch.allclose(run.model().state_dict()[key], value, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("bench")
def test_the_trial_is_made_once_for_a_shape(worth_it: list[int]) -> None:
    config = RegressionConfig(steps=5)
    work_off(mlcore.sweep(config, RATES, 8, wait=False))
    work_off(mlcore.sweep(config, RATES, 9, wait=False))
    work_off(mlcore.sweep(config.replace(steps=6), RATES, 8, wait=False))
    assert worth_it == [8, 8]


def test_where_it_does_not_pay_they_train_one_by_one(
    bench: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "measure", lambda *_: 1.05)
    sweep = mlcore.sweep(RegressionConfig(steps=5), RATES, 5, wait=False)
    assert [work_once(bench) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    done = work_off(sweep)
    assert done.counts.done == 5
    assert "one by one" in done.ensembles[0].sentence()
    assert not ensemble_grouping.worthwhile(bench, RegressionConfig(steps=5, lr=1.0))


def test_a_trial_that_fails_leaves_each_run_to_fail_by_itself(bench: Store, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("x,y\n1,2\n2,3\n3,5\n")
    config = RegressionConfig(data=str(table), steps=3)
    sweep = mlcore.sweep(config, RATES, 4, wait=False)
    table.unlink()
    while work_once(bench):
        pass
    done = work_off(sweep)
    assert set(done.frame()["status"]) == {"failed"}
    assert "There is no file" in str(done.frame()["error"][0])
    assert "too short to measure" in done.ensembles[0].sentence()


def test_a_member_ends_at_a_rung_and_the_others_go_on(bench: Store, worth_it: list[int]) -> None:
    assert worth_it == []
    sweep = mlcore.sweep(RegressionConfig(steps=2000), RATES, 4, wait=False)
    claims = take_ensemble(bench, ProcessId.of())
    with bench.writing() as connection:
        poor = runs.update().where(runs.c.key == claims[2].run.key)
        connection.execute(poor.values(request="prune"))
    statuses = {run.id: run.status for run in execute_ensemble(claims)}
    assert statuses[claims[2].run.id] == Status.PRUNED
    assert sorted(statuses.values()) == [Status.FINISHED] * 3 + [Status.PRUNED]
    assert work_off(sweep).counts.pruned == 1


def test_the_measured_gain_is_that_of_real_steps() -> None:
    configs = [RegressionConfig(lr=lr, steps=200_000) for lr in (1e-5, 2e-5, 3e-5, 4e-5)]
    gain = benchmark.measure(configs)
    assert gain is not None
    assert gain > 0, "how large is for tests/bench/ensemble.py to say"
    assert benchmark.measure([RegressionConfig(steps=1)] * 4) is None, "too short to tell"


def test_a_pause_of_the_machine_is_no_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    pauses = iter([0.1])  # during the first try of one run alone

    def indices(_configs: object) -> Iterator[int]:
        nonlocal now
        for index in range(5):
            now += 0.01 + (next(pauses, 0.0) if index == 3 else 0.0)
            yield index

    clock = SimpleNamespace(perf_counter=lambda: now, monotonic=lambda: now)
    monkeypatch.setattr(benchmark, "time", clock)
    monkeypatch.setattr(benchmark, "_steps", indices)
    monkeypatch.setattr(benchmark, "_rounds", indices)

    assert benchmark.measure([RegressionConfig()] * 2) == pytest.approx(2.0)


def test_a_member_may_diverge_or_be_stopped_alone(bench: Store, worth_it: list[int]) -> None:
    assert worth_it == []
    config = RegressionConfig(steps=2000)
    sweep = mlcore.sweep(config, {"lr": [1e-5, 1.0, 1e-4, 2e-4]}, wait=False)
    claims = take_ensemble(bench, ProcessId.of())
    claims[2].run.stop()
    ended = {run.config.lr: run for run in execute_ensemble(claims)}  # type: ignore[attr-defined]  # a RegressionConfig
    assert {lr: run.status for lr, run in ended.items()} == {
        1e-5: Status.FINISHED,
        1.0: Status.FAILED,
        1e-4: Status.STOPPED,
        2e-4: Status.FINISHED,
    }
    assert "too large here" in str(ended[1.0].error)
    assert ended[1.0].metrics()["step"].max() < 2000
    stopped = ended[1e-4]
    assert 0 <= stopped.step < 2000
    assert stopped.artifacts.load(CHECKPOINT) is not None

    again = mlcore.run(stopped.config)  # resumed as a single run, from the group's checkpoint
    assert (again.id, again.status) == (stopped.id, Status.FINISHED)
    assert list(again.metrics(["loss"])["step"]) == list(range(0, 2001, 2))
    whole = mlcore.run(stopped.config, force=True)
    assert again.latest()["loss"] == pytest.approx(whole.latest()["loss"], rel=1e-9)
    assert work_off(sweep).counts.failed == 1


def test_a_group_is_set_aside_when_its_worker_is_told_to_end(
    bench: Store, worth_it: list[int]
) -> None:
    assert worth_it == []
    sweep = mlcore.sweep(RegressionConfig(steps=2000), RATES, 4, wait=False)
    claims = take_ensemble(bench, ProcessId.of())
    ended = execute_ensemble(claims, interrupted=lambda: True)
    assert [run.status for run in ended] == [Status.STOPPED] * 4
    done = work_off(sweep.stop().resume())
    assert [run.status for run in done.runs()] == [Status.FINISHED] * 4


def test_members_that_have_gone_further_wait_for_a_turn_of_their_own(
    bench: Store, worth_it: list[int]
) -> None:
    assert worth_it == []
    sweep = mlcore.sweep(RegressionConfig(steps=2000), RATES, 5, wait=False)
    claims = take_ensemble(bench, ProcessId.of())
    release(claims[1:], alone=False)
    execute_ensemble(claims[:1], interrupted=lambda: True)
    sweep.stop().resume()
    assert [work_once(bench) for _ in range(3)] == [4, 1, 0]
    done = work_off(sweep)
    assert set(done.frame()["status"]) == {"finished"}


@pytest.mark.usefixtures("bench")
def test_a_bug_in_the_program_fails_all_its_members(
    worth_it: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worth_it == []

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug in the program")

    monkeypatch.setattr(RegressionConfig, "train_together", broken)
    done = work_off(mlcore.sweep(RegressionConfig(), RATES, 4, wait=False))
    assert set(done.frame()["error"]) == {"ZeroDivisionError: a bug in the program"}
    assert "in broken" in str(done.runs()[0].traceback)


def test_a_run_taken_from_a_group_leaves_the_others_going(
    bench: Store, worth_it: list[int]
) -> None:
    """A claim that was lost, as after a suspended laptop, ends with its run alone."""
    assert worth_it == []
    sweep = mlcore.sweep(RegressionConfig(steps=2000), RATES, 4, wait=False)
    claims = take_ensemble(bench, ProcessId.of())
    with bench.writing() as connection:
        connection.execute(
            runs.update().where(runs.c.key == claims[1].run.key).values(claim="another")
        )
    ended = execute_ensemble(claims)
    assert [run.id for run in ended] == [claims[place].run.id for place in (0, 2, 3)]
    assert sweep.refresh().counts.running == 1


def test_two_places_to_work_at_share_the_members(
    bench: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "2")
    monkeypatch.setattr("mlcore.sweeps.api.tend", lambda _: None)  # nobody is to start working
    mlcore.sweep(RegressionConfig(), RATES, 10, wait=False)
    with bench.reading() as connection:
        sizes = connection.execute(select(ensembles.c.members)).scalars().all()
    assert sorted(sizes) == [5, 5]


def test_a_group_whose_worker_is_killed_is_queued_again_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = MNISTConfig(hidden=(8,), batch_size=16, train_size=4000, epochs=1000)
    with store.writing() as connection:  # workers are processes: they are told that it pays
        measured = {"gain": 3.4, "used": True, "host": this_host(), "measured": time.time()}
        row = {"id": "earlier", "shape": shape_name(config), "members": 4}
        connection.execute(insert(ensembles).values(**row, **measured))
    sweep = mlcore.sweep(config, {"lr": mlcore.log_range(1e-3, 1e-2)}, 4, wait=False)
    until(lambda: all(run.step > 0 for run in sweep.runs()))
    seen = {run.id: len(run.metrics()) for run in sweep.runs()}
    monkeypatch.setenv("MLCORE_WORKERS", "0")  # nobody takes them up again meanwhile
    for worker in workers_of(store.url):
        worker.kill()

    def reaped() -> bool:
        reap(store)
        return {run.status for run in sweep.runs()} == {Status.QUEUED}

    until(reaped)
    assert all(len(run.metrics()) >= seen[run.id] for run in sweep.runs())
    sweep.stop()
