"""Polynomials fitted in closed form: least squares, ridge and lasso."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from mlcore.core import InputError
from mlcore.generalization.basis import MOST_DEGREE, polynomial_features, powers_of
from mlcore.generalization.checks import one_of, real, whole
from mlcore.generalization.linear import every_degree
from mlcore.generalization.moments import moments_of

PenaltyKind = Literal["none", "ridge", "lasso"]
PENALTIES: Final[tuple[PenaltyKind, ...]] = get_args(PenaltyKind)
LEAST_STRENGTH: Final = 1e-8
MOST_STRENGTH: Final = 1e3


@dataclass(frozen=True, slots=True)
class Penalty:
    """What is added to half the mean squared error while fitting.

    Attributes:
        kind: ``none``; ``ridge`` adds λ/2·Σ w_k²; ``lasso`` adds λ·Σ |w_k|. The coefficients are
            those of ``polynomial_features``; the constant is not penalized. scikit-learn's
            ``Ridge(alpha=n·λ)`` and ``Lasso(alpha=λ)`` minimize the same.
        strength: λ, 1e-8 to 1,000; without a penalty it plays no part.

    Raises:
        InputError: If an argument is out of bounds.
    """

    kind: PenaltyKind = "none"
    strength: float = 0.01

    def __post_init__(self) -> None:
        one_of("kind", self.kind, PENALTIES)
        real("strength (λ)", self.strength, LEAST_STRENGTH, MOST_STRENGTH)


@dataclass(frozen=True, slots=True, eq=False)
class PolynomialFit:
    """A fitted polynomial.

    Attributes:
        coefficients: Of ``polynomial_features``, float64 ``[degree + 1]``.
        powers: The same polynomial by powers of x, ``[degree + 1]``.
        train_error: Mean squared error over the training points.
        max_difference: The largest difference between its values at the training points and those
            of a second way: ``torch.linalg.lstsq`` on the stacked system for least squares and
            ridge, 0 for the lasso.
        gap: Duality gap of the lasso, relative to the objective at w = 0; 0 else.
    """

    coefficients: Tensor
    powers: Tensor
    train_error: float
    max_difference: float
    gap: float

    def predict(self, x: Tensor) -> Tensor:
        """The polynomial's values, for x of any shape."""
        return polynomial_features(x, len(self.coefficients) - 1) @ self.coefficients


def fit_polynomial(
    x: Tensor, y: Tensor, degree: int, penalty: Penalty | None = None
) -> PolynomialFit:
    """Fit a polynomial to points of [−1, 1], in float64.

    Args:
        x: ``[n]``, finite, with at least degree + 1 different values.
        y: ``[n]``, finite.
        degree: 0 to 15.
        penalty: None for least squares.

    Raises:
        InputError: If the points do not determine the polynomial or are not finite.

    Example:
        >>> import mlcore, torch
        >>> x = torch.linspace(-1, 1, 20)
        >>> fit = mlcore.generalization.fit_polynomial(x, 2 * x**2 - x, degree=2)
        >>> fit.powers.round(decimals=4) + 0.0
        tensor([ 0., -1.,  2.], dtype=torch.float64)
    """
    penalty = penalty or Penalty()
    degree = whole("degree", degree, 0, MOST_DEGREE)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            f"x has the shape {tuple(x.shape)} and y {tuple(y.shape)}, but both must be [n]."
        )
    x, y = x.double(), y.double()
    if not bool(x.isfinite().all() and y.isfinite().all()):
        raise InputError("x and y hold NaN or infinite numbers; leave those points out.")
    if not bool((x.abs() <= 1).all()):
        raise InputError("x reaches beyond [−1, 1]; scale it to this interval first.")
    enough(len(set(x.tolist())), degree)
    strength = x.new_tensor(penalty.strength if penalty.kind == "ridge" else 0.0)
    features = polynomial_features(x, degree)
    coefficients, gap = coefficients_of(features, y.unsqueeze(0), penalty)
    w = coefficients[0, degree]
    difference = 0.0
    if penalty.kind != "lasso":
        below = (len(x) * strength).sqrt() * torch.eye(degree + 1, dtype=x.dtype)[1:]
        stacked = torch.cat([features, below])
        wanted = torch.cat([y, y.new_zeros(degree)])
        other = torch.linalg.lstsq(stacked, wanted.unsqueeze(-1)).solution.squeeze(-1)
        difference = float((features @ (w - other)).abs().max())
    return PolynomialFit(
        coefficients=w,
        powers=powers_of(w),
        train_error=float((features @ w - y).square().mean()),
        max_difference=difference,
        gap=float(gap[0, degree]),
    )


def enough(points: int, degree: int) -> None:
    """Check that so many different points determine a polynomial of that degree.

    Raises:
        InputError: If there are too few.
    """
    if points < degree + 1:
        raise InputError(
            f"{points} different points do not determine a polynomial of degree {degree}, which "
            f"has {degree + 1} coefficients: take a degree of {points - 1} or less, or more points."
        )


def coefficients_of(features: Tensor, targets: Tensor, penalty: Penalty) -> tuple[Tensor, Tensor]:
    """Coefficients of every degree, and the duality gaps (0 but for the lasso).

    Args:
        features: ``[…, n, P]``, at least as many points as columns.
        targets: ``[…, R, n]``.
        penalty: Its strength holds for all.

    Returns:
        ``[…, R, P, P]`` (degree, then coefficient) and ``[…, R, P]``.
    """
    if penalty.kind == "lasso":
        strength = torch.tensor(penalty.strength, dtype=features.dtype)
        return moments_of(features, targets).lasso(strength, torch.arange(features.shape[-1]))
    strength = features.new_tensor(penalty.strength if penalty.kind == "ridge" else 0.0)
    found = every_degree(features, targets, strength)
    return found, found.new_zeros(found.shape[:-1])
