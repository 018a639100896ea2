"""Sweeps as a whole: asked, run, cached, stopped, extended, changed, killed and taken up again."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

import mlcore
from mlcore import RegressionConfig, Status, Sweep
from mlcore.core import ConfigError, Step, StoreError, SweepNotFoundError, SweepStateError
from mlcore.runs import tend
from mlcore.runs.execution import recorder
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import runs, sweep_runs, sweeps
from mlcore.runs.store.store import Store
from mlcore.sweeps import get_sweep, list_sweeps, start
from mlcore.sweeps.coordinator import advance
from tests.conftest import workers_of
from tests.runs.toy import ToyConfig
from tests.sweeps.conftest import work_off, work_once
from tests.waiting import PATIENCE, until

FAST = RegressionConfig(steps=5)
RATES = {"lr": mlcore.log_range(1e-6, 1e-4)}


def begin(store: Store, config: Any, space: Any, n: int | None = None, **more: Any) -> Sweep:
    """Start a sweep and return at once."""
    assert store.url
    return mlcore.sweep(config, space, n, wait=False, **more)


def test_a_sweep_runs_its_grid_and_knows_its_best(bench: Store) -> None:
    sweep = work_off(begin(bench, FAST, RATES, 6))
    table = sweep.frame()
    assert (sweep.status, list(table["status"])) == ("finished", ["finished"] * 6)
    assert list(table["config.lr"]) == pytest.approx(mlcore.log_range(1e-6, 1e-4).spread(6))
    best = sweep.best
    assert best is not None
    assert best.id == table["run"].iloc[int(table["loss"].argmin())]
    for run in sweep.runs():
        single = mlcore.run(run.config, force=True)
        assert run.latest()["loss"] == single.latest()["loss"]
    assert sweep.importance() == {"lr": 1.0}
    assert sweep.eta == 0.0
    assert sweep.counts.done == sweep.counts.total == 6


def test_finished_runs_answer_and_nothing_is_trained_twice(bench: Store) -> None:
    done = mlcore.run(FAST.replace(lr=1e-5))
    sweep = begin(bench, FAST, {"lr": [1e-6, 1e-5, 1e-4]})
    assert (sweep.counts.cached, sweep.counts.queued) == (1, 2)
    sweep = work_off(sweep)
    assert sweep.frame()["run"][1] == done.id
    runs = len(bench.list())
    again = mlcore.sweep(FAST, {"lr": [1e-6, 1e-5, 1e-4]})
    assert (again.id, len(bench.list())) == (sweep.id, runs)
    forced = mlcore.sweep(FAST, {"lr": [1e-6, 1e-5, 1e-4]}, force=True)
    assert (forced.counts.cached, len(bench.list())) == (3, runs)
    assert forced.id != sweep.id
    assert [one.id for one in list_sweeps(limit=1)] == [forced.id]


def test_seeds_repeat_a_setting_and_their_mean_decides(bench: Store) -> None:
    config = RegressionConfig(data="made", steps=3, lr=1e-5, seed=4)
    sweep = work_off(begin(bench, config, {"lr": [1e-5, 1e-4]}, seeds=3))
    table = sweep.frame()
    assert list(table["seed"]) == [4, 5, 6] * 2
    means = table.groupby("number")["loss"].mean()
    assert sweep.best is not None
    assert sweep.best.config.lr == [1e-5, 1e-4][int(means.argmin())]  # type: ignore[attr-defined]  # a RegressionConfig
    chosen = work_off(begin(bench, config, {"lr": [1e-5]}, seeds=[7, 1]))
    assert list(chosen.frame()["seed"]) == [7, 1]


def test_of_two_objectives_nobody_beats_those_of_the_front(bench: Store) -> None:
    sweep = work_off(
        begin(
            bench,
            FAST,
            {"lr": mlcore.log_range(1e-6, 2e-4)},
            12,
            sampler="random",
            objective=["loss", "b"],
            direction=["minimize", "maximize"],
        )
    )
    table = sweep.frame()
    found = list(zip(table["run"], table["loss"], table["b"], strict=True))
    front = [
        run
        for run, loss, b in found
        if not any(x <= loss and c >= b and (x, c) != (loss, b) for _, x, c in found)
    ]
    assert {run.id for run in sweep.pareto} == set(front)
    losses = [run.latest()["loss"] for run in sweep.pareto]
    assert losses == sorted(losses)


def test_tpe_is_asked_as_results_come_in(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=3), {"lr": mlcore.log_range(0.01, 0.4)}, 5, sampler="tpe")
    assert sweep.asked == 1, "one place to work at: one setting at a time"
    sweep = work_off(sweep)
    assert (sweep.asked, sweep.counts.done, len(set(sweep.frame()["config.lr"]))) == (5, 5, 5)


def test_twelve_settings_are_twelve_runs_and_more_cannot_be_asked_for(bench: Store) -> None:
    space = {"seed": mlcore.int_range(0, 5), "lr": [0.1, 0.2]}
    begun = begin(bench, ToyConfig(steps=2), space, 30, sampler="tpe")
    sweep = work_off(begun)
    assert (begun.settings, sweep.settings, sweep.status) == (12, 12, "finished")
    counts = sweep.counts
    assert (counts.total, counts.done, counts.different, counts.cached) == (12, 12, 12, 0)
    assert len(bench.list()) == 12
    with pytest.raises(SweepStateError, match="12 trials and all were tried"):
        sweep.extend(3)


def test_a_sweep_limited_by_time_ends_when_its_space_is_exhausted(bench: Store) -> None:
    space = {"seed": [0, 1, 2]}
    sweep = work_off(begin(bench, ToyConfig(steps=2), space, sampler="tpe", minutes=600))
    assert (sweep.status, sweep.counts.done) == ("finished", 3)


def test_a_smaller_space_ends_the_sweep_where_it_is_exhausted(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=2), {"seed": mlcore.int_range(0, 50)}, 9, sampler="tpe")
    sweep = work_off(sweep.change_space({"seed": [0, 1, 2]}))
    assert (sweep.status, sweep.counts.queued) == ("finished", 0)
    assert sweep.counts.total == sweep.counts.done == sweep.asked == sweep.settings


def test_settings_that_came_again_are_no_cached_runs(bench: Store) -> None:
    """As sweeps of earlier versions may have them."""
    sweep = work_off(begin(bench, ToyConfig(steps=2), {"seed": [0, 1]}))
    with bench.writing() as connection:
        rows = connection.execute(select(sweep_runs)).mappings().all()
        again = [{**row, "number": row["number"] + 2, "own": False} for row in rows]
        connection.execute(insert(sweep_runs), again)
        connection.execute(update(sweeps).values(asked=4, settings=4))
    counts = sweep.refresh().counts
    assert (counts.total, counts.different, counts.cached) == (4, 2, 0)


def test_resuming_a_sweep_clears_errors_and_leaves_out_runs_with_a_live_twin(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=2), {"seed": [0, 1]}).stop()
    first, second = sweep.runs()
    with bench.writing() as connection:
        gone = update(runs).values(status="lost", error="Worker died", error_type="RunLostError")
        connection.execute(gone.values(traceback="…"))
    twin = mlcore.submit(first.config, force=True)
    resumed = sweep.refresh().resume()
    assert resumed.running
    assert [bench.get(one.id).status for one in (first, second, twin)] == [
        "lost",
        "queued",
        "queued",
    ]
    waiting = bench.get(second.id)
    assert (waiting.error, waiting.traceback) == (None, None)


def test_stopping_keeps_the_state_and_resuming_goes_on(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=3), {"seed": mlcore.int_range(0, 3)})
    work_once(bench)
    stopped = sweep.stop()
    assert (stopped.status, stopped.counts.queued) == ("stopped", 0)
    assert sorted(stopped.frame()["status"]) == ["finished", *["stopped"] * 3]
    advance(bench, sweep.id)
    assert work_once(bench) == 0, "nothing is started while it is stopped"
    again = mlcore.sweep(ToyConfig(steps=3), {"seed": mlcore.int_range(0, 3)}, wait=False)
    assert (again.id, again.status, again.counts.queued) == (sweep.id, "running", 3)
    assert work_off(again).counts.done == 4
    assert len(bench.list()) == 4


def test_stopping_leaves_a_run_that_somebody_else_started(bench: Store) -> None:
    mine = mlcore.submit(ToyConfig(seed=1))
    sweep = begin(bench, ToyConfig(), {"seed": [0, 1]})
    assert list(sweep.frame()["own"]) == [True, False]
    sweep.stop()
    assert mine.refresh().status == Status.QUEUED


def test_a_sweep_is_extended_by_settings(bench: Store) -> None:
    sweep = work_off(begin(bench, FAST, RATES, 2, sampler="random"))
    before = list(sweep.frame()["run"])
    longer = work_off(sweep.extend(3))
    assert (longer.settings, longer.counts.done, longer.status) == (5, 5, "finished")
    assert list(longer.frame()["run"][:2]) == before
    assert work_off(mlcore.sweep(FAST, RATES, 7, sampler="random", wait=False)).id == sweep.id
    assert sweep.refresh().counts.done == 7


def test_a_sweep_is_limited_by_time(bench: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, later = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: clock() + later)
    sweep = begin(bench, FAST, RATES, sampler="random", minutes=60)
    assert sweep.settings is None
    later += 3601
    asked = sweep.refresh().asked
    for _ in range(2):
        advance(bench, sweep.id)
    done = sweep.refresh()
    assert (done.status, done.asked) == ("finished", asked)
    assert set(done.frame()["status"]) == {"stopped"}
    done.extend(minutes=60)
    while done.refresh().running:
        work_once(bench)
        later += 600
        advance(bench, sweep.id)
    assert done.refresh().asked > asked


def test_extending_a_stopped_or_timed_sweep_goes_on_with_it(
    bench: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = begin(bench, FAST, RATES, 3, sampler="random")
    assert work_off(sweep.stop().extend(1)).counts.done == 4
    timed = begin(bench, FAST.replace(steps=6), RATES, sampler="random", minutes=60)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 3601)
    advance(bench, timed.id)
    done = work_off(timed.extend(2))
    assert set(done.frame()["status"]) == {"finished"}


def test_of_a_grid_begun_in_part_the_rest_can_be_tried(bench: Store) -> None:
    sweep = work_off(begin(bench, FAST, {"lr": [1e-6, 1e-5, 1e-4]}, 2))
    assert list(sweep.frame()["config.lr"]) == [1e-6, 1e-5]
    whole = work_off(sweep.extend(9))
    assert (whole.settings, list(whole.frame()["config.lr"])) == (3, [1e-6, 1e-5, 1e-4])
    with pytest.raises(SweepStateError, match="all were tried"):
        whole.extend(1)


def test_the_range_may_change_while_it_runs(bench: Store) -> None:
    sweep = begin(bench, FAST, {"lr": [1e-6, 1e-5]})
    work_once(bench)
    changed = work_off(sweep.change_space({"lr": [1e-5, 1e-4], "steps": [5, 6]}))
    assert len(changed.frame()) == 2 + 4
    assert changed.frame()["run"].nunique() == 2 + 4 - 1, "what was tried is not trained again"
    tpe = begin(bench, FAST, RATES, 3, sampler="random")
    moved = work_off(tpe.change_space({"lr": mlcore.log_range(1e-9, 1e-8)}).extend(4))
    assert (moved.frame()["config.lr"][3:] < 1e-7).all()
    assert moved.space.ranges["lr"] == mlcore.log_range(1e-9, 1e-8)
    assert get_sweep(moved.id[:5]).space == moved.space


def test_diverged_and_refused_settings_are_told_and_do_not_stop_the_rest(bench: Store) -> None:
    sweep = work_off(begin(bench, ToyConfig(steps=5), {"diverge_at": [-1, 3], "fail_at": [-1, 2]}))
    assert list(sweep.frame()["status"]) == ["finished", "failed", "failed", "failed"]
    assert "The loss is inf" in sweep.frame()["error"][2]
    refused = work_off(
        begin(
            bench,
            mlcore.MNISTConfig(train_size=64, epochs=1),
            {"nesterov": [True], "momentum": [0.0]},
        )
    )
    assert list(refused.frame()["status"]) == ["refused"]
    assert "needs momentum above 0" in refused.frame()["error"][0]
    assert refused.best is None


def test_an_objective_that_no_run_logs_ends_the_sweep_with_a_sentence(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=3), {"seed": [0, 1, 2]}, objective="val_loss")
    work_once(bench)
    advance(bench, sweep.id)
    failed = sweep.refresh()
    assert failed.status == "failed"
    assert failed.error is not None
    assert "finished without logging val_loss" in failed.error
    assert "it logged loss" in failed.error
    assert work_once(bench) == 0
    with pytest.raises(SweepStateError, match="without logging"):
        failed.resume()


def test_poor_runs_end_at_a_rung_and_the_decision_is_kept(
    bench: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth is the best of four and goes on; the fifth is the worst of five."""
    monkeypatch.setattr(recorder, "FLUSH_POINTS", 10)

    def watch(step: Step) -> None:
        if step.index % 10 == 0:
            advance(bench, sweep.id)  # as whoever waits for it does

    space = {"lr": [0.2, 0.3, 0.1, 0.01, 0.9]}
    sweep = begin(bench, ToyConfig(steps=300, momentum=0.0), space, prune="median@0.5")
    while (claim := take(bench, ProcessId.of())) is not None:
        recorder.execute(claim, watch=watch)
    sweep = sweep.refresh()
    assert list(sweep.frame()["status"]) == ["finished"] * 4 + ["pruned"]
    last = sweep.members[-1]
    assert [(one.rung, one.step, one.kept, one.seen) for one in last.decisions] == [
        (0.5, 150, False, 5)
    ]
    assert 150 <= last.step < 300
    assert math.isfinite(last.decisions[0].threshold)
    assert sweep.counts.pruned == 1


@pytest.mark.both_back_ends
def test_of_those_who_decide_at_once_one_finds_it_decided(bench: Store) -> None:
    """Three watchers move the same sweep on, each over a connection of its own."""
    sweep = begin(bench, ToyConfig(steps=2), {"lr": mlcore.log_range(0.01, 0.4)}, 6, sampler="tpe")

    def watch() -> None:
        while get_sweep(sweep.id, bench).running:
            advance(bench, sweep.id)

    with ThreadPoolExecutor(3) as pool:
        watchers = [pool.submit(watch) for _ in range(3)]
        until(lambda: work_once(bench) == 0 and not sweep.refresh().running)
        for watcher in watchers:
            watcher.result(PATIENCE)
    done = sweep.refresh()
    assert list(done.frame()["number"]) == list(range(6))
    assert set(done.frame()["status"]) == {"finished"}


@pytest.mark.both_back_ends
@pytest.mark.slow_on_postgresql
def test_killing_who_coordinates_loses_nothing(
    bench: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that asked is killed; whoever asks the same again gets the whole."""
    monkeypatch.setenv("MLCORE_WORKERS", "1")
    code = (
        "import mlcore; from tests.runs.toy import ToyConfig;"
        "mlcore.sweep(ToyConfig(steps=20, delay=0.002), {'lr': mlcore.log_range(0.01, 0.4)}, 6,"
        " sampler='tpe')"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    until(lambda: any(one.status == Status.FINISHED for one in bench.list()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    (sweep,) = list_sweeps(bench)
    known = {run.id for run in bench.list(status=Status.FINISHED)}
    assert known
    rates = mlcore.log_range(0.01, 0.4)
    done = mlcore.sweep(ToyConfig(steps=20, delay=0.002), {"lr": rates}, 6, sampler="tpe")
    assert done.id == sweep.id
    assert (done.status, done.counts.done, done.counts.failed) == ("finished", 6, 0)
    assert known <= set(done.frame()["run"])
    assert len(bench.list()) == 6, "no finished run was repeated"


@pytest.mark.both_back_ends
@pytest.mark.slow_on_postgresql
def test_killing_a_worker_loses_only_its_run_which_is_queued_again_once(
    store: Store, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.touch()
    sweep = begin(store, ToyConfig(steps=20, delay=0.03), {"hold": [str(held), "", "none"]})
    first = sweep.runs()[0]

    def retries() -> int:
        with store.reading() as connection:
            query = select(runs.c.retries).where(runs.c.key == first.key)
            return int(connection.execute(query).scalar_one())

    def at_work() -> bool:
        now = first.refresh()
        return now.status == Status.RUNNING and now.step > 2

    for left in (1, 0):  # the first time it is queued again, the second time it is lost
        until(lambda left=left: retries() == left and at_work())  # type: ignore[misc]  # a lambda's default has no type
        for worker in workers_of(store.url):
            worker.kill()
        until(lambda: reap(store) != [])
        tend(store)
    held.unlink()
    done = sweep.wait(PATIENCE)
    assert sorted(done.frame()["status"]) == ["finished"] * 2 + ["lost"]
    assert done.status == "finished"
    assert done.resume().wait(PATIENCE).counts.failed == 0


def test_a_deleted_run_is_told_and_the_sweep_goes_on(bench: Store) -> None:
    sweep = begin(bench, ToyConfig(steps=3), {"seed": [0, 1, 2]})
    work_once(bench)
    with bench.writing() as connection:
        connection.execute(
            update(sweep_runs).where(sweep_runs.c.number == 0).values(run=None)
        )  # what the database does when the run's row goes
    done = work_off(sweep)
    assert list(done.frame()["status"]) == ["deleted", "finished", "finished"]
    assert done.best is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sampler": "annealing"}, "must be one of grid, random, tpe"),
        ({"n": 0}, "n is 0"),
        ({"n": 1.5}, "n is 1.5"),
        ({"minutes": 0}, "minutes is 0"),
        ({"minutes": math.nan}, "minutes is nan"),
        ({"objective": "accuracy"}, "no run of regression logs it; they log loss, w, b"),
        ({"objective": ["loss", "loss"]}, "one metric or two"),
        ({"objective": ["loss", "w", "b"]}, "one metric or two"),
        ({"objective": "w"}, "Should w be large or small"),
        ({"direction": "up"}, "must be 'maximize' or 'minimize'"),
        ({"direction": ["min", "max"]}, "1 objectives, but 2 directions"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": [1, 1]}, "none of them twice"),
        ({"seeds": -1}, "seeds is -1"),
        ({"prune": "often"}, "must be median or halving"),
        ({"seed": -1}, "seed is -1"),
        (
            {"objective": ["loss", "w"], "direction": ["min", "min"], "prune": "median"},
            "Pruning judges by one objective",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_queued(
    bench: Store, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        mlcore.sweep(FAST, RATES, **arguments)
    with pytest.raises(ConfigError, match="no field rate"):
        mlcore.sweep(FAST, {"rate": [1]})
    assert (bench.list(), list_sweeps(bench)) == ([], [])


def test_data_that_is_not_there_leaves_no_sweep_behind(bench: Store) -> None:
    with pytest.raises(FileNotFoundError, match="There is no file"):
        mlcore.sweep(FAST.replace(data="/nowhere.csv"), RATES)
    assert list_sweeps(bench) == []


def test_an_unknown_sweep_is_told_in_a_sentence(bench: Store) -> None:
    with pytest.raises(SweepNotFoundError, match="No sweep has the id 'none'"):
        get_sweep("none", bench)


def test_a_sweep_gives_itself_again_as_python(bench: Store) -> None:
    first = begin(
        bench,
        FAST,
        {
            "steps": [2, 3],
            "optimizer": ["gradient_descent", "adam"],
            **mlcore.when("optimizer", "adam", lr=mlcore.log_range(1e-6, 1e-4)),
        },
        5,
        sampler="random",
        seeds=[1, 2],
        prune="median",
        seed=3,
        direction="max",
        minutes=30,
    )
    assert "minutes=30.0" in first.as_python()
    words = first.as_python().removesuffix(")") + ", wait=False)"
    again = eval(words, {"mlcore": mlcore})  # noqa: S307 - our own text
    assert (again.id, again.spec) == (first.id, first.spec)


@pytest.mark.parametrize("budget", [{"n": 3, "sampler": "random"}, {}], ids=["n", "grid"])
def test_a_finished_sweep_with_a_time_is_answered_from_what_it_found(
    bench: Store, budget: dict[str, Any]
) -> None:
    def asked() -> Sweep:
        return mlcore.sweep(FAST, RATES, **budget, minutes=5, wait=False)

    first = work_off(asked())
    assert first.status == "finished"

    again = asked()

    assert (again.id, again.status, again.settings) == (first.id, "finished", first.settings)
    assert again.counts.total == first.counts.total
    assert len(bench.list()) == first.counts.total


@pytest.mark.both_back_ends
@pytest.mark.slow_on_postgresql
def test_two_thousand_runs_are_submitted_at_once(bench: Store) -> None:
    sweep = begin(
        bench, mlcore.MNISTConfig(), {"lr": mlcore.log_range(1e-4, 1)}, 2000, sampler="random"
    )
    assert sweep.counts.queued == 2000


def test_start_takes_a_checked_spec(bench: Store) -> None:
    spec = mlcore.sweeps.spec_for(FAST, RATES, 3)
    assert start(bench, spec, 3).id == start(bench, spec, 3).id


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        (sweeps, "spec", "{}"),
        (sweeps, "spec", '{"experiment": 3}'),
        (sweeps, "spaces", '[{"space": 3}]'),
        (sweeps, "spaces", "[1]"),
        (sweeps, "status", "sleeping"),
        (sweep_runs, "decisions", "[1]"),
        (sweep_runs, "decisions", '[{"rung": 0.5}]'),
    ],
)
def test_a_damaged_row_of_a_sweep_is_a_sentence(
    bench: Store, table: Any, column: str, text: str
) -> None:
    sweep = begin(bench, ToyConfig(steps=2), {"seed": [0, 1]})
    with bench.writing() as connection:
        connection.execute(update(table).values({column: text}))
    with pytest.raises(StoreError, match=f"the {column} of .* is {re.escape(repr(text))}"):
        _ = (found := get_sweep(sweep.id, bench)).spec, found.members
