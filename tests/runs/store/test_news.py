"""The quick looks by which the live stream notices news: the same as the whole reading."""

import math

from sqlalchemy import update

from mlcore import MNISTConfig
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store


def test_new_points_are_those_of_the_metrics_asked_for_after_the_step(store: Store) -> None:
    run = store.submit(MNISTConfig())
    values = {1: 0.5, 2: math.nan, 3: math.inf}
    with store.writing() as connection:
        new = [Point(step, "train_loss", value, step / 10) for step, value in values.items()]
        store.point_table.write(connection, run.key, [*new, Point(3, "lr", 0.1, 0.3)])
    assert store.newer_points(run, ["train_loss"], 2) == [(3, "train_loss", math.inf, 0.3)]
    (first, second) = store.newer_points(run, ["train_loss", "unknown"], 1)
    assert first[:2] == (2, "train_loss")
    assert math.isnan(first[2])
    assert second == (3, "train_loss", math.inf, 0.3)
    assert store.newer_points(run, ["train_loss"], 3) == []


def test_a_mark_changes_with_whatever_a_page_shows_of_a_run(store: Store) -> None:
    run, other = store.submit(MNISTConfig()), store.submit(MNISTConfig(seed=7))
    marks = store.marks([run.id, "nobody22"])
    assert marks.keys() == {run.id}
    seen = {marks[run.id]}
    for change in ({"step": 5}, {"total": 9.0}, {"request": "stop"}, {"status": "running"}):
        with store.writing() as connection:
            connection.execute(update(runs).where(runs.c.key == run.key).values(change))
        seen.add(store.marks([run.id])[run.id])
    assert len(seen) == 5
    assert store.marks([other.id])[other.id] not in seen - {marks[run.id]}
