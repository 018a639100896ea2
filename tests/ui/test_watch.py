"""Reading curves: every point once, whoever watches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import MNISTConfig, Run
from mlcore.runs.points import Point
from mlcore.runs.store import Store
from mlcore.ui import watch


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    watch._chart_rows.clear()
    watch._history.clear()


def grow(store: Store, run: Run, first: int, last: int) -> Run:
    """Write points as a worker does, and move the run's step with them."""
    from sqlalchemy import update

    from mlcore.runs.schema import runs

    new = [Point(step, "train_loss", 1 / step, step / 10) for step in range(first, last + 1)]
    with store.writing() as connection:
        store.point_table.write(connection, run.key, new)
        connection.execute(
            update(runs)
            .where(runs.c.key == run.key)
            .values(status="running", step=last, done=last, total=400)
        )
    return store.get(run.id)


def drawn_steps(run: Run) -> list[float]:
    rows = watch.chart_rows([run], {run.id: "it"}, "loss")
    steps: list[float] = rows.loc[rows["kind"] == "train", "x"].tolist()
    return steps


def test_a_growing_run_is_drawn_whole_at_every_moment(store: Store) -> None:
    run = store.submit(MNISTConfig())
    last = 0
    for more in (1, 2, 5, 8, 1, 30, 3, 3, 60, 200):
        run = grow(store, run, last + 1, last + more)
        last += more
        assert drawn_steps(run) == list(range(1, last + 1))


def test_the_history_is_read_again_only_now_and_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.submit(MNISTConfig())
    read: list[int | None] = []
    curves = Store.curves

    def counting(
        self: Store, ids: list[str], name: str, points: int = 600, after: int | None = None
    ) -> object:
        if name == "train_loss":
            read.append(after)
        return curves(self, ids, name, points, after)

    monkeypatch.setattr(Store, "curves", counting)
    for step in range(1, 121):
        run = grow(store, run, step, step)
        drawn_steps(run)

    whole = sum(after is None for after in read)
    assert whole <= 16 + 8 * 3  # a chunk is an eighth of the run, and it doubles three times
    assert len(read) >= 120


def test_tabs_that_watch_the_same_share_the_reading(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = grow(store, store.submit(MNISTConfig()), 1, 50)
    drawn_steps(run)

    def unexpected(*_: object) -> None:
        raise AssertionError("The second tab read the store.")

    monkeypatch.setattr(Store, "curves", unexpected)
    assert drawn_steps(run) == list(range(1, 51))


def test_the_axis_ends_where_the_run_will(store: Store) -> None:
    run = grow(store, store.submit(MNISTConfig()), 1, 50)
    rows = watch.chart_rows([run], {run.id: "it"}, "loss")
    assert rows.loc[rows["kind"] == "end", "x"].tolist() == [400]


@given(st.integers(1, 10**7))
def test_a_chunk_is_a_sixteenth_to_an_eighth_of_all(step: int) -> None:
    bits, _ = watch._chunk(step)
    assert step < 16 or step / 16 <= 2**bits <= step / 8
