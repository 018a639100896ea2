"""The error of a polynomial as bias², variance and noise, measured and in closed form.

Source: Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2nd edition, 2009,
section 7.3, for fixed training points x.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.generalization.basis import MOST_DEGREE, polynomial_features
from mlcore.generalization.checks import whole
from mlcore.generalization.data import (
    NoisyFunction,
    generator_of,
    training_sample,
    true_function,
)
from mlcore.generalization.linear import smoother
from mlcore.generalization.polynomial import Penalty, coefficients_of

_GRID = 100


@dataclass(frozen=True, slots=True, eq=False)
class BiasVariance:
    """The parts of the error for each degree, averaged over x in [−1, 1].

    Attributes:
        degrees: int64 ``[K]``.
        bias2: (mean fit − f)², without what the finite number of fits adds to it (variance/R), so
            that it may fall a little below 0; ``[K]``.
        variance: Of the fits around their mean, over R − 1; ``[K]``.
        noise: σ².
        to_truth: Mean squared distance of all fits to f, ``[K]``. It is bias² + variance exactly.
        measured: Mean squared error on fresh noisy observations, one for each fit and x, ``[K]``.
        measured_error: Standard error of ``measured`` over the fits, ``[K]``.
        exact_bias2: bias² in closed form, ``[K]``; None for the lasso, which has none.
        exact_variance: Variance in closed form, ``[K]``; None likewise.
        resamples: R.
    """

    degrees: Tensor
    bias2: Tensor
    variance: Tensor
    noise: float
    to_truth: Tensor
    measured: Tensor
    measured_error: Tensor
    exact_bias2: Tensor | None
    exact_variance: Tensor | None
    resamples: int

    @property
    def total(self) -> Tensor:
        """bias² + variance + noise, ``[K]``."""
        return self.bias2 + self.variance + self.noise


def bias_variance(
    function: NoisyFunction,
    penalty: Penalty | None = None,
    *,
    resamples: int = 200,
    degree: int = MOST_DEGREE,
) -> BiasVariance:
    """Fit the polynomials of every degree to many samples with fresh noise at the same x.

    A fit is linear in y but for the lasso, f̂(x) = h(x)ᵀy, hence in closed form
    bias = h(x)ᵀf − f(x) and variance = σ²·|h(x)|².

    Args:
        function: Its training points stay, their noise is drawn anew.
        penalty: None for least squares.
        resamples: R, 2 to 2,000.
        degree: Highest degree; at most ``function.n`` − 1 of it is reached.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> from mlcore.generalization import NoisyFunction, bias_variance
        >>> parts = bias_variance(NoisyFunction(n=50))
        >>> print(parts.variance.shape, bool(parts.bias2[1] > 10 * parts.bias2[7]))
        torch.Size([16]) True
        >>> bool((parts.bias2 + parts.variance - parts.to_truth).abs().max() < 1e-9)
        True
    """
    penalty = penalty or Penalty()
    resamples = whole("resamples", resamples, 2, 2000)
    highest = min(whole("degree", degree, 0, MOST_DEGREE), function.n - 1)
    x = training_sample(function).x
    grid = (torch.arange(_GRID, dtype=torch.float64) + 0.5) * 2 / _GRID - 1
    truth, target = true_function(function.truth, x), true_function(function.truth, grid)
    generator = generator_of(function, "resamples")
    drawn = torch.randn(resamples, len(x) + _GRID, generator=generator, dtype=torch.float64)
    drawn = drawn * function.noise
    features, at = polynomial_features(x, highest), polynomial_features(grid, highest)
    coefficients, _ = coefficients_of(features, truth + drawn[:, : len(x)], penalty)
    fits = coefficients @ at.T  # [R, K, T]
    mean = fits.mean(0)
    variance = (fits - mean).square().sum(0) / (resamples - 1)
    squares = (fits - target - drawn[:, None, len(x) :]).square().mean(-1)  # [R, K]
    exact_bias2 = exact_variance = None
    if penalty.kind != "lasso":
        strength = features.new_tensor(penalty.strength if penalty.kind == "ridge" else 0.0)
        rows = smoother(features, strength, at)  # [K, T, n]
        exact_bias2 = (rows @ truth - target).square().mean(-1)
        exact_variance = function.noise**2 * rows.square().sum(-1).mean(-1)
    return BiasVariance(
        degrees=torch.arange(highest + 1),
        bias2=((mean - target).square() - variance / resamples).mean(-1),
        variance=variance.mean(-1),
        noise=function.noise**2,
        to_truth=(fits - target).square().mean((0, -1)),
        measured=squares.mean(0),
        measured_error=squares.std(0) / resamples**0.5,
        exact_bias2=exact_bias2,
        exact_variance=exact_variance,
        resamples=resamples,
    )
