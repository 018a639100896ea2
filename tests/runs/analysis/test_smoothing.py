"""Smoothing: TensorBoard's formula, and what any mean must hold to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.runs.analysis.smoothing import smoothed

curves = st.lists(st.floats(-1e6, 1e6), max_size=40)
weights = st.floats(0, 0.999)


def _tensorboard(values: list[float], weight: float) -> list[float]:
    """The loop of TensorBoard's own line chart, debias and all."""
    last, count, out = 0.0, 0, []
    for value in values:
        if not math.isfinite(value):
            out.append(value)
            continue
        last = last * weight + (1 - weight) * value
        count += 1
        debias = 1.0 if weight == 1 else 1.0 - weight**count
        out.append(last / debias)
    return out


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf), max_size=40), weights)
def test_it_is_tensorboards_formula(values: list[float], weight: float) -> None:
    expected = _tensorboard(values, weight)
    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-9, atol=1e-6)


@given(curves, weights)
def test_it_stays_between_the_extremes_so_far(values: list[float], weight: float) -> None:
    for place, value in enumerate(smoothed(values, weight)):
        before = values[: place + 1]
        slack = 1e-9 * max(1.0, *map(abs, before))
        assert min(before) - slack <= value <= max(before) + slack


@given(curves)
def test_no_weight_changes_nothing(values: list[float]) -> None:
    assert smoothed(values, 0.0).tolist() == values


@given(st.floats(-1e6, 1e6), weights, st.integers(1, 30))
def test_a_constant_curve_stays_as_it_is(value: float, weight: float, length: int) -> None:
    np.testing.assert_allclose(smoothed([value] * length, weight), value, rtol=1e-12, atol=1e-300)


@given(curves, weights, st.floats(-100, 100), st.floats(-100, 100))
def test_it_is_linear(values: list[float], weight: float, scale: float, shift: float) -> None:
    moved = smoothed(np.array(values) * scale + shift, weight)
    np.testing.assert_allclose(moved, smoothed(values, weight) * scale + shift, atol=1e-3)


@pytest.mark.parametrize("weight", [-0.1, 1.0, math.nan])
def test_a_weight_out_of_bounds_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="must be from 0 to below 1"):
        smoothed([1.0], weight)
