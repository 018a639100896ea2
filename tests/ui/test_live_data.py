"""Reading curves: every point once, whoever watches."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from mlcore import MNISTConfig, Run
from mlcore.runs import Status, start_run
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from mlcore.ui import live_curves, live_data
from tests.waiting import until


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    live_data._chart_rows.cache_clear()
    live_data._live_curves.cache_clear()


@pytest.fixture
def run(store: Store) -> Run:
    return store.submit(MNISTConfig())


def grow(run: Run, first: int, last: int, status: str = "running") -> Run:
    """Write points as a worker does, and move the run's step with them."""
    new = [Point(step, "train_loss", 1 / step, step / 10) for step in range(first, last + 1)]
    with run.store.writing() as connection:
        run.store.point_table.write(connection, run.key, new)
        connection.execute(
            update(runs)
            .where(runs.c.key == run.key)
            .values(status=status, step=last, done=last, total=10_000, elapsed=last / 10)
        )
    return run.refresh()


def drawn_steps(run: Run) -> list[float]:
    rows = live_data.chart_rows([run], {run.id: "it"}, "loss")
    steps: list[float] = rows.loc[rows["kind"] == "train", "x"].tolist()
    return steps


def test_a_growing_run_is_drawn_whole_at_every_moment(run: Run) -> None:
    last = 0
    for more in (1, 2, 5, 8, 1, 30, 3, 3, 60, 200):
        run = grow(run, last + 1, last + more)
        last += more
        assert drawn_steps(run) == list(range(1, last + 1))


def test_a_first_point_is_looked_for_more_often_but_not_for_long(run: Run) -> None:
    assert live_data.awaits_first_point([run])
    assert not live_data.awaits_first_point([replace(run, status=Status.FINISHED)])
    before = datetime.now(UTC) - timedelta(seconds=live_data.FIRST_POLLS_FOR_S)
    assert not live_data.awaits_first_point([replace(run, queued=before)])
    assert not live_data.awaits_first_point([grow(run, 1, 1)])


def test_a_long_run_is_thinned_and_keeps_its_ends_and_extremes(run: Run) -> None:
    last = 0
    for _ in range(20):
        run = grow(run, last + 1, last + 100)
        last += 100
        steps = drawn_steps(run)
        assert len(steps) <= live_curves.POINTS
        assert steps[-1] == last
        assert steps == sorted(set(steps))
    rows = live_data.chart_rows([run], {run.id: "it"}, "loss")
    band = rows[rows["kind"] == "band"]
    assert band["high"].max() == 1.0
    assert band["low"].min() == 1 / last


def test_a_run_that_ends_is_read_once_more_whole(run: Run) -> None:
    drawn_steps(grow(run, 1, 500))
    ended = grow(run, 501, 700, status="finished")
    steps = drawn_steps(ended)
    assert steps[-1] == 700
    assert len(steps) <= live_curves.POINTS


def test_a_resumed_run_that_repeats_steps_is_drawn_without_repeats(run: Run) -> None:
    drawn_steps(grow(run, 1, 50))
    drawn_steps(grow(run, 51, 60, status="lost"))
    again = grow(run, 41, 45)
    assert drawn_steps(again) == list(range(1, 61))
    assert drawn_steps(grow(run, 46, 70)) == list(range(1, 71))


def test_a_run_that_goes_back_to_earlier_steps_is_drawn_whole_while_it_runs(run: Run) -> None:
    drawn_steps(grow(run, 1, 10))
    drawn_steps(grow(run, 51, 60))
    assert drawn_steps(grow(run, 21, 30)) == [*range(1, 11), *range(21, 31), *range(51, 61)]
    steps = [*range(1, 11), *range(21, 31), *range(51, 71)]
    assert drawn_steps(grow(run, 61, 70)) == steps


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each read of the store: ``whole`` histories and ``new`` points."""
    seen: list[str] = []

    def counting(name: str, owner: type, method: str) -> None:
        original: Callable[..., object] = getattr(owner, method)

        def counted(*args: object, **kwargs: object) -> object:
            seen.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, method, counted)

    counting("whole", Store, "curves")
    counting("new", Store, "newer_points")
    return seen


def test_a_live_run_is_read_by_cursor_and_seldom_whole(run: Run, reads: list[str]) -> None:
    for step in range(1, 40):
        run = grow(run, step, step)
        drawn_steps(run)
        live_data.chart_rows([run], {run.id: "it"}, "accuracy")

    metrics = {name for splits in live_data.METRICS.values() for name in splits.values()}
    assert reads.count("whole") == len(metrics)
    assert reads.count("new") == 38


def test_tabs_that_watch_the_same_share_the_reading(run: Run, reads: list[str]) -> None:
    run = grow(run, 1, 50)
    first = live_data.chart_rows([run], {run.id: "it"}, "loss")
    reads.clear()

    assert live_data.chart_rows([run.refresh()], {run.id: "it"}, "loss") is first
    assert reads == []


def test_the_axis_ends_where_the_run_will(run: Run) -> None:
    run = grow(run, 1, 50)
    by_step = live_data.chart_rows([run], {run.id: "it"}, "loss")
    by_time = live_data.chart_rows([run], {run.id: "it"}, "loss", axis="time")
    assert by_step.loc[by_step["kind"] == "end", "x"].tolist() == [10_000]
    assert by_time.loc[by_time["kind"] == "end", "x"].tolist() == pytest.approx([1000.0])


def test_a_run_without_points_is_an_empty_chart(run: Run) -> None:
    assert drawn_steps(run) == []


def test_a_logged_runs_metrics_grow_each_by_steps_of_its_own(
    store: Store, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = live_curves.LiveCurves(None)
    with start_run("loop", total=10) as logged:
        run = store.get(logged.id)

        def drawn(metric: str, steps: list[int], *, step: int) -> list[float]:
            nonlocal run
            for place in steps:
                logged.log({metric: float(place)}, step=place)
            until(lambda: store.get(logged.id).latest().get(metric) == step)
            run = store.get(logged.id)
            return list(curves.curves(run)[metric].step)

        assert drawn("loss", [0, 1, 2], step=2) == [0, 1, 2]
        assert drawn("val/loss", [2], step=2) == [2], "at a step that is there already"
        reads.clear()
        assert drawn("loss", [3, 4], step=4) == [0, 1, 2, 3, 4]
        assert drawn("val/loss", [4], step=4) == [2, 4]
        assert reads == ["new"] * 4, "each from its own last step"
        monkeypatch.setattr(live_curves, "WHOLE_S", 0.0)
        curves._whole_due = 0.0
        assert drawn("loss", [9, 7], step=9) == [0, 1, 2, 3, 4, 7, 9]
    rows = live_data.metric_rows([store.get(logged.id)], {logged.id: "it"}, "loss", positive=True)
    assert rows.loc[rows["kind"] == "train", "value"].isna().tolist() == [True, *[False] * 6]
