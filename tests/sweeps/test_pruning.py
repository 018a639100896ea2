"""Pruning: the two rules by their definitions, and poor runs that end at a rung."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.sweeps.objectives import Objective
from mlcore.sweeps.pruning import Pruning, judge, parse_pruning

LOSS = Objective("loss", "minimize")
ACCURACY = Objective("test_accuracy", "maximize")
values = st.floats(-1e6, 1e6)


@given(values, st.lists(values, min_size=3, max_size=40))
def test_median_ends_what_is_worse_than_half_of_those_seen(
    value: float, others: list[float]
) -> None:
    pruning = Pruning("median", (0.5,))
    middle = statistics.median([value, *others])
    assert judge(pruning, LOSS, 0.5, 5, value, others).kept == (value <= middle)
    assert judge(pruning, ACCURACY, 0.5, 5, value, others).kept == (value >= middle)


@given(values, st.lists(values, max_size=2))
def test_median_ends_nobody_before_four_were_seen(value: float, others: list[float]) -> None:
    assert judge(Pruning("median", (0.5,)), LOSS, 0.5, 5, value, others).kept


@given(values, st.lists(values, max_size=40))
def test_halving_keeps_the_best_third(value: float, others: list[float]) -> None:
    decision = judge(Pruning("halving", (0.5,)), LOSS, 0.5, 5, value, others)
    better = sum(other < value for other in others)
    assert decision.kept == (better < math.ceil((len(others) + 1) / 3))
    assert decision.seen == len(others) + 1


def test_what_is_no_number_is_worse_than_all_others() -> None:
    pruning = Pruning("median", (0.5,))
    assert not judge(pruning, ACCURACY, 0.5, 5, math.nan, [0.1, 0.2, 0.3]).kept
    assert judge(pruning, ACCURACY, 0.5, 5, 0.1, [math.nan, math.nan, 0.0]).kept


@pytest.mark.parametrize("text", ["median@0.25,0.5", "halving@0.1"])
def test_pruning_survives_text(text: str) -> None:
    pruning = parse_pruning(text)
    assert pruning is not None
    assert pruning.text() == text
    assert parse_pruning(pruning) is pruning


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hyperband", "must be median or halving"),
        ("median@a", "must be numbers"),
        ("median@0,0.5", "shares of a run between 0 and 1"),
        ("median@0.5,0.25", "in rising order"),
        ("median@1", "shares of a run between 0 and 1"),
    ],
)
def test_what_is_no_pruning_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_pruning(text)
