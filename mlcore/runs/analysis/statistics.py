"""Statistics of two groups of runs: Welch's test, bootstrap, power and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.core import InputError

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
"""Of the intervals, unless another is asked for."""

POWER: Final = 0.8
"""Power for which the number of seeds is computed."""

MOST_SEEDS: Final = 1000
"""Seeds a group beyond which counting stops: the difference is too small to chase."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger the mean of one sample is than that of another.

    Attributes:
        value: Mean of b − mean of a.
        low: Lower end of the interval; NaN where a sample has no spread to judge by.
        high: Upper end.
        p: Chance of a difference at least this large if the means were equal (two-sided).
        df: Degrees of freedom; NaN for a bootstrap.
        n_a: Size of the first sample.
        n_b: Size of the second.
        level: Of the interval.
        method: ``welch`` or ``bootstrap``.
    """

    value: float
    low: float
    high: float
    p: float
    df: float
    n_a: int
    n_b: int
    level: float
    method: str

    @property
    def half_width(self) -> float:
        """Half the width of the interval, the number behind ±."""
        return (self.high - self.low) / 2

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def welch(
    a: Sequence[float] | Floats, b: Sequence[float] | Floats, level: float = LEVEL
) -> Difference:
    """Welch's t test for two means whose spreads may differ.

    ``t = (m_b − m_a)/√(s_a²/n_a + s_b²/n_b)`` with the degrees of freedom of Welch and
    Satterthwaite (Welch, Biometrika 34, 1947); equals
    ``scipy.stats.ttest_ind(b, a, equal_var=False)``.

    Args:
        a: The first sample, at least two finite values for an interval.
        b: The second one.
        level: Of the interval, between 0 and 1.

    Returns:
        The difference b − a. Interval, p and df are NaN if a sample has fewer than two values, or
        if neither has any spread: nothing says then how much luck there is.

    Raises:
        ValueError: If a sample is empty or holds a value that is not finite, or the level is out
            of bounds.
    """
    first, second = _sample("a", a), _sample("b", b)
    check_level(level)
    value = float(second.mean() - first.mean())
    n_a, n_b = len(first), len(second)
    nothing = Difference(value, math.nan, math.nan, math.nan, math.nan, n_a, n_b, level, "welch")
    if min(n_a, n_b) < 2:
        return nothing
    var_a, var_b = first.var(ddof=1) / n_a, second.var(ddof=1) / n_b
    error = math.sqrt(var_a + var_b)
    if error <= 1e-14 * max(abs(float(first.mean())), abs(float(second.mean()))):
        return nothing  # equal values, up to rounding
    from scipy.special import stdtr, stdtrit

    df = (var_a + var_b) ** 2 / (var_a**2 / (n_a - 1) + var_b**2 / (n_b - 1))
    p = float(2 * stdtr(df, -abs(value) / error))
    reach = float(stdtrit(df, 0.5 + level / 2)) * error
    return Difference(value, value - reach, value + reach, p, float(df), n_a, n_b, level, "welch")


def bootstrap(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    seed: int = 0,
    *,
    level: float = LEVEL,
    resamples: int = 9999,
) -> Difference:
    """The percentile bootstrap of the difference of means; assumes no normal distribution.

    Each sample is drawn anew from itself with replacement (Efron, Tibshirani: An Introduction to
    the Bootstrap, 1993, chapter 13). With few seeds (below about 8) its interval is too narrow:
    Welch's is the better one then.

    Args:
        a: The first sample.
        b: The second one.
        seed: Of the draws; the same seed gives the same interval.
        level: Of the interval.
        resamples: How many draws.

    Returns:
        The difference b − a; p is twice the smaller share of draws on one side of 0, counting the
        sample itself, and df is NaN.

    Raises:
        ValueError: As ``welch``, or if there are no resamples.
    """
    first, second = _sample("a", a), _sample("b", b)
    check_level(level)
    if resamples < 1:
        raise InputError(f"resamples is {resamples}, but must be a whole number from 1 up.")
    value = float(second.mean() - first.mean())
    n_a, n_b = len(first), len(second)
    if min(n_a, n_b) < 2:
        return Difference(
            value, math.nan, math.nan, math.nan, math.nan, n_a, n_b, level, "bootstrap"
        )
    generator = np.random.default_rng(seed)
    means = [
        sample[generator.integers(0, len(sample), (resamples, len(sample)))].mean(axis=1)
        for sample in (first, second)
    ]
    draws = means[1] - means[0]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    side = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = min(1.0, 2 * (side + 1) / (resamples + 1))
    return Difference(value, float(low), float(high), p, math.nan, n_a, n_b, level, "bootstrap")


def power(difference: float, sd_a: float, sd_b: float, n: int, level: float = LEVEL) -> float:
    """Probability that Welch's test with n seeds each detects a difference of this size.

    From the noncentral t distribution with ``δ = difference/√((sd_a² + sd_b²)/n)`` and Welch's
    degrees of freedom (Cohen: Statistical Power Analysis, 1988, chapter 2).
    """
    from scipy.special import nctdtr, stdtrit

    var_a, var_b = sd_a**2 / n, sd_b**2 / n
    df = (var_a + var_b) ** 2 / ((var_a**2 + var_b**2) / (n - 1))
    noncentral = abs(difference) / math.sqrt(var_a + var_b)
    if noncentral > 35:  # the series of nctdtr ends here; the power is 1 long before
        return 1.0
    critical = stdtrit(df, 0.5 + level / 2)
    above = 1 - nctdtr(df, noncentral, critical)
    below = nctdtr(df, noncentral, -critical)
    return float(np.nan_to_num(above) + np.nan_to_num(below))


def seeds_needed(
    difference: float, sd_a: float, sd_b: float, *, level: float = LEVEL, at: float = POWER
) -> int | None:
    """Seeds per group needed to detect a difference of this size with the given power.

    The smallest n whose ``power`` reaches ``at``. Put in what was measured, it says what to expect
    if the truth is near it: with few seeds the measured spread is itself rough, so take it as a
    guide and not as a promise.

    Args:
        difference: Of the means.
        sd_a: Standard deviation over seeds of the first group.
        sd_b: Of the second.
        level: Of the interval that is to leave out 0.
        at: The chance to find it, between 0 and 1.

    Returns:
        n from 2 up; None if ``MOST_SEEDS`` do not suffice (as for no difference at all).

    Raises:
        ValueError: If a number is not finite, a spread is negative, or level or ``at`` are out of
            bounds.
    """
    check_level(level)
    if not 0 < at < 1:
        raise InputError(f"The power is {at}, but must be between 0 and 1.")
    if not all(map(math.isfinite, (difference, sd_a, sd_b))) or min(sd_a, sd_b) < 0:
        raise InputError(
            f"The difference is {difference} and the spreads {sd_a} and {sd_b}, but they must be "
            "finite, and spreads not negative."
        )
    if difference == 0:
        return None
    if sd_a == sd_b == 0:
        return 2
    few, many = 2, MOST_SEEDS
    if power(difference, sd_a, sd_b, many, level) < at:
        return None
    while few < many:  # more seeds find more
        middle = (few + many) // 2
        if power(difference, sd_a, sd_b, middle, level) >= at:
            many = middle
        else:
            few = middle + 1
    return few


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: p-values raised for the number of comparisons.

    Holm's step-down rule (Scandinavian Journal of Statistics 6, 1979). NaN stay NaN and do not
    count.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    raised, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        raised[place] = largest
    return raised


def number_text(value: float, judged_by: float) -> str:
    """A number rounded to two significant digits of its uncertainty."""
    if judged_by == 0 or not math.isfinite(judged_by):
        return f"{value:.3g}"
    decimals = 1 - math.floor(math.log10(judged_by))
    if decimals > 6 or decimals < -6:
        return f"{value:.2e}"
    rounded = round(value, decimals)
    return f"{rounded:,.{max(0, decimals)}f}"


def _sample(name: str, values: Sequence[float] | Floats) -> Floats:
    sample = np.asarray(values, dtype=np.float64).ravel()
    if not len(sample):
        raise InputError(f"The sample {name} is empty. Give at least one value.")
    if not np.isfinite(sample).all():
        raise InputError(
            f"The sample {name} holds {sample[~np.isfinite(sample)][0]}, which has no mean. Leave "
            "such runs out, and say so."
        )
    return sample


def check_level(level: float) -> None:
    """Raise InputError unless the level of an interval is between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"The level is {level}, but must be between 0 and 1, such as 0.95.")
