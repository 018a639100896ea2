"""Bias², variance and noise add up to the measured error, and are those of the closed form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.core import InputError
from mlcore.generalization import (
    NoisyFunction,
    Penalty,
    bias_variance,
    fit_polynomial,
    training_sample,
    true_function,
)
from mlcore.generalization.data import TRUTHS
from mlcore.generalization.polynomial import PenaltyKind


@settings(max_examples=20)
@given(
    st.sampled_from(TRUTHS),
    st.integers(17, 60),
    st.floats(0.05, 1),
    st.integers(0, 1000),
    st.sampled_from(["none", "ridge", "lasso"]),
)
def test_bias_and_variance_are_exactly_the_distance_to_the_truth(
    truth: str, n: int, noise: float, seed: int, kind: PenaltyKind
) -> None:
    function = NoisyFunction(truth, n, noise, seed)  # type: ignore[arg-type]  # one of TRUTHS
    parts = bias_variance(function, Penalty(kind, 0.01), resamples=5)

    assert (parts.bias2 + parts.variance).tolist() == pytest.approx(
        parts.to_truth.tolist(), rel=1e-9
    )


@pytest.mark.parametrize("kind", ["none", "ridge", "lasso"])
def test_with_the_noise_they_are_the_error_on_fresh_observations(kind: PenaltyKind) -> None:
    parts = bias_variance(NoisyFunction(n=60, seed=1), Penalty(kind, 0.02), resamples=300)

    distance = (parts.total - parts.measured).abs() / parts.measured_error
    assert bool((distance < 5).all()), distance  # of standard errors; the seed is fixed


@pytest.mark.parametrize("kind", ["none", "ridge"])
def test_many_resamples_come_near_the_closed_form(kind: PenaltyKind) -> None:
    function, penalty = NoisyFunction(n=40, seed=1), Penalty(kind, 0.01)
    parts = bias_variance(function, penalty, resamples=2000)

    assert parts.exact_bias2 is not None
    assert parts.exact_variance is not None
    assert parts.variance.tolist() == pytest.approx(parts.exact_variance.tolist(), rel=0.15)
    spread = 10 * parts.exact_variance / 2000 + 0.05 * parts.exact_bias2
    assert bool(((parts.bias2 - parts.exact_bias2).abs() <= spread + 1e-3).all())


@pytest.mark.parametrize("penalty", [Penalty(), Penalty("ridge", 0.05)])
def test_the_closed_form_is_the_fit_without_noise_and_the_fits_of_unit_vectors(
    penalty: Penalty,
) -> None:
    """The oracle is the single fit: of f itself for the bias, of each unit vector for h(x)."""
    function, degree = NoisyFunction(n=25, seed=4), 6
    parts = bias_variance(function, penalty, resamples=2)
    x = training_sample(function).x
    grid = (torch.arange(100, dtype=torch.float64) + 0.5) / 50 - 1
    clean = fit_polynomial(x, true_function("sine", x), degree, penalty).predict(grid)
    bias2 = (clean - true_function("sine", grid)).square().mean()
    responses = [fit_polynomial(x, unit, degree, penalty).predict(grid) for unit in torch.eye(25)]
    variance = 0.3**2 * torch.stack(responses).square().sum(0).mean()

    assert parts.exact_bias2 is not None
    assert parts.exact_variance is not None
    assert float(parts.exact_bias2[degree]) == pytest.approx(float(bias2), rel=1e-6)
    assert float(parts.exact_variance[degree]) == pytest.approx(float(variance), rel=1e-6)


def test_few_points_limit_the_degree_and_resamples_are_checked() -> None:
    assert bias_variance(NoisyFunction(n=5), resamples=3).degrees.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match="resamples is 1, but must be from 2 to 2,000"):
        bias_variance(NoisyFunction(), resamples=1)
