"""The table of runs: what the runs say, read again only when one of them has changed."""

from __future__ import annotations

import math

import pandas as pd
from sqlalchemy import update

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status
from mlcore.runs.execution.claims import beat, flush, take
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.points import Point
from mlcore.runs.store.run_table import DAMAGED, revision, run_table
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from tests.runs.made import made
from tests.runs.toy import ToyConfig


def test_a_row_says_what_the_run_says(store: Store) -> None:
    run = made(store, MNISTConfig(hidden=(64, 32)), {"test_accuracy": {4: 0.9}, "lr": {4: 0.5}})
    run = run.edit(name="first", tags=["a", "b"], starred=True)
    queued = store.submit(ToyConfig(seed=3))
    table = run_table(store)
    assert table["id"].tolist() == [queued.id, run.id], "newest first"
    row = table.iloc[1]
    assert (row["name"], row["tags"], row["starred"]) == ("first", ("a", "b"), True)
    assert (row["config.hidden"], row["config.lr"], row["metric.lr"]) == ("64,32", 0.01, 0.5)
    assert row["metric.test_accuracy"] == 0.9
    assert row["created"] == pd.Timestamp(run.created)
    assert row["duration"] == run.duration
    assert (row["status"], row["progress"]) == (Status.FINISHED, 1.0)
    assert row["version.torch"] == run.versions["torch"]
    waiting = table.iloc[0]
    assert math.isnan(waiting["metric.test_accuracy"])
    assert math.isnan(waiting["duration"])
    assert waiting["seed"] == 3


def test_a_damaged_run_is_named_and_does_not_hide_the_others(store: Store) -> None:
    healthy, *others = (store.submit(ToyConfig(seed=seed)) for seed in range(6))
    damage: list[dict[str, str]] = [
        {"status": "sleeping"},
        {"config": "{"},
        {"latest": "[]"},
        {"tags": "{}"},
        {"versions": ""},
    ]
    with store.writing() as connection:
        for run, values in zip(others, damage, strict=True):
            connection.execute(update(runs).where(runs.c.id == run.id).values(values))
    table = run_table(store)
    assert table["id"].tolist() == [healthy.id]
    sentences = table.attrs[DAMAGED]
    assert len(sentences) == 5
    for run, values in zip(reversed(others), reversed(damage), strict=True):
        (column,) = values
        shown = {"latest": "latest values"}.get(column, column)
        assert any(f"the {shown} of run {run.id} is" in sentence for sentence in sentences)


def test_the_revision_changes_with_every_change_of_a_run_and_with_nothing_else(
    store: Store,
) -> None:
    seen = [revision(store)]

    def changed() -> bool:
        seen.append(revision(store))
        return seen[-1] not in seen[:-1]

    run = store.submit(ToyConfig())
    assert changed()
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    assert changed()
    flush(claim, [Point(1, "loss", 1.0, 0.1)], step=1, done=1, total=9, elapsed=0.1, latest={})
    assert changed()
    beat(claim)
    assert not changed(), "a heartbeat is nothing to draw anew"
    run.stop()
    assert changed()
    run.edit(note="a")
    assert changed()
    run.edit(note="a")
    assert not changed()


def test_an_edit_is_in_the_next_table(store: Store) -> None:
    run = made(store, ToyConfig())
    assert run_table(store)["note"].tolist() == [""]
    run.edit(note="seen")
    assert run_table(store)["note"].tolist() == ["seen"]
    run.delete()
    assert run_table(store).empty
    assert run_table(store, deleted=True)["id"].tolist() == [run.id]


def test_a_table_that_is_changed_does_not_change_the_next_one(store: Store) -> None:
    made(store, ToyConfig())
    mine = run_table(store)
    mine["note"] = "mine"
    mine.loc[0, "id"] = "mine"
    assert "mine" not in run_table(store)[["id", "note"]].to_numpy()
