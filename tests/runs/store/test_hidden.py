"""Long writes are split: others write in between, and nobody sees half of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import func, insert, select

from mlcore.core import RunNotFoundError
from mlcore.runs import Run, search_runs
from mlcore.runs.imports.foreign import Foreign, ImportRefusedError
from mlcore.runs.imports.insertion import bring_in, bring_in_all
from mlcore.runs.process_id import ProcessId, this_host
from mlcore.runs.store.hidden import HIDDEN, remove_leftovers
from mlcore.runs.store.organize import edit, purge, trash
from mlcore.runs.store.points import Point
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.schema import points, runs
from mlcore.runs.store.store import Store
from mlcore.runs.store.submission import new_row
from tests.runs.made import made
from tests.runs.toy import ToyConfig

MANY = 5000


def _foreign(told: Iterator[Point], digest: str = "d") -> Foreign:
    facts = {"id": "abcd2345", "status": "finished", "experiment": "elsewhere"}
    return Foreign("zip", "many.zip", digest, facts, told)


def _rows(store: Store) -> tuple[int, int]:
    """How many runs and points the tables hold, shown or not."""
    with store.reading() as connection:
        return tuple(  # type: ignore[return-value]  # two of them
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (runs, points)
        )


def test_others_write_while_a_run_is_brought_in_and_see_nothing_of_it(store: Store) -> None:
    other = Store(store.url)  # as another process has it
    seen: list[object] = []
    before: list[Run] = []

    def told() -> Iterator[Point]:
        for step in range(MANY):
            if step % 1000 == 999:
                # in one transaction with the points before, this would wait for its end: forever
                before.append(other.submit(ToyConfig(seed=step)))
                seen.extend(run.source for run in other.list() + other.list(deleted=True))
                seen.extend(run_table(other)["source"].tolist())
                with pytest.raises(RunNotFoundError):
                    other.get("abcd2345")
            yield Point(step, "loss", float(step), float(step))

    run = bring_in(store, _foreign(told()))
    assert set(seen) == {None}
    assert len(before) == 5
    assert run.id == "abcd2345"
    assert (run.step, run.latest(), len(run.metrics())) == (MANY - 1, {"loss": MANY - 1.0}, MANY)
    assert (run.deleted, run.host, run.elapsed) == (None, None, MANY - 1.0)
    assert run.id in run_table(other)["id"].tolist(), "a kept table is made anew"
    other.close()


def test_nothing_is_left_of_what_was_refused_half_way(store: Store) -> None:
    def told() -> Iterator[Point]:
        yield from (Point(step, "loss", 0.0, 0.0) for step in range(MANY))
        yield Point(MANY, "loss", 0.0, float("nan"))

    good = _foreign(iter([Point(0, "loss", 1.0, 0.0)]), "good")
    with pytest.raises(ImportRefusedError, match="without a time"):
        bring_in_all(store, [good, _foreign(told())])
    assert _rows(store) == (0, 0)


@pytest.mark.parametrize("alive", [True, False])
def test_what_a_crash_left_is_removed_by_the_next_import(store: Store, alive: bool) -> None:
    me = ProcessId.of()
    left = new_row(ToyConfig()) | {
        "status": "stopped",
        "deleted": HIDDEN,
        "source": "zip",
        "host": this_host(),
        "pid": me.pid,
        "pid_started": me.started if alive else me.started - 1e6,
        "heartbeat": time.time(),
    }
    with store.writing() as connection:
        key = connection.execute(insert(runs).values(left).returning(runs.c.key)).scalar_one()
        some = [Point(step, "loss", 0.0, 0.0) for step in range(1200)]
        store.point_table.write(connection, key, some)
    remove_leftovers(store)
    assert _rows(store) == ((1, 1200) if alive else (0, 0))
    assert store.list() == store.list(deleted=True) == []
    with pytest.raises(RunNotFoundError):
        edit(store, [left["id"]], note="seen")
    assert purge(store) == []


def test_a_purge_removes_points_and_files_in_short_writes(store: Store) -> None:
    run = made(store, ToyConfig(), {"loss": dict.fromkeys(range(MANY), 1.0)})
    kept = made(store, ToyConfig(seed=1), {"loss": {0: 1.0}})
    run.artifacts.put("arrays-000000001", 1, b"x")
    trash(store, [run.id])
    assert purge(store) == [run.id]
    assert _rows(store) == (1, 1)
    assert [one.id for one in store.list()] == [kept.id]
    assert not run.artifacts.folder.exists()
    assert search_runs()["id"].tolist() == [kept.id]
