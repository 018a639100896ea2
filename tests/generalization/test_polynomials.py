"""Polynomials by least squares, ridge and lasso agree with NumPy, scikit-learn and exact sums."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, Ridge

from mlcore.core import InputError
from mlcore.generalization import (
    NoisyFunction,
    Penalty,
    errors_by_degree,
    errors_by_strength,
    fit_polynomial,
    learning_curve,
    polynomial_features,
    training_sample,
    validation_sample,
)
from mlcore.generalization.data import TRUTHS
from mlcore.generalization.polynomial import PenaltyKind

FUNCTIONS = st.builds(
    NoisyFunction,
    truth=st.sampled_from(TRUTHS),
    n=st.integers(17, 80),
    noise=st.floats(0.01, 2),
    seed=st.integers(0, 10_000),
)
WRONG: Any = "other"
HALF: Any = 1.5
STRENGTHS = st.floats(-5, 1).map(lambda power: 10**power)


def near(ours: torch.Tensor, theirs: object, tolerance: float = 1e-6) -> bool:
    """Whether numbers agree relative to the largest of them."""
    other = torch.as_tensor(np.asarray(theirs), dtype=torch.float64)
    return bool((ours - other).abs().max() <= tolerance * max(1e-12, float(other.abs().max())))


@given(FUNCTIONS, st.integers(0, 15))
def test_least_squares_is_numpys_on_legendre_polynomials(f: NoisyFunction, degree: int) -> None:
    sample = training_sample(f)
    fit = fit_polynomial(sample.x, sample.y, degree)

    theirs = np.polynomial.legendre.legfit(sample.x.numpy(), sample.y.numpy(), degree)
    assert near(fit.coefficients * torch.arange(degree + 1).mul(2).add(1).double().sqrt(), theirs)
    x = torch.linspace(-1, 1, 7, dtype=torch.float64)
    by_powers = np.polynomial.polynomial.polyval(x.numpy(), fit.powers.numpy())
    assert near(fit.predict(x), by_powers, 1e-9)
    assert fit.max_difference <= 1e-8 * float(sample.y.abs().max())


def test_powers_are_those_of_exact_arithmetic() -> None:
    """The normal equations in fractions: no rounding at all."""
    sample, degree = training_sample(NoisyFunction(n=20, seed=3)), 8
    x, y = ([Fraction(v) for v in values.tolist()] for values in (sample.x, sample.y))
    rows = [
        [sum((v ** (i + j) for v in x), Fraction()) for j in range(degree + 1)]
        + [sum((b * a**i for a, b in zip(x, y, strict=True)), Fraction())]
        for i in range(degree + 1)
    ]
    for k in range(degree + 1):
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(degree + 1):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]

    exact = [float(row[-1]) for row in rows]
    assert fit_polynomial(sample.x, sample.y, degree).powers.tolist() == pytest.approx(
        exact, rel=1e-6
    )


@given(FUNCTIONS, st.integers(1, 15), STRENGTHS)
def test_ridge_is_scikit_learns(f: NoisyFunction, degree: int, strength: float) -> None:
    sample = training_sample(f)
    fit = fit_polynomial(sample.x, sample.y, degree, Penalty("ridge", strength))

    features = polynomial_features(sample.x, degree)[:, 1:].numpy()
    theirs = Ridge(alpha=f.n * strength, solver="svd").fit(features, sample.y.numpy())
    assert near(fit.coefficients, [theirs.intercept_, *theirs.coef_])
    assert fit.max_difference <= 1e-8 * float(sample.y.abs().max())


@pytest.mark.parametrize("strength", [0.3, 0.03, 0.003])
def test_the_lasso_is_scikit_learns(strength: float) -> None:
    for seed, degree in ((0, 4), (1, 8), (2, 12)):
        sample = training_sample(NoisyFunction(n=60, seed=seed))
        fit = fit_polynomial(sample.x, sample.y, degree, Penalty("lasso", strength))

        features = polynomial_features(sample.x, degree)[:, 1:].numpy()
        theirs = Lasso(alpha=strength, tol=1e-14, max_iter=1_000_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it reached its rounding before its tolerance
            theirs.fit(features, sample.y.numpy())
        assert near(fit.coefficients, [theirs.intercept_, *theirs.coef_])
        assert ((fit.coefficients[1:] == 0).numpy() == (theirs.coef_ == 0)).all()


@given(FUNCTIONS, st.integers(1, 15), STRENGTHS)
def test_the_lasso_meets_the_conditions_of_its_minimum(
    f: NoisyFunction, degree: int, strength: float
) -> None:
    """No column is pulled by more than λ, and those in use by exactly λ."""
    sample = training_sample(f)
    fit = fit_polynomial(sample.x, sample.y, degree, Penalty("lasso", strength))

    features = polynomial_features(sample.x, degree)
    residual = sample.y - features @ fit.coefficients
    assert abs(float(residual.mean())) < 1e-9
    pull, used = features[:, 1:].T @ residual / f.n, fit.coefficients[1:]
    assert bool((pull.abs() <= strength * (1 + 1e-6) + 1e-9).all())
    at_work = used != 0
    assert bool((pull - strength * used.sign())[at_work].abs().le(1e-6 * strength + 1e-9).all())
    assert fit.gap < 1e-9


@settings(max_examples=30)
@given(FUNCTIONS, st.sampled_from(["none", "ridge", "lasso"]), STRENGTHS)
def test_curves_are_made_of_single_fits(
    f: NoisyFunction, kind: PenaltyKind, strength: float
) -> None:
    penalty = Penalty(kind, strength)
    by_degree = errors_by_degree(f, penalty)
    sample, check = training_sample(f), validation_sample(f)

    for degree in (0, 3, 11):
        fit = fit_polynomial(sample.x, sample.y, degree, penalty)
        validation = float((fit.predict(check.x) - check.y).square().mean())
        by_strength = errors_by_strength(f, degree, kind, [strength])
        for curve, place in ((by_degree, degree), (by_strength, 0)):
            assert float(curve.train[place]) == pytest.approx(fit.train_error, rel=1e-6, abs=1e-12)
            assert float(curve.validation[place]) == pytest.approx(validation, rel=1e-5)
    if kind == "none":
        assert bool((by_degree.train.diff() <= 1e-9).all())
    assert by_degree.best == int(np.argmin(by_degree.validation.numpy()))


@pytest.mark.parametrize("kind", ["ridge", "lasso"])
def test_a_larger_lambda_never_lowers_the_training_error(kind: PenaltyKind) -> None:
    strengths = [10 ** (-5 + 6 * k / 30) for k in range(31)]
    for seed in range(3):
        curve = errors_by_strength(NoisyFunction(seed=seed), 15, kind, strengths)
        assert bool((curve.train.diff() >= -1e-9).all())


@pytest.mark.parametrize("kind", ["none", "ridge", "lasso"])
def test_with_many_points_both_errors_meet_at_the_noise(kind: PenaltyKind) -> None:
    curve = learning_curve(
        NoisyFunction("cubic", noise=0.5), 3, Penalty(kind, 1e-4), sizes=[6, 50, 2000]
    )

    assert float(curve.train[-1]) == pytest.approx(0.25, rel=0.05)
    assert float(curve.validation[-1]) == pytest.approx(0.25, rel=0.1)
    gaps = (curve.validation - curve.train).tolist()
    assert gaps[0] > gaps[1] > gaps[2]


def test_the_same_seed_gives_the_same_bits_and_more_points_keep_the_first() -> None:
    few, again = (training_sample(NoisyFunction(n=20, seed=5)) for _ in range(2))
    more, other = (training_sample(NoisyFunction(n=90, seed=seed)) for seed in (5, 6))

    assert torch.equal(few.y, again.y)
    assert torch.equal(few.x, more.x[:20])
    assert not torch.equal(more.y, other.y)
    assert not torch.equal(more.x[:20], validation_sample(NoisyFunction(seed=5)).x[:20])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: NoisyFunction(n=1), r"n is 1, but must be from 2 to 10,000\."),
        (lambda: NoisyFunction(noise=float("nan")), "noise is nan, but must be a number from 0"),
        (lambda: NoisyFunction(noise=float("inf")), "noise is inf"),
        (lambda: NoisyFunction(seed=-1), "seed is -1"),
        (lambda: NoisyFunction(WRONG), "truth is 'other', but must be one of sine, cubic"),
        (lambda: Penalty("ridge", 0), r"strength \(λ\) is 0"),
        (lambda: Penalty(WRONG), "kind is 'other', but must be one of none, ridge, lasso"),
        (lambda: polynomial_features(torch.zeros(3), 16), "degree is 16, but must be from 0 to 15"),
        (lambda: polynomial_features(torch.zeros(3), HALF), "degree is 1.5, but must be a whole"),
        (lambda: fit_polynomial(torch.zeros(9), torch.zeros(9), 2), "1 different points do not"),
        (lambda: fit_polynomial(torch.zeros(9), torch.zeros(8), 2), r"both must be \[n\]"),
        (
            lambda: fit_polynomial(torch.tensor([0.0, float("nan")]), torch.zeros(2), 1),
            "NaN or infinite",
        ),
        (lambda: fit_polynomial(torch.tensor([0.0, 2.0]), torch.zeros(2), 1), "scale it"),
        (lambda: errors_by_strength(NoisyFunction(n=5), 5, "ridge", [1.0]), "degree of 4 or less"),
        (lambda: learning_curve(NoisyFunction(), 9, sizes=[9]), "9 different points do not"),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(call: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()  # type: ignore[operator]  # the cases above
