"""Estimates how long runs will take, from finished runs most like them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from mlcore.core import Config, canonical_json
from mlcore.runs.status import Status
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.ensemble_grouping import FEWEST, shape_name
from mlcore.runs.store.schema import ensembles, runs
from mlcore.runs.store.store import Store

_RUNS_READ: Final = 400


@dataclass(slots=True)
class _Alike:
    """Finished runs that differ only in fields that do not change the time of a step.

    Attributes:
        fields: What they share.
        seconds: Of work, of each run by itself.
        a_step: Seconds an optimizer step, of each.
    """

    fields: Mapping[str, Any]
    seconds: list[float] = field(default_factory=list)
    a_step: list[float] = field(default_factory=list)


def time_of(store: Store, experiment: str, configs: Sequence[Config]) -> tuple[float | None, str]:
    """Seconds of work of runs, one after another or as ensembles where a speedup was measured.

    Numbers such as a learning rate or a momentum change what a run learns but not how long a step
    takes; all other fields may. So the runs that differ in such numbers alone tell the time; where
    there are none, those that differ in the fewest other fields do, by their seconds a step.

    Args:
        store: Whose finished runs are looked at: the newest 400.
        experiment: Name of the experiment.
        configs: Of the runs to come.

    Returns:
        The seconds, and how they came about in words; None where no run is finished yet.
    """
    if not configs:
        return 0.0, "nothing to train"
    free = {s.name for s in configs[0].specs() if s.kind == "number" or s.name == "seed"}
    measured = _measured(store, experiment, free)
    if not measured:
        return None, "no run of this experiment is finished yet, so nothing is known of the time"
    known: dict[str, float] = {}
    used: set[str] = set()
    each: list[float] = []
    exact = True
    for config in configs:
        fields = {k: v for k, v in config.to_dict().items() if k not in free}
        name = canonical_json(fields)
        if name not in known:
            nearest = name
            if name not in measured:
                nearest = min(measured, key=lambda one: _differing(measured[one].fields, fields))
                exact = False
            known[name] = _estimate(measured[nearest], config, same=nearest == name)
            used.add(nearest)
        each.append(known[name])
    total, gain = _together(store, configs, each)
    count = sum(len(measured[name].seconds) for name in used)
    what = "1 finished run" if count == 1 else f"{count} finished runs"
    words = (
        f"median of {what} that differ only in numbers such as the rate"
        if exact
        else f"roughly, from the time per step of {what} with similar settings"
    )
    return total, words + (f"; as one program, {gain:.1f}× measured" if gain else "")


def _measured(store: Store, experiment: str, free: set[str]) -> dict[str, _Alike]:
    columns = (runs.c.id, runs.c.config, runs.c.elapsed, runs.c.step)
    group = (ensembles.c.used, ensembles.c.gain, ensembles.c.members)
    query = (
        select(*columns, *group)
        .select_from(runs.outerjoin(ensembles, ensembles.c.id == runs.c.ensemble))
        .where(
            runs.c.experiment == experiment,
            runs.c.status == Status.FINISHED,
            runs.c.elapsed > 0,
            runs.c.step > 0,
        )
        .order_by(runs.c.key.desc())
        .limit(_RUNS_READ)
    )
    found: dict[str, _Alike] = {}
    with store.reading() as connection:
        for run_id, text, elapsed, step, used, gain, members in connection.execute(query):
            config = json_of(text, dict, "config", f"run {run_id}")
            fields = {k: v for k, v in config.items() if k not in free}
            alike = found.setdefault(canonical_json(fields), _Alike(fields))
            # members of one program all take its whole time
            alone = elapsed * gain / members if used and gain else elapsed
            alike.seconds.append(alone)
            alike.a_step.append(alone / step)
    return found


def _estimate(alike: _Alike, config: Config, *, same: bool) -> float:
    seconds = statistics.median(alike.seconds)
    steps = _steps(config)
    if same or steps is None:
        return seconds
    return statistics.median(alike.a_step) * steps


def _together(
    store: Store, configs: Sequence[Config], seconds: Sequence[float]
) -> tuple[float, float | None]:
    """The total time, and the speedup of ensembles if it is known."""
    by_shape: dict[str | None, list[float]] = {}
    for config, one in zip(configs, seconds, strict=True):
        by_shape.setdefault(shape_name(config), []).append(one)
    total, best = 0.0, None
    for shape, times in by_shape.items():
        gain = _gain(store, shape) if shape is not None and len(times) >= FEWEST else None
        total += sum(times) / (gain or 1.0)
        best = max(gain, best or 0.0) if gain is not None else best
    return total, best


def _gain(store: Store, shape: str) -> float | None:
    """The last measured speedup of a shape; None if it is not trained as an ensemble."""
    c = ensembles.c
    query = select(c.used, c.gain).where(c.shape == shape, c.used.is_not(None))
    with store.reading() as connection:
        row = connection.execute(query.order_by(c.measured.desc()).limit(1)).one_or_none()
    return row.gain if row is not None and row.used else None


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def _steps(config: Config) -> float | None:
    """Optimizer steps of a run, as far as its config tells without training."""
    epochs, a_epoch = getattr(config, "epochs", None), config.steps_per_epoch()
    if isinstance(epochs, int) and a_epoch is not None:
        return float(epochs * a_epoch)
    steps = getattr(config, "steps", None)
    return float(steps) if isinstance(steps, int) else None
