"""What the runs of the view *MNIST, on few images* gave: curves, results by seed, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts.remedies import Judge, spread_rows
from mlcore.core import Config
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store
from mlcore.runs.analysis.contrasts import Contrast, contrasts_of
from mlcore.runs.analysis.measures import Measure, default_goal, measure_runs
from mlcore.runs.analysis.seed_groups import SeedGroup, seed_groups_of
from mlcore.runs.headline import KEPT, VALIDATION
from mlcore.ui import run_batch
from mlcore.ui.generalization.remedies import COLOURS, PLAIN
from mlcore.ui.run_batch import Batch

if TYPE_CHECKING:
    from pandas import DataFrame

Arms = Mapping[str, Sequence[MNISTConfig]]
"""The configs of each remedy, one a seed."""

_LAST: Final = Measure("last")
_BEST: Final = Measure("best")
_METRICS: Final[Mapping[Judge, str]] = {"loss": "validation_loss", "accuracy": VALIDATION}


def curves(arms: Arms, batch: Batch, judge: Judge) -> DataFrame:
    """The rows of ``mlcore.charts.remedies.drift_spec``: of training the mean of each epoch."""
    parts = []
    for arm, configs in arms.items():
        runs = [run for run in _runs(configs, batch) if run.step]
        if not runs:
            continue
        per_epoch = configs[0].steps_per_epoch()
        validation = run_batch.curves(runs, _METRICS[judge])
        training = run_batch.curves(runs, f"train_{judge}")
        # the batches of an epoch differ more than its epochs do
        epoch = -(-training["step"] // per_epoch)
        means = training.groupby(["run", epoch])["value"].mean().reset_index()
        means["step"] *= per_epoch
        for kind, found in (("training", means), ("validation", validation)):
            parts.append(found.assign(arm=arm, colour=COLOURS[arm], kind=kind))
    if not parts:
        return spread_rows(pd.DataFrame())
    return spread_rows(pd.concat(parts))


def groups_of(arms: Arms, batch: Batch, judge: Judge) -> tuple[SeedGroup, ...]:
    """The finished runs of each remedy as a seed group, which is called by the remedy's name."""
    names: dict[str, str] = {}
    finished: list[Run] = []
    for arm, configs in arms.items():
        for run in _runs(configs, batch):
            if run.status == Status.FINISHED:
                names[run.id] = arm
                finished.append(run)
    groups = seed_groups_of(finished, _values(finished, judge))
    return tuple(replace(group, letter=names[group.run_ids[0]]) for group in groups)


def contrasts(groups: Sequence[SeedGroup], judge: Judge) -> tuple[Contrast, ...]:
    """Each remedy against none, as the page Compare does it."""
    metric = _METRICS[judge]
    return contrasts_of(groups, _LAST, metric, goal=default_goal(metric), baseline=PLAIN)


def result_rows(groups: Sequence[SeedGroup]) -> DataFrame:
    """The rows of ``mlcore.charts.remedies.result_spec``."""
    rows: list[dict[str, object]] = []
    for group in groups:
        shared = {"arm": group.letter, "colour": COLOURS[group.letter], "seeds": group.n}
        seeds = {run.id: run.seed for run in group.runs}
        for run_id, value in zip(group.counted, group.values, strict=True):
            rows.append({**shared, "kind": "seed", "value": value, "seed": seeds[run_id]})
        if group.n:
            # of two seeds the interval is so wide that nothing else would be seen
            ends = {"low": group.low, "high": group.high} if group.n > 2 else {}
            rows.append({**shared, "kind": "mean", "value": group.mean, **ends})
    columns = ["arm", "colour", "seeds", "kind", "value", "seed", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def drift(rows: DataFrame, arm: str) -> tuple[float, float, float, float] | None:
    """Of a remedy's curves: training at the end; validation at its best, where, and at the end.

    Args:
        rows: As ``curves`` gives them, for the loss.
        arm: The remedy.

    Returns:
        None without an epoch's end.
    """
    mine = rows[rows["arm"] == arm]
    training, validation = (mine[mine["kind"] == k] for k in ("training", "validation"))
    if not len(training) or len(validation) < 2:
        return None
    validation = validation.sort_values("step")
    losses = validation["mean"].to_numpy("float64")
    best = int(losses.argmin())
    last = float(training.sort_values("step")["mean"].iloc[-1])
    step = float(validation["step"].iloc[best])
    return last, float(losses[best]), step, float(losses[-1])


def _runs(configs: Sequence[Config], batch: Batch) -> list[Run]:
    found = (batch.run(config) for config in configs)
    return [run for run in found if run is not None]


def _values(runs: Sequence[Run], judge: Judge) -> dict[str, float]:
    """Of the weights that each run keeps: those of its end, or of its best epoch."""
    if judge == "accuracy":
        return {run.id: run.last.get(KEPT, run.last.get(VALIDATION, float("nan"))) for run in runs}
    kept = {run.id for run in runs if KEPT in run.last}
    lasts = {run.id: run.last.get("validation_loss", float("nan")) for run in runs}
    return lasts | _best_losses(open_store().url, tuple(sorted(kept)))


@st.cache_data(max_entries=64, show_spinner=False)
def _best_losses(url: str, ids: tuple[str, ...]) -> dict[str, float]:
    store = open_store(url)
    runs = store.get_many(list(ids))
    if not runs:
        return {}
    return measure_runs(store, runs, "validation_loss", _BEST, goal="min", axis="step")
