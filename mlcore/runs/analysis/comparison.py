"""Compares chosen runs: differing settings, curves, measures, and tests between seed groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Final

from mlcore.core import InputError, InputTypeError, RunNotFoundError
from mlcore.runs.analysis.axes import Axis, check_axis, pace_of
from mlcore.runs.analysis.comparison_tables import (
    attributes_table,
    curves_on_axis,
    differing_config,
    differing_environment,
    spread_over_seeds,
)
from mlcore.runs.analysis.contrasts import Contrast, Method, contrasts_of
from mlcore.runs.analysis.fold_comparison import FoldComparison, compare_scores
from mlcore.runs.analysis.fold_scores import CrossValidation, cross_validations_of
from mlcore.runs.analysis.measures import (
    Goal,
    Measure,
    check_goal,
    default_goal,
    measure_runs,
    parse_measure,
    why_not_finite,
)
from mlcore.runs.analysis.seed_groups import SeedGroup, seed_groups_of
from mlcore.runs.headline import TEST, VALIDATION
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store.store import Store, open_store
from mlcore.runs.test_set import test_set_words

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS: Final = 1000
"""Runs that one comparison takes at most."""


@dataclass(frozen=True)
class Comparison:
    """A comparison of runs; its tables are read from the store on first access.

    Attributes:
        runs: The runs, in the order asked for.
        metric: The metric that is compared.
        goal: Which end of the metric is better.
        measure: How each curve is reduced to one number.
        axis: What lies along the curves: step, epoch, samples or time (s of work).
        points: Rows a run of ``curves`` at most, about.
        baseline: Id of the run whose group the others are compared with, or None.
        level: Of all intervals.
        method: ``welch`` or ``bootstrap``.

    Example:
        >>> import mlcore
        >>> runs = [mlcore.run(mlcore.RegressionConfig(steps=20, lr=lr)) for lr in (1e-5, 1e-4)]
        >>> comparison = mlcore.runs.compare(runs, metric="loss")
        >>> print([round(value, 1) for value in comparison.measures])
        [818.1, 112.6]
        >>> print([group.n for group in comparison.groups])
        [1, 1]
    """

    runs: tuple[Run, ...]
    metric: str
    goal: Goal
    measure: Measure
    axis: Axis
    points: int
    baseline: str | None
    level: float
    method: Method
    store: Store = field(repr=False, compare=False)

    @property
    def ids(self) -> list[str]:
        """The ids of the runs, in order."""
        return [run.id for run in self.runs]

    @cached_property
    def differing(self) -> pd.DataFrame:
        """The config fields that differ: one row per field, one column per run.

        Tuples are text with commas; a field that a run does not have is None.
        """
        return differing_config(self.runs)

    @cached_property
    def environment(self) -> pd.DataFrame:
        """Differences outside the config: one row per fact, one column per run.

        Versions of mlcore, torch and Python, the git commit, the data's checksum, host, device,
        precision, threads, processor, and whether a run was imported.
        """
        return differing_environment(self.runs)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The metric of each run, thinned by min and max where it has many points.

        Returns:
            A long table in order of run and x: run, group (its letter), metric, x (in the unit of
            ``axis``), value (the mean of the points that a row stands for), low, high, thinned
            (whether it stands for several), step, time, odd (not 0 where a value is not finite:
            ``mlcore.runs.non_finite``). Runs that do not know their epochs or
            samples have no rows on those axes: see ``without_axis``.
        """
        thin = self.store.curves(self.ids, self.metric, self.points)
        letters = {run_id: group.letter for group in self.groups for run_id in group.run_ids}
        return curves_on_axis(thin, self.runs, letters, self.metric, self.axis)

    @cached_property
    def group_curves(self) -> pd.DataFrame:
        """The mean curve of each seed group, with its spread over seeds.

        Returns:
            A long table: group, metric, x (the mean over runs, for times), value (the mean over
            runs), low and high (the lowest and the highest run), sd, n (runs that were measured
            there), step, odd (as in ``curves``). Rows are the steps that the group's curves share
            after thinning.
        """
        return spread_over_seeds(self.curves, [group.letter for group in self.groups])

    @cached_property
    def without_axis(self) -> list[str]:
        """Ids of runs that cannot be drawn over this axis because they have no values for it."""
        import numpy as np

        one = np.ones(1)
        return [run.id for run in self.runs if pace_of(run).along(self.axis, one, one) is None]

    @cached_property
    def measures(self) -> pd.Series[float]:
        """The measure of each run, by id; NaN where the metric has no such value."""
        import pandas as pd

        return pd.Series(self._values, dtype="float64", name=str(self.measure)).rename_axis("run")

    @cached_property
    def groups(self) -> tuple[SeedGroup, ...]:
        """Runs grouped by everything but the seed: n, mean, sd and interval."""
        return seed_groups_of(self.runs, self._values, self.level, self.not_finite)

    @cached_property
    def not_finite(self) -> dict[str, str]:
        """Why a run's measure is not a finite number, by id; runs with a finite one are left out.

        Such as ``its last loss is NaN`` or ``it has no loss``.
        """
        told = {
            run.id: why_not_finite(run, self.metric, self.measure, self._values[run.id])
            for run in self.runs
        }
        return {run_id: why for run_id, why in told.items() if why is not None}

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Seed groups in pairs, or each against the baseline: difference, interval, p and text."""
        return contrasts_of(
            self.groups,
            self.measure,
            self.metric,
            goal=self.measure.goal(self.goal),
            baseline=self.baseline_group,
            level=self.level,
            method=self.method,
        )

    @cached_property
    def cross_validations(self) -> tuple[CrossValidation, ...]:
        """The cross-validations that these runs make up, with a measure of each fold."""
        return tuple(
            found
            for found in cross_validations_of(self.runs)
            if all(math.isfinite(self._values[run.id]) for run in found.runs)
            and all(run.status == Status.FINISHED for run in found.runs)
        )

    @cached_property
    def fold_comparisons(self) -> tuple[FoldComparison, ...]:
        """The cross-validations on the same folds in pairs, by the corrected resampled t-test."""
        labels = {run_id: group.label for group in self.groups for run_id in group.run_ids}

        def scores(one: CrossValidation) -> list[float]:
            return [self._values[run.id] for run in one.runs]

        return tuple(
            compare_scores(
                (scores(a), scores(b)),
                (labels[a.runs[0].id], labels[b.runs[0].id]),
                folds=a.folds,
                repeats=a.repeats,
                goal=self.measure.goal(self.goal),
                share="accuracy" in self.metric and not self.measure.unit,
                level=self.level,
            )
            for a, b in combinations(self.cross_validations, 2)
            if a.same_folds(b)
        )

    @property
    def only_folds(self) -> bool:
        """Whether ``fold_comparisons`` say all there is to say of these runs."""
        inside = {run.id for found in self.cross_validations for run in found.runs}
        return bool(self.fold_comparisons) and inside == set(self.ids)

    @property
    def baseline_group(self) -> str | None:
        """Letter of the baseline's group, or None."""
        return next((g.letter for g in self.groups if self.baseline in g.run_ids), None)

    @cached_property
    def group_table(self) -> pd.DataFrame:
        """``groups`` as a table, one row per group."""
        names = ("letter", "label", "n", "mean", "sd", "low", "high", "run_ids", "counted")
        return attributes_table(self.groups, names)

    @cached_property
    def contrast_table(self) -> pd.DataFrame:
        """``contrasts`` as a table, one row per pair."""
        names = (
            *("a", "b", "difference", "low", "high", "p", "p_holm", "df", "n_a", "n_b"),
            *("better", "sentence"),
        )
        return attributes_table(self.contrasts, names)

    @cached_property
    def test_set(self) -> list[str]:
        """What these runs have seen of the test set, in sentences; empty if there is none."""
        return test_set_words(self.store, self.runs)

    @cached_property
    def _values(self) -> dict[str, float]:
        return measure_runs(
            self.store, self.runs, self.metric, self.measure, goal=self.goal, axis=self.axis
        )


def compare(
    ids: Iterable[str | Run],
    *,
    metric: str | None = None,
    goal: str | None = None,
    measure: str = "last",
    axis: str = "step",
    points: int = 600,
    baseline: str | None = None,
    level: float = 0.95,
    method: Method = "welch",
    store: Store | None = None,
) -> Comparison:
    """Compare runs.

    Args:
        ids: Ids of runs, prefixes of ids, or the runs themselves; duplicates count once.
        metric: The metric to compare; by default ``test_accuracy``, or ``validation_accuracy``
            where none of the runs has looked at the test set.
        goal: ``max`` or ``min``; by default ``min`` for what its name calls a loss or an error.
        measure: ``last``, ``best``, ``area`` (mean height of the curve), or how long a target
            takes: ``time to 0.97`` (s), ``steps to …``, ``epochs to …``, ``samples to …``.
        axis: What lies along the curves: ``step``, ``epoch``, ``samples`` or ``time``.
        points: Rows a run of ``Comparison.curves`` at most, about.
        baseline: Id of one of the runs: the groups of the others are compared with its group.
        level: Of all intervals, between 0 and 1.
        method: ``welch`` or ``bootstrap``, for differences between groups.
        store: Their store; by default the one of ``MLCORE_STORE``.

    Returns:
        The comparison; its tables are read on first access.

    Raises:
        RunNotFoundError: If there is no run of one of these ids.
        ValueError: If a choice is not one of those that there are, no run is given, or more than
            ``MOST_RUNS``.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(steps=20)
        >>> runs = [mlcore.run(config.replace(lr=lr)) for lr in (1e-5, 1e-4)]
        >>> comparison = mlcore.runs.compare(runs, metric="loss")
        >>> print(list(comparison.differing.index), comparison.goal)
        ['lr'] min
    """
    store = open_store() if store is None else store
    found = _found(store, list(ids))
    if metric is None:
        metric = _usual_metric(found)
    if not 0 < level < 1:
        raise InputError(f"level is {level}, but must be between 0 and 1, such as 0.95.")
    if points < 2:
        raise InputError(f"points is {points}, but must be a whole number from 2 up.")
    if method not in ("welch", "bootstrap"):
        raise InputError(f"method is {method!r}, but must be welch or bootstrap.")
    anchor = None if baseline is None else store.get(baseline).id
    if anchor is not None and anchor not in {run.id for run in found}:
        raise InputError(f"The baseline {anchor} is not among the runs that are compared. Add it.")
    return Comparison(
        runs=found,
        metric=metric,
        goal=default_goal(metric) if goal is None else check_goal(goal),
        measure=parse_measure(measure),
        axis=check_axis(axis),
        points=points,
        baseline=anchor,
        level=level,
        method=method,
        store=store,
    )


def _usual_metric(runs: Sequence[Run]) -> str:
    known = {name for run in runs for name in run.last}
    return VALIDATION if VALIDATION in known and TEST not in known else TEST


def _found(store: Store, ids: Sequence[str | Run]) -> tuple[Run, ...]:
    if not ids:
        raise InputError("No run was given. Name one or more by their ids, as mlcore ls does.")
    if isinstance(ids, str):
        raise InputTypeError(f"ids is the text {ids!r}, but must be a list of ids.")
    names = [one.id if isinstance(one, Run) else one for one in ids]
    known = {run.id: run for run in store.get_many(names)}
    found = (known.get(name) or store.get(name) for name in names)
    unique = {run.id: run for run in found if run.deleted is None}
    gone = [name for name in names if not any(run_id.startswith(name) for run_id in unique)]
    if gone:
        raise RunNotFoundError(
            f"Run {gone[0]} is in the trash. Take it out with: mlcore undo {gone[0]}"
        )
    if len(unique) > MOST_RUNS:
        raise InputError(f"{len(unique):,} runs were given, but at most {MOST_RUNS:,} are allowed.")
    return tuple(unique.values())
