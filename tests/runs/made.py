"""Recorded runs with chosen points, made in no time through the same door as real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlcore.core import Config
from mlcore.runs import Run, Status
from mlcore.runs.execution.claims import end, flush, take
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.points import Point
from mlcore.runs.store.store import Store

Curves = Mapping[str, Mapping[int, float]]


def made(
    store: Store, config: Config, curves: Curves | None = None, status: Status = Status.FINISHED
) -> Run:
    """A run of a config with these curves, metric → step → value, a tenth of a second a step."""
    points = [
        Point(step, name, value, step / 10)
        for name, curve in (curves or {}).items()
        for step, value in curve.items()
    ]
    run = store.submit(config, force=True)
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    last = max((point.step for point in points), default=0)
    flush(
        claim,
        points,
        step=last,
        done=last,
        total=max(last, 1),
        elapsed=last / 10,
        latest={name: curve[max(curve)] for name, curve in (curves or {}).items() if curve},
    )
    return end(claim, status)


def made_with_finals(
    store: Store, config: Config, finals: Sequence[float], metric: str = "test_accuracy"
) -> list[Run]:
    """A finished run a value, with seeds from 0, that ends with it."""
    return [
        made(store, config.replace(seed=seed), {metric: {0: 0.1, 10: value}})
        for seed, value in enumerate(finals)
    ]
