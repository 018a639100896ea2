"""Statistics: SciPy's own numbers, and what a person may conclude from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlcore.runs.analysis.contrasts import sentence
from mlcore.runs.analysis.statistics import (
    Difference,
    bootstrap,
    holm,
    power,
    seeds_needed,
    welch,
)

samples = st.lists(st.floats(-1000, 1000), min_size=2, max_size=12)


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")  # SciPy's, on equal values
@given(samples, samples, st.sampled_from([0.8, 0.95, 0.99]))
def test_welch_is_scipys(a: list[float], b: list[float], level: float) -> None:
    spread = np.std(a) + np.std(b)
    assume(spread > 1e-6 * (1 + max(map(abs, [*a, *b]))))
    ours = welch(a, b, level)
    theirs = stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(level)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-300)
    assert ours.df == pytest.approx(theirs.df, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-9)
    assert (ours.n_a, ours.n_b) == (len(a), len(b))


def test_without_spread_there_is_no_interval() -> None:
    for a, b in (([1.0], [2.0, 3.0]), ([1.0, 1.0], [2.0, 2.0]), ([0.1 + 0.2, 0.3], [0.3, 0.3])):
        found = welch(a, b)
        assert math.isnan(found.p)
        assert math.isnan(found.low)
        assert not found.clear


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [([], [1.0], "The sample a is empty"), ([1.0], [math.nan], "sample b holds nan")],
)
def test_a_sample_that_has_no_mean_is_refused(a: list[float], b: list[float], words: str) -> None:
    for test in (welch, bootstrap):
        with pytest.raises(ValueError, match=words):
            test(a, b)


def test_the_bootstrap_is_scipys_up_to_its_draws() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(0, 1, 30), generator.normal(0.8, 2, 40)
    ours = bootstrap(a, b, seed=3)
    theirs = stats.bootstrap(
        (b, a),
        lambda one, two, axis: one.mean(axis) - two.mean(axis),
        method="percentile",
        n_resamples=9999,
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.05)
    assert ours == bootstrap(a, b, seed=3), "the same seed gives the same interval"
    assert ours.p == pytest.approx(welch(a, b).p, abs=0.03)


@pytest.mark.parametrize("n", [3, 5, 20])
def test_the_power_is_how_often_welch_finds_a_difference(n: int) -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(0, 1, (20_000, n)), generator.normal(1.2, 2, (20_000, n))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05).mean()
    assert power(1.2, 1.0, 2.0, n) == pytest.approx(found, abs=0.03)


def test_the_seeds_needed_are_the_fewest_with_that_power() -> None:
    n = seeds_needed(0.5, 1.0, 0.7)
    assert n is not None
    assert power(0.5, 1.0, 0.7, n) >= 0.8 > power(0.5, 1.0, 0.7, n - 1)
    assert seeds_needed(0.5, 1.0, 1.0) == 64, "Cohen's table for d = 0.5, two-sided, 80 %"
    assert seeds_needed(1.0, 0.0, 0.0) == 2
    assert seeds_needed(0.0, 1.0, 1.0) is None
    assert seeds_needed(1e-4, 1.0, 1.0) is None, "beyond a thousand"


@given(st.floats(0.05, 5), st.floats(0.01, 5), st.floats(0.01, 5))
def test_a_larger_difference_needs_no_more_seeds(diff: float, a: float, b: float) -> None:
    few, many = seeds_needed(2 * diff, a, b), seeds_needed(diff, a, b)
    assert many is None or (few is not None and 2 <= few <= many)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_raises_and_keeps_the_order(p_values: list[float]) -> None:
    raised = holm(p_values)
    assert all(r >= p for r, p in zip(raised, p_values, strict=True))
    assert all(r <= 1 for r in raised)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(raised)[order]) >= 0)
    assert raised == [pytest.approx(min(1, r)) for r in raised]
    if p_values:
        assert min(raised) == pytest.approx(min(1.0, min(p_values) * len(p_values)))


def test_holm_lets_nan_be() -> None:
    assert holm([0.01, math.nan, 0.04]) == [0.02, pytest.approx(math.nan, nan_ok=True), 0.04]


def _difference(value: float, half: float, n_a: int, n_b: int, p: float) -> Difference:
    return Difference(value, value - half, value + half, p, 8.0, n_a, n_b, 0.95, "welch")


@pytest.mark.parametrize(
    ("difference", "more", "said"),
    [
        (
            _difference(0.0042, 0.0011, 5, 5, 1e-5),
            (0, 0),
            "B is better by 0.42 ± 0.11 points (5 seeds each).",
        ),
        (
            _difference(-0.0042, 0.0011, 5, 3, 1e-5),
            (0, 0),
            "A is better by 0.42 ± 0.11 points (5 and 3 seeds).",
        ),
        (
            _difference(0.001, 0.02, 2, 2, 0.6),
            (6, 6),
            "A and B are not distinguishable with 2 seeds each: run 6 more of each.",
        ),
        (
            _difference(0.001, 0.02, 2, 4, 0.6),
            (6, 4),
            "A and B are not distinguishable with 2 and 4 seeds: run 6 more of A and 4 more of B.",
        ),
        (
            _difference(1e-9, 0.02, 2, 2, 0.99),
            None,
            "A and B are not distinguishable with 2 seeds each; the difference is so small that "
            "1,000 would not suffice.",
        ),
        (
            _difference(0.01, math.nan, 1, 1, math.nan),
            (2, 2),
            "A and B are not distinguishable with 1 seed each: run 2 more of each.",
        ),
        (
            _difference(0.0, math.nan, 3, 3, math.nan),
            (0, 0),
            "A and B gave the same number with every seed (3 seeds each).",
        ),
        (
            _difference(0.01, math.nan, 3, 3, math.nan),
            (0, 0),
            "B is better by 1.0 points, the same with every seed (3 seeds each): the seed changes "
            "nothing here, so luck plays no part.",
        ),
    ],
)
def test_the_sentence_says_what_the_numbers_allow(
    difference: Difference, more: tuple[int, int] | None, said: str
) -> None:
    assert sentence(difference, goal="max", unit="points", scale=100.0, more=more) == said


def test_the_sentence_turns_round_where_less_is_better() -> None:
    found = _difference(-0.3, 0.1, 4, 4, 0.001)
    assert sentence(found, goal="min") == "B is better by 0.30 ± 0.10 (4 seeds each)."
    among = sentence(found, goal="min", than=True)
    assert among == "B is better than A by 0.30 ± 0.10 (4 seeds each)."
    raised = sentence(found, goal="min", p=0.2, more=(1, 1))
    assert raised == "A and B are not distinguishable with 4 seeds each: run 1 more of each."
