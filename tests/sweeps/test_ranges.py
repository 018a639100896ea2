"""Ranges: as values, text, JSON and words, and the sentences for what is none."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlcore
from mlcore.mnist.config import MNISTConfig
from mlcore.sweeps import Choices, IntRange, LinearRange, LogRange, Range, parse_range, shown
from mlcore.sweeps.range_format import range_as_python, range_from_json, range_to_json

SPECS = {spec.name: spec for spec in MNISTConfig.specs()}

ends = st.tuples(
    st.floats(1e-6, 1e3, allow_nan=False), st.floats(1e-6, 1e3, allow_nan=False)
).filter(lambda pair: pair[0] < pair[1])
whole_ends = st.tuples(st.integers(1, 999), st.integers(1, 999)).filter(lambda p: p[0] < p[1])
points = st.none() | st.integers(1, 50)
numbers: st.SearchStrategy[Range] = st.one_of(
    st.builds(lambda e, p: LinearRange(e[0], e[1], p), ends, points),
    st.builds(lambda e, p: LogRange(e[0], e[1], p), ends, points),
    st.builds(lambda v: Choices(tuple(v)), st.lists(st.floats(1e-6, 10), min_size=1, unique=True)),
)
integers: st.SearchStrategy[Range] = st.one_of(
    st.builds(
        lambda e, s, p: IntRange(e[0], e[1], s, points=p), whole_ends, st.integers(1, 9), points
    ),
    st.builds(lambda e, p: IntRange(e[0], e[1], log=True, points=p), whole_ends, points),
    st.builds(lambda v: Choices(tuple(v)), st.lists(st.integers(1, 999), min_size=1, unique=True)),
)
widths: st.SearchStrategy[Range] = st.builds(
    lambda v: Choices(tuple(v)),
    st.lists(
        st.lists(st.integers(1, 999), min_size=1, max_size=3).map(tuple), min_size=1, unique=True
    ),
)


@given(numbers)
def test_a_range_of_numbers_survives_text_and_json(swept: Range) -> None:
    assert parse_range(swept.text(), SPECS["lr"]) == swept
    assert range_from_json(json.loads(json.dumps(range_to_json(swept)))) == swept
    assert shown(swept)


@given(integers)
def test_a_range_of_whole_numbers_survives_text_and_json(swept: Range) -> None:
    assert parse_range(swept.text(), SPECS["epochs"]) == swept
    assert range_from_json(json.loads(json.dumps(range_to_json(swept)))) == swept


@given(widths)
def test_choices_of_layers_survive_text_and_json(swept: Range) -> None:
    assert parse_range(swept.text(), SPECS["hidden"]) == swept
    assert range_from_json(json.loads(json.dumps(range_to_json(swept)))) == swept


@given(st.one_of(numbers, integers, widths))
def test_a_range_is_the_value_of_its_own_python(swept: Range) -> None:
    made: Any = eval(range_as_python(swept), {"mlcore": mlcore})  # noqa: S307 - our own text
    assert mlcore.sweeps.as_range(made) == swept


@given(ends, st.integers(2, 40))
def test_points_on_a_grid_are_those_of_numpy(pair: tuple[float, float], count: int) -> None:
    low, high = pair
    assert LinearRange(low, high).spread(count) == pytest.approx(np.linspace(low, high, count))
    assert LogRange(low, high).spread(count) == pytest.approx(np.geomspace(low, high, count))
    for swept in (LinearRange(low, high), LogRange(low, high)):
        assert all(low <= value <= high for value in swept.spread(count))


@given(whole_ends, st.integers(1, 40), st.booleans())
def test_points_of_whole_numbers_are_different_ones_in_order(
    pair: tuple[int, int], count: int, log: bool
) -> None:
    values = IntRange(pair[0], pair[1], log=log, points=count).spread(8)
    assert list(values) == sorted(set(values))
    assert set(values) <= set(range(pair[0], pair[1] + 1))
    assert len(values) <= max(count, 1)


def test_text_of_layers_may_be_written_as_the_issue_does_or_with_semicolons() -> None:
    assert parse_range("32,128", SPECS["hidden"]) == mlcore.choices((32,), (128,))
    assert parse_range("32,128x64", SPECS["hidden"]) == mlcore.choices((32,), (128, 64))
    assert parse_range("32;128,64", SPECS["hidden"]) == mlcore.choices((32,), (128, 64))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: mlcore.log_range(0, 1), "goes through zero"),
        (lambda: mlcore.log_range(-1, 1), "goes through zero"),
        (lambda: mlcore.linear_range(1, 1), "is empty"),
        (lambda: mlcore.linear_range(2, 1), "is inverted"),
        (lambda: mlcore.linear_range(math.nan, 1), "must end at finite numbers"),
        (lambda: mlcore.log_range(1, math.inf), "must end at finite numbers"),
        (lambda: mlcore.int_range(0, 9, log=True), "goes through zero"),
        (lambda: mlcore.int_range(1, 9, 0), "step is 0"),
        (lambda: mlcore.int_range(1, 9, 2, log=True), "has no step"),
        (lambda: mlcore.linear_range(0, 1, points=0), "points is 0"),
        (lambda: mlcore.choices(), "no choices"),
        (lambda: mlcore.choices(1, 1), "is given twice"),
        (lambda: mlcore.when("optimizer", "sgd"), "names no field"),
        (lambda: mlcore.when("optimizer", [], lr=[0.1]), "never holds"),
        (lambda: parse_range("log:1", SPECS["lr"]), "log:LOW:HIGH"),
        (lambda: parse_range("log:a:b", SPECS["lr"]), "its ends must be numbers"),
        (lambda: parse_range("log:0:1", SPECS["lr"]), "goes through zero"),
    ],
)
def test_what_is_no_range_is_refused_in_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("given_", ["0.1", 0.1, None])
def test_what_is_no_sequence_is_refused_in_a_sentence(given_: Any) -> None:
    with pytest.raises(TypeError, match="is no range"):
        mlcore.sweeps.as_range(given_)
