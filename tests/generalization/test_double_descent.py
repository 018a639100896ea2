"""Double descent: the numbers are NumPy's and scikit-learn's, the peak is where theory puts it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from mlcore.core import InputError
from mlcore.generalization import double_descent, draw_features, fit_at_width, widths_around


def test_minimum_norm_and_ridge_are_those_of_numpy_and_scikit_learn() -> None:
    """At every width, one draw, so that medians are the draw's own numbers."""
    features = draw_features(30, inputs=8, draws=1, seed=3)
    result = double_descent(features, noise=0.4, strength=0.02)

    seen_targets, unseen_targets = (one.numpy() for one in features.targets(0.4))
    for k, width in enumerate(features.widths):
        seen, unseen = (one.numpy() for one in features.features(width))
        weights = np.linalg.lstsq(seen, seen_targets, rcond=None)[0]
        ridge = Ridge(alpha=30 * 0.02, fit_intercept=False, solver="svd").fit(seen, seen_targets)
        for ours, predict, norm in (
            ((result.train, result.test, result.norm), lambda x, w=weights: x @ w, weights),
            (
                (result.ridge_train, result.ridge_test, result.ridge_norm),
                ridge.predict,
                ridge.coef_,
            ),
        ):
            train = float(np.mean((predict(seen) - seen_targets) ** 2))
            test = float(np.mean((predict(unseen) - unseen_targets) ** 2))
            assert float(ours[0][k]) == pytest.approx(train, rel=1e-6, abs=1e-12), width
            assert float(ours[1][k]) == pytest.approx(test, rel=1e-6), width
            assert float(ours[2][k]) == pytest.approx(float(np.linalg.norm(norm)), rel=1e-6)
        fit = fit_at_width(features, width, noise=0.4, strength=0.02)
        assert fit.least_norm.numpy() == pytest.approx(unseen @ weights, rel=1e-6, abs=1e-6)
        assert fit.ridge.numpy() == pytest.approx(ridge.predict(unseen), rel=1e-6, abs=1e-9)
        assert fit.max_difference <= 1e-6 * float(fit.least_norm.abs().max())


@pytest.mark.parametrize("n", [20, 40])
def test_the_peak_is_at_width_n_and_ridge_removes_it(n: int) -> None:
    features = draw_features(n, draws=7, seed=1)
    result = double_descent(features, noise=0.5, strength=0.02)

    near_n = [width for width in features.widths if 0.9 * n <= width <= 1.1 * n]
    assert result.threshold == n
    assert result.peak in near_n
    assert result.test.max() > 5 * result.test[0]
    assert result.test[-1] < result.test[0]
    assert bool((result.train[[w >= n for w in features.widths]] < 1e-12).all())
    assert bool((result.ridge_test < 2).all())
    assert result.norm.argmax() == result.test.argmax()


def test_without_lambda_ridge_comes_near_the_minimum_norm() -> None:
    features = draw_features(20, draws=1, widths=[10, 100])
    result = double_descent(features, strength=1e-8)

    assert result.ridge_test.tolist() == pytest.approx(result.test.tolist(), rel=1e-3)


def test_the_same_seed_gives_the_same_bits_and_wider_keeps_the_first_features() -> None:
    one, two = (draw_features(10, widths=[5, 50], seed=4) for _ in range(2))

    assert torch.equal(double_descent(one).test, double_descent(two).test)
    narrow, wide = one.features(5)[0] * 5**0.5, one.features(50)[0] * 50**0.5
    assert torch.equal(narrow, wide[:, :5]) or bool(((narrow - wide[:, :5]).abs() < 1e-12).all())
    assert 40 in widths_around(40)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw_features(1), "n is 1, but must be from 2 to 200"),
        (lambda: draw_features(10, widths=[]), "widths is empty"),
        (lambda: draw_features(10, widths=[0]), "each of widths is 0"),
        (lambda: draw_features(10, inputs=0), "inputs is 0"),
        (lambda: draw_features(10, draws=51), "draws is 51"),
        (
            lambda: double_descent(draw_features(5, widths=[2]), noise=float("inf")),
            "noise is inf, but must be a number from 0 to 10",
        ),
        (
            lambda: double_descent(draw_features(5, widths=[2]), strength=float("nan")),
            r"strength \(λ\) is nan",
        ),
        (
            lambda: fit_at_width(draw_features(5, widths=[2, 4]), 3),
            "width is 3, but these features were drawn for 2, 4",
        ),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(call: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()  # type: ignore[operator]  # the cases above
