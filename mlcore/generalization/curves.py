"""Training and validation error against degree, strength of the penalty and number of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.generalization.basis import MOST_DEGREE, polynomial_features
from mlcore.generalization.checks import real, whole
from mlcore.generalization.data import (
    MOST_POINTS,
    NoisyFunction,
    Sample,
    generator_of,
    training_sample,
    true_function,
    validation_sample,
)
from mlcore.generalization.linear import every_degree
from mlcore.generalization.moments import Moments, moments_of
from mlcore.generalization.polynomial import (
    LEAST_STRENGTH,
    MOST_STRENGTH,
    Penalty,
    PenaltyKind,
    coefficients_of,
    enough,
)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """Mean squared errors along one setting.

    Attributes:
        values: The setting, float64 ``[K]``.
        train: Error over the training points, ``[K]``.
        validation: Error over the validation points, ``[K]``.
        best: The place of the smallest validation error; of equal ones the first.
    """

    values: Tensor
    train: Tensor
    validation: Tensor

    @property
    def best(self) -> int:
        """The place of the smallest validation error."""
        return int(self.validation.argmin())


def errors_by_degree(
    function: NoisyFunction, penalty: Penalty | None = None, *, degree: int = MOST_DEGREE
) -> ErrorCurve:
    """Errors of the polynomials of every degree from 0, fitted to the same points.

    Args:
        function: Its training points are fitted, 200 validation points measure.
        penalty: None for least squares.
        degree: Highest degree; at most ``function.n`` − 1 of it is reached.

    Raises:
        InputError: If the degree is out of bounds.

    Example:
        >>> from mlcore.generalization import NoisyFunction, errors_by_degree
        >>> curve = errors_by_degree(NoisyFunction("cubic", noise=0.1))
        >>> print(len(curve.train), curve.best, bool((curve.train.diff() <= 1e-9).all()))
        16 3 True
    """
    highest = min(whole("degree", degree, 0, MOST_DEGREE), function.n - 1)
    sample, check = training_sample(function), validation_sample(function)
    features = polynomial_features(sample.x, highest)
    found, _ = coefficients_of(features, sample.y.unsqueeze(0), penalty or Penalty())
    values = torch.arange(highest + 1, dtype=torch.float64)
    return _curve(values, found[0], features, sample, check)


def errors_by_strength(
    function: NoisyFunction, degree: int, kind: PenaltyKind, strengths: Sequence[float]
) -> ErrorCurve:
    """Errors of one degree's polynomial under penalties of many strengths.

    Args:
        function: Its training points are fitted, 200 validation points measure.
        degree: 0 to 15, below ``function.n``.
        kind: ``ridge`` or ``lasso``; with ``none`` the error is the same for all.
        strengths: Each λ, 1e-8 to 1,000.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> from mlcore.generalization import NoisyFunction, errors_by_strength
        >>> curve = errors_by_strength(NoisyFunction(), 12, "ridge", [1e-6, 0.1, 10.0])
        >>> print(curve.best, bool((curve.train.diff() > 0).all()))
        1 True
    """
    degree = whole("degree", degree, 0, MOST_DEGREE)
    enough(function.n, degree)
    for one in strengths:
        real("strength (λ)", one, LEAST_STRENGTH, MOST_STRENGTH)
    values = torch.tensor(strengths, dtype=torch.float64)
    sample, check = training_sample(function), validation_sample(function)
    features = polynomial_features(sample.x, degree)
    if kind == "lasso":
        targets = sample.y.expand(len(values), 1, -1)
        together = features.expand(len(values), *features.shape)
        strength = values[:, None, None]
        found, _ = moments_of(together, targets).lasso(strength, torch.tensor([degree]))
        coefficients = found[:, 0, 0]
    else:
        strength = values if kind == "ridge" else torch.zeros_like(values)
        coefficients = every_degree(features, sample.y.unsqueeze(0), strength)[:, 0, degree]
    return _curve(values, coefficients, features, sample, check)


def learning_curve(
    function: NoisyFunction,
    degree: int,
    penalty: Penalty | None = None,
    *,
    sizes: Sequence[int],
    resamples: int = 30,
) -> ErrorCurve:
    """Errors against the number of training points: the median over many samples.

    The median, because at hardly more points than coefficients a few samples have errors that are
    many powers of ten above the others. Each sample's fit is measured on 200 fresh points.

    Args:
        function: What is sampled; its ``n`` plays no part.
        degree: 0 to 15.
        penalty: None for least squares.
        sizes: Each number of training points, more than the degree.
        resamples: Samples of each size, 1 to 1,000. A larger sample begins with a smaller one.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> from mlcore.generalization import NoisyFunction, learning_curve
        >>> curve = learning_curve(NoisyFunction(noise=0.2), 5, sizes=[10, 100])
        >>> print(bool(curve.train[0] < 0.04 < curve.validation[1] < curve.validation[0]))
        True
    """
    degree = whole("degree", degree, 0, MOST_DEGREE)
    resamples = whole("resamples", resamples, 1, 1000)
    for size in sizes:
        enough(whole("each of sizes", size, 1, MOST_POINTS), degree)
    generator = generator_of(function, "resamples")
    most, fresh = max(sizes), 200
    x = torch.rand(resamples, most + fresh, generator=generator, dtype=torch.float64) * 2 - 1
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    y = true_function(function.truth, x) + function.noise * noise
    features = polynomial_features(x, degree)
    found = _of_degree(features, y, degree, penalty or Penalty(), sizes)
    train, validation = [], []
    for size, coefficients in zip(sizes, found, strict=True):
        errors = (features @ coefficients.unsqueeze(-1)).squeeze(-1).sub(y).square()
        train.append(errors[:, :size].mean(1).median())
        validation.append(errors[:, most:].mean(1).median())
    values = torch.tensor(sizes, dtype=torch.float64)
    return ErrorCurve(values, torch.stack(train), torch.stack(validation))


def _of_degree(
    features: Tensor, y: Tensor, degree: int, penalty: Penalty, sizes: Sequence[int]
) -> Tensor:
    """Coefficients of one degree for the first points of R samples, ``[S, R, degree + 1]``."""
    samples = [(features[:, :size], y[:, None, :size]) for size in sizes]
    if penalty.kind == "lasso":
        moments = [moments_of(*sample) for sample in samples]
        together = Moments(*(torch.stack(part) for part in zip(*moments, strict=True)))
        strength = features.new_tensor(penalty.strength)
        return together.lasso(strength, torch.tensor([degree]))[0][:, :, 0, 0]
    strength = features.new_tensor(penalty.strength if penalty.kind == "ridge" else 0.0)
    return torch.stack([every_degree(*sample, strength)[:, 0, degree] for sample in samples])


def _curve(
    values: Tensor, coefficients: Tensor, features: Tensor, sample: Sample, check: Sample
) -> ErrorCurve:
    """Errors of K polynomials, their coefficients ``[K, P]``."""
    unseen = polynomial_features(check.x, features.shape[-1] - 1)
    return ErrorCurve(
        values,
        (coefficients @ features.T - sample.y).square().mean(1),
        (coefficients @ unseen.T - check.y).square().mean(1),
    )
