"""Points: nothing is lost on the way in or out, and thinning keeps the extremes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlcore.runs.execution.claims import flush, take
from mlcore.runs.non_finite import DOWN, NAN, UP, codes
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.points import Point, bucket_width
from mlcore.runs.store.store import Store
from tests.runs.made import made
from tests.runs.toy import ToyConfig

values = st.one_of(
    st.floats(-1e300, 1e300), st.just(math.nan), st.just(math.inf), st.just(-math.inf)
)


def _write(store: Store, points: list[Point]) -> str:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    flush(
        claim,
        points,
        step=max((p.step for p in points), default=0),
        done=1,
        total=2,
        elapsed=1,
        latest={},
    )
    return run.id


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(0, 10**9), values, max_size=50))
def test_every_value_comes_back_exactly(store: Store, curve: dict[int, float]) -> None:
    frame = made(store, ToyConfig(), {"loss": curve}).metrics()
    assert list(frame["step"]) == sorted(curve)
    for step, value in zip(frame["step"], frame["value"], strict=True):
        assert value == curve[step] or (math.isnan(value) and math.isnan(curve[step]))
    assert list(frame["time"]) == [step / 10 for step in sorted(curve)]


@pytest.mark.sqlite
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3000), st.integers(1, 50), st.integers(1, 40), st.randoms())
def test_a_thinned_curve_keeps_the_extremes_and_the_end(
    store: Store, count: int, stride: int, at_most: int, random: object
) -> None:
    assert hasattr(random, "gauss")
    curve = {i * stride: random.gauss(0, 1) for i in range(count)}
    run = made(store, ToyConfig(), {"loss": curve})
    thin = store.curves([run.id], "loss", points=at_most)
    width = bucket_width(count, (count - 1) * stride + 1, at_most)
    buckets: dict[int, list[float]] = {}
    for step, value in curve.items():
        buckets.setdefault(step // width, []).append(value)
    assert len(thin) == len(buckets) <= at_most + 1
    assert list(thin["low"]) == [min(b) for b in buckets.values()]
    assert list(thin["high"]) == [max(b) for b in buckets.values()]
    assert list(thin["count"]) == [len(b) for b in buckets.values()]
    assert thin["step"].iloc[-1] == max(curve)


def test_a_cursor_reads_only_what_is_new(store: Store) -> None:
    run_id = _write(store, [Point(s, n, 1.0, 0.0) for s in range(10) for n in ("a", "b")])
    run = store.get(run_id)
    assert list(run.metrics(after=7)["step"]) == [8, 8, 9, 9]
    assert list(run.metrics(names=["a"], after=7)["step"]) == [8, 9]
    assert list(store.curves([run_id], "a", after=7)["step"]) == [8, 9]
    assert store.last_step(run_id) == 9


def test_a_repeated_step_replaces_the_point(store: Store) -> None:
    run_id = _write(store, [Point(1, "loss", 1.0, 0.0), Point(1, "loss", 2.0, 0.0)])
    assert list(store.get(run_id).metrics()["value"]) == [2.0]


def test_an_unknown_metric_is_an_empty_curve_of_the_same_shape(store: Store) -> None:
    run_id = _write(store, [Point(1, "loss", 1.0, 0.0)])
    empty = store.curves([run_id], "nothing")
    assert list(empty.columns) == ["run", "step", "value", "time", "low", "high", "count", "odd"]
    assert empty.dtypes["step"] == "int64"


def test_buckets_do_not_move_while_a_curve_grows() -> None:
    widths = [bucket_width(n, n, 100) for n in range(1, 5000, 37)]
    assert all(later % before == 0 for before, later in pairwise(widths))


def test_a_bucket_with_values_that_are_not_finite_says_so(store: Store) -> None:
    odd = {3: math.nan, 13: math.inf, 23: -math.inf, 33: math.nan}
    points = [Point(step, "loss", odd.get(step, float(step)), 0.0) for step in range(33)]
    points += [Point(step, "loss", odd[33], 0.0) for step in range(33, 40)]
    run_id = _write(store, points)
    whole = store.curves([run_id], "loss", points=100)
    assert whole["odd"].tolist() == codes([point.value for point in points]).tolist()
    assert np.isfinite(whole["value"]).tolist() == [not code for code in whole["odd"]]
    thin = store.curves([run_id], "loss", points=5)
    assert thin["count"].tolist() == [8, 8, 8, 8, 8]
    assert thin["odd"].tolist() == [NAN, UP, DOWN, 0, NAN]
    columns = ("step", "value", "low", "high")
    for step, value, low, high in zip(*(thin[name].tolist() for name in columns), strict=True):
        mine = [p.value for p in points if step - 8 < p.step <= step]
        finite = [one for one in mine if math.isfinite(one)]
        assert value == pytest.approx(sum(finite) / len(finite))
        assert low <= value <= high
        assert math.isfinite(low + high)


@pytest.mark.sqlite
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(0, 3000), values, min_size=8, max_size=80), st.integers(1, 9))
def test_a_long_curve_is_thinned_bucket_by_bucket_to_the_same_table(
    store: Store, curve: dict[int, float], at_most: int
) -> None:
    run = made(store, ToyConfig(), {"loss": curve})
    after = min(curve)
    sorted_ = store.curves([run.id], "loss", points=at_most, after=after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlcore.runs.store.points.SORTED_AT_MOST", 3)
        one_by_one = store.curves([run.id], "loss", points=at_most, after=after)
    pd.testing.assert_frame_equal(sorted_, one_by_one)
