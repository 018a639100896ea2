"""Fills a store with many finished runs of real configs, as fast as the database takes them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from itertools import product
from typing import Literal

import numpy as np
from sqlalchemy import insert

from mlcore import MNISTConfig
from mlcore.runs.status import Status
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import metric_names, points, runs
from mlcore.runs.store.store import Store
from mlcore.runs.store.submission import new_row

TEST_POINTS = 20


def fill(store: Store, count: int = 1000, length: int = 1000, seed: int = 0) -> list[str]:
    """Add runs whose curves fall and rise as real ones do, with noise from a generator.

    Args:
        store: An empty store.
        count: Runs; each setting of ``settings`` comes with five seeds.
        length: Points of ``train_loss``; ``test_accuracy`` has ``TEST_POINTS`` more.
        seed: Of the noise.

    Returns:
        The ids of the runs, oldest first.
    """
    generator = np.random.default_rng(seed)
    rows, now = [], time.time()
    for place, config in zip(range(count), settings(), strict=False):
        started = now - (count - place) * 60.0
        rows.append(
            {
                **new_row(config),
                "status": Status.FINISHED,
                "created": started,
                "queued": started,
                "started": started,
                "finished": started + 40.0,
                "elapsed": 40.0,
                "step": length,
                "done": float(length),
                "total": float(length),
                "host": "bench",
                "name": f"run {place}" if place % 7 == 0 else "",
                "tags": json.dumps(["week3"] if place % 5 == 0 else []),
                "note": "a note of some length, " * 10 if place % 3 == 0 else "",
                "starred": place % 50 == 0,
            }
        )
    with store.writing() as connection:
        loss, accuracy = (
            connection.execute(insert(metric_names).values(name=name).returning(metric_names.c.key))
            for name in ("train_loss", "test_accuracy")
        )
        keys = {"train_loss": loss.scalar_one(), "test_accuracy": accuracy.scalar_one()}
        curves = [
            list(_curves(length, float(json.loads(r["config"])["lr"]), generator)) for r in rows
        ]
        for row, curve in zip(rows, curves, strict=True):
            row["latest"] = json.dumps({point.name: point.value for point in curve})
        connection.execute(insert(runs), rows)
        numbers = {
            row.id: row.key
            for row in connection.execute(runs.select().with_only_columns(runs.c.id, runs.c.key))
        }
        for row, curve in zip(rows, curves, strict=True):
            connection.execute(
                insert(points),
                [
                    {
                        "run": numbers[row["id"]],
                        "name": keys[point.name],
                        "step": point.step,
                        "value": point.value,
                        "time": point.time,
                    }
                    for point in curve
                ],
            )
    return [str(row["id"]) for row in rows]


def settings() -> Iterator[MNISTConfig]:
    """Configs without end: widths × optimizers × batch sizes × rates, five seeds each."""
    widths = ((32,), (64,), (128,), (256, 64), (128, 64, 32))
    optimizers: tuple[Literal["sgd", "adam"], ...] = ("sgd", "adam")
    rates = np.geomspace(1e-3, 0.3, 10)
    for turn in range(1_000_000):
        for hidden, optimizer, batch, lr in product(widths, optimizers, (64, 256), rates):
            for seed in range(5):
                yield MNISTConfig(
                    hidden=hidden,
                    optimizer=optimizer,
                    batch_size=batch,
                    lr=round(float(lr), 6),
                    seed=5 * turn + seed,
                )


def _curves(length: int, lr: float, generator: np.random.Generator) -> Iterator[Point]:
    """A loss that falls at a rate of ``lr`` with noise, and the accuracy that goes with it."""
    steps = np.arange(1, length + 1)
    noise = generator.normal(0, 0.05, length)
    loss = 2.3 * np.exp(-steps * lr / 20) + 0.1 + np.abs(noise)
    for step, value in zip(steps.tolist(), loss.tolist(), strict=True):
        yield Point(step, "train_loss", value, step * 40.0 / length)
    for at in np.linspace(1, length, TEST_POINTS).astype(int).tolist():
        accuracy = 0.98 - 0.88 * math.exp(-at * lr / 20) + float(generator.normal(0, 0.002))
        yield Point(at, "test_accuracy", accuracy, at * 40.0 / length)
