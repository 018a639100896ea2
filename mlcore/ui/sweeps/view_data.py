"""The data drawn of a sweep, computed once per change and shared by all tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from mlcore.charts.comparison import is_share, metric_title
from mlcore.charts.dimensions import Dimension, Floats
from mlcore.charts.parallel import Goal, ranks
from mlcore.runs.store.run_table import revision
from mlcore.runs.store.store import Store, open_store
from mlcore.sweeps import (
    Choices,
    Counts,
    IntRange,
    LinearRange,
    LogRange,
    Range,
    State,
    Sweep,
    get_sweep,
)

CURVES: Final = 60
"""Curves drawn at most: half of them the best, the others the newest."""
CURVE_POINTS: Final = 100

_LOG_FROM: Final = 3.0
"""Losses whose largest is so many times the smallest lie on a log axis; closer ones on an even one,
where they fill it."""

_FEW_CHOICES: Final = 4
"""From so many numbers on, choices lie on an axis of numbers."""


@dataclass(frozen=True, eq=False)
class SweepView:
    """A sweep at one moment.

    Attributes:
        sweep: As it was read.
        counts: Its runs by where they stand.
        table: One row per run that exists: ``Sweep.frame`` with *setting* (in words) and *rank* (of
            the first objective among those that ended, from 0 to 1).
        fields: The axis of each swept field, by its name.
        objectives: The axis of each objective.
        best: Ids of the runs of the best trial, or of all trials on the Pareto front.
    """

    sweep: Sweep
    counts: Counts
    table: pd.DataFrame
    fields: dict[str, Dimension]
    objectives: tuple[Dimension, ...]
    best: tuple[str, ...]

    @property
    def ended(self) -> pd.DataFrame:
        """The rows whose objective is final: finished runs."""
        return self.table[self.table["status"] == "finished"]

    @property
    def goal(self) -> Goal:
        """The direction of the first objective."""
        return "max" if self.sweep.objectives[0].direction == "maximize" else "min"


def look(sweep: Sweep) -> SweepView:
    """Read the data to draw; shared by tabs while no run of the store changes."""
    return _look(sweep.store.url, sweep.id, f"{sweep.row} {revision(sweep.store)}")


@lru_cache(maxsize=16)
def _look(url: str, sweep_id: str, _revision: str) -> SweepView:
    sweep = get_sweep(sweep_id, open_store(url))
    table = sweep.frame()
    table = table[table["run"].notna()].reset_index(drop=True)
    labels = {spec.name: spec.label for spec in sweep.config.specs()}
    fields = {
        name: _field_axis(table, name, labels[name], swept)
        for name, swept in sweep.space.ranges.items()
    }
    finished = table["status"] == "finished"
    metrics = [one.metric for one in sweep.objectives]
    axes = tuple(_objective_axis(table[finished], metric) for metric in metrics)
    goal: Goal = "max" if sweep.objectives[0].direction == "maximize" else "min"
    final = table[[metrics[0]]].where(finished)
    table = table.assign(
        rank=ranks(final, metrics[0], goal),
        setting=setting_words(table, fields),
    )
    return SweepView(sweep, sweep.counts, table, fields, axes, _best(sweep))


def setting_words(table: pd.DataFrame, axes: Mapping[str, Dimension]) -> list[str]:
    """Each row's trial in words: ``Learning rate 0.01, Optimizer adam``."""
    words = [
        [f"{axis.title} {text}" for text in axis.texts(table[axis.column])]
        for axis in axes.values()
    ]
    return [
        ", ".join(one for one in setting if not one.endswith(" —"))
        for setting in zip(*words, strict=True)
    ]


def curves(seen: SweepView, metric: str, among: pd.DataFrame, *, log: bool = False) -> pd.DataFrame:
    """The rows of ``mlcore.charts.trial_curves.member_curve_spec`` for some of a view's runs.

    Each curve is read anew only when its run has gone on.
    """
    from mlcore.charts.trial_curves import rank_colour

    store = seen.sweep.store
    parts = []
    keys = {member.run_id: member.step for member in seen.sweep.members}
    for row in drawn_curves(among).to_dict("records"):
        run_id = str(row["run"])
        x, value = _curve(store.url, run_id, metric, keys.get(run_id, 0), str(row["status"]))
        if log:
            x, value = x[value > 0], value[value > 0]
        if len(x):
            part = pd.DataFrame({"x": x, "value": value})
            parts.append(
                part.assign(run=run_id, setting=row["setting"], colour=rank_colour(row["rank"]))
            )
    if parts:
        return pd.concat(parts, ignore_index=True)
    return pd.DataFrame({"x": [], "value": [], "run": [], "setting": [], "colour": []})


def best_values(seen: SweepView) -> Sequence[float]:
    """The objectives of the best trial so far, as means over its seeds; empty if there is none.

    With two objectives, those of the best trial by the first.
    """
    rows = seen.table[seen.table["run"].isin(list(seen.best))]
    first = rows[rows["number"] == rows["number"].iloc[0]] if len(rows) else rows
    return [float(first[axis.column].mean()) for axis in seen.objectives] if len(first) else []


def _field_axis(table: pd.DataFrame, name: str, title: str, swept: Range) -> Dimension:
    column = f"config.{name}"
    match swept:
        case LogRange():
            ends = (swept.low, swept.high)
            return Dimension.of(table, column, title=title, kind="log", cover=ends)
        case LinearRange():
            ends = (swept.low, swept.high)
            return Dimension.of(table, column, title=title, kind="linear", cover=ends)
        case IntRange():
            kind = "log" if swept.log else "linear"
            ends = (float(swept.low), float(swept.high))
            return Dimension.of(table, column, title=title, kind=kind, cover=ends)  # type: ignore[arg-type]  # one of two kinds
        case Choices():
            numbers = [v for v in swept.values if isinstance(v, int | float)]
            many = len(numbers) == len(swept.values) >= _FEW_CHOICES
            if many and not any(isinstance(v, bool) for v in numbers):
                return Dimension.of(table, column, title=title, cover=map(float, numbers))
            return Dimension.of(
                table, column, title=title, kind="category", categories=swept.values
            )


def _objective_axis(ended: pd.DataFrame, metric: str) -> Dimension:
    values = ended[metric]
    finite = values[np.isfinite(values)]
    positive = len(finite) > 0 and bool((finite > 0).all())
    log = "loss" in metric and positive and finite.max() / finite.min() >= _LOG_FROM
    axis = Dimension.of(ended, metric, title=metric_title(metric), kind="log" if log else "linear")
    if is_share(metric):  # a share of 1 leaves no room above it
        return replace(axis, low=max(0.0, axis.low), high=min(1.0, axis.high), share=True)
    return axis


def _best(sweep: Sweep) -> tuple[str, ...]:
    from mlcore.sweeps import results

    if len(sweep.objectives) > 1:
        settings = results.pareto(sweep.spec, sweep.tried)
    else:
        one = results.best(sweep.spec, sweep.tried)
        settings = [one] if one is not None and one.state is State.COMPLETE else []
    ids = [member.run_id for setting in settings for member in setting.members]
    return tuple(run_id for run_id in ids if run_id is not None)


def drawn_curves(among: pd.DataFrame) -> pd.DataFrame:
    """The rows whose curves are drawn, the best last: all, or the best half and the newest."""
    if len(among) <= CURVES:
        return among.sort_values("rank", na_position="first")
    best = among.nlargest(CURVES // 2, "rank")
    newest = among.drop(best.index).tail(CURVES - len(best))
    return pd.concat([newest, best]).sort_values("rank", na_position="first")


@lru_cache(maxsize=2048)
def _curve(url: str, run_id: str, metric: str, _step: int, _status: str) -> tuple[Floats, Floats]:
    store: Store = open_store(url)
    found = store.curves([run_id], metric, CURVE_POINTS)
    value = found["value"].to_numpy("float64")
    finite = np.isfinite(value)
    return found["step"].to_numpy("float64")[finite], value[finite]
