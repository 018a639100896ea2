"""Compares two configs on the same folds, by a t-test that knows fold scores depend on each other.

The runs of a cross-validation share most of what they learn from, so the usual t-test, which takes
their scores for independent, finds differences that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.core import InputError
from mlcore.runs.analysis.fold_scores import CrossValidation, folds_text
from mlcore.runs.analysis.measures import Goal, default_goal
from mlcore.runs.analysis.statistics import LEVEL, Difference, check_level, number_text


@dataclass(frozen=True, slots=True)
class FoldComparison:
    """The difference of two configs on the same folds.

    Attributes:
        difference: Mean score of b − mean score of a, with its interval (``corrected_t``).
        better: ``a`` or ``b`` if it is better beyond luck, else None.
        sentence: All of it in words.
    """

    difference: Difference
    better: str | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def corrected_t(
    a: Sequence[float], b: Sequence[float], folds: int, level: float = LEVEL
) -> Difference:
    """The corrected resampled t-test of two sets of scores on the same folds.

    ``t = m/√((1/n + n₂/n₁) s²)`` with mean m and variance s² (n − 1) of the n differences b − a,
    and n − 1 degrees of freedom; n₂/n₁ is the ratio of held-out to training samples, here
    1/(folds − 1). Without that term it is the paired t-test (Nadeau and Bengio, Machine Learning
    52, 2003; for repeats Bouckaert and Frank, PAKDD 2004, where n is folds times repeats).

    Args:
        a: The scores of the first, one a run.
        b: Those of the second, on the same folds in the same order.
        folds: Into how many parts the data was divided.
        level: Of the interval.

    Returns:
        The difference b − a. Interval and p are NaN if it is the same on every fold.

    Raises:
        ValueError: If the scores are no whole number of repeats, not finite, or not as many.

    Example:
        >>> from mlcore.runs.analysis.fold_comparison import corrected_t
        >>> found = corrected_t([0.90, 0.91, 0.92], [0.92, 0.92, 0.95], folds=3)
        >>> print(round(found.value, 3), round(found.p, 3))
        0.02 0.094
    """
    check_level(level)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(first) != len(second) or folds < 2 or not len(first) or len(first) % folds:
        raise InputError(
            f"There are {len(first)} and {len(second)} scores, but there must be one a fold for "
            f"each of the two, of {folds} folds in one or more repeats."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("A score is not finite: wait until each fold's run has finished.")
    differences = second - first
    n, value = len(differences), float(differences.mean())
    name = "corrected resampled t"
    error = math.sqrt((1 / n + 1 / (folds - 1)) * float(differences.var(ddof=1)))
    if error <= 1e-14 * float(np.abs([first, second]).max()):
        nan = math.nan
        return Difference(value, nan, nan, nan, n - 1, n, n, level, name)
    from scipy.special import stdtr, stdtrit

    p = float(2 * stdtr(n - 1, -abs(value) / error))
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    return Difference(value, value - reach, value + reach, p, n - 1, n, n, level, name)


def compare_folds(
    a: CrossValidation, b: CrossValidation, *, goal: Goal | None = None, level: float = LEVEL
) -> FoldComparison:
    """Compare two cross-validations of other configs on the same folds: see ``corrected_t``.

    Args:
        a: The first, or the baseline.
        b: The second.
        goal: ``max`` or ``min``; by default accuracies are to be large, losses small.
        level: Of the interval; b counts as different if ``p < 1 − level``.

    Raises:
        ValueError: If a fold has no score, or the two are not on the same folds by one metric.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(standardize=True, lr=0.1, steps=100)
        >>> line = mlcore.cross_validate(config, folds=5)
        >>> origin = mlcore.cross_validate(config.replace(model="origin"), folds=5)
        >>> print(mlcore.compare_folds(line, origin))
        A is better by 5,300 ± 720 (5 folds, corrected resampled t-test).
    """
    if a.metric != b.metric:
        raise InputError(f"a is scored by {a.metric}, but b by {b.metric}: give both one metric.")
    if not a.same_folds(b):
        raise InputError(
            "a and b are not on the same folds: cross-validate both with the same data, folds, "
            "fold_seed and repeats."
        )
    return compare_scores(
        (a.scores, b.scores),
        ("A", "B"),
        folds=a.folds,
        repeats=a.repeats,
        goal=goal or default_goal(a.metric),
        share="accuracy" in a.metric,
        level=level,
    )


def compare_scores(
    scores: tuple[Sequence[float], Sequence[float]],
    names: tuple[str, str],
    *,
    folds: int,
    repeats: int,
    goal: Goal,
    share: bool,
    level: float = LEVEL,
) -> FoldComparison:
    """Compare scores of two configs on the same folds.

    Args:
        scores: Of a and of b, one a run, in the same order.
        names: What to call a and b in the sentence.
        folds: Into how many parts the data was divided.
        repeats: How often.
        goal: Which end is better.
        share: Whether scores are shares of 1, told in points of 1/100.
        level: Of the interval.

    Raises:
        ValueError: As ``corrected_t``.
    """
    found = corrected_t(*scores, folds, level)
    clear = found.p < 1 - level or (math.isnan(found.p) and found.value != 0)
    ahead = (found.value > 0) == (goal == "max")
    return FoldComparison(
        found,
        ("b" if ahead else "a") if clear else None,
        _sentence(
            found,
            names,
            names[ahead] if clear else None,
            scale=100.0 if share else 1.0,
            unit=" points" if share else "",
            folds=folds_text(folds, repeats),
        ),
    )


def _sentence(
    found: Difference,
    names: tuple[str, str],
    better: str | None,
    *,
    scale: float,
    unit: str,
    folds: str,
) -> str:
    both = f"{names[0]} and {names[1]}"
    value, half = abs(found.value) * scale, found.half_width * scale
    if math.isnan(found.p):
        if better is None:
            return f"{both} gave the same number on every fold ({folds})."
        shown = number_text(value, value)
        return f"{better} is better by {shown}{unit}, the same on every fold ({folds})."
    around = f"{number_text(value, half)} ± {number_text(half, half)}{unit}"
    if better is not None:
        return f"{better} is better by {around} ({folds}, corrected resampled t-test)."
    return (
        f"{both} are not distinguishable on the same {folds}: the difference of {around} may be "
        "luck (corrected resampled t-test)."
    )
