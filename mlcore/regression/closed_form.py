"""Ordinary least squares in closed form: the limit of descent on the squared loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlcore.regression.data import Numbers
from mlcore.regression.problem import Centred, Model, Problem

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Fit:
    """The parameters of least squared error. Unpacks as ``w, b, loss``.

    Attributes:
        theta: The d parameters, in the order of ``names``; of all solutions the shortest vector
            where the data leave some free (constant x, fewer points than parameters).
        names: Their names.
        loss: The smallest mean squared error, in units of y².
        rank: How many directions of parameter space the data pin down, at most d.
    """

    theta: tuple[float, ...]
    names: tuple[str, ...]
    loss: float
    rank: int

    @property
    def w(self) -> float:
        """The slope (of a polynomial: the coefficient of x)."""
        return self.theta[0]

    @property
    def b(self) -> float:
        """The intercept; 0 for a line through the origin."""
        return self.theta[-1] if "b" in self.names else 0.0

    def __iter__(self) -> Iterator[float]:
        return iter((self.w, self.b, self.loss))


def least_squares(
    x: Numbers,
    y: Numbers,
    *,
    model: Model = "line",
    degree: int = 2,
    standardize: bool = False,
) -> Fit:
    """Solve min over θ of mean (y − Φθ)² directly, with the means taken off first.

    Args:
        x: Inputs, n numbers.
        y: Targets, n numbers.
        model: ``origin``, ``line`` or ``polynomial``.
        degree: Of the polynomial, 1 to 8.
        standardize: Whether w and b belong to x brought to mean 0 and deviation 1.

    Raises:
        DataError: (a ValueError) if the data cannot be used; see ``Problem.of``.

    Example:
        >>> import mlcore
        >>> x, y = [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]
        >>> fit = mlcore.regression.least_squares(x, y)
        >>> print(round(fit.w, 6), round(fit.b, 6))
        2.0 1.0
    """
    return solve(Problem.of(x, y, model=model, degree=degree, standardize=standardize))


def solve(problem: Problem) -> Fit:
    """``least_squares`` for a ``Problem``; its loss is taken to be the squared one.

    Example:
        >>> import mlcore
        >>> problem = mlcore.regression.problem_of(mlcore.RegressionConfig())
        >>> fit = mlcore.regression.solve(problem)
        >>> print(round(fit.w, 3), round(fit.b, 3), round(fit.loss, 3))
        1.322 7.991 110.257
    """
    import torch

    if problem.centred is not None and spread(problem.centred) is not None:
        return _solve_centred(problem, problem.centred)
    few = problem.reduced
    u, sigma, vt = torch.linalg.svd(few.rows, full_matrices=False)
    keep = sigma > cutoff(problem, float(sigma[0]))
    theta = vt[keep].T @ ((u[:, keep].T @ few.targets[:, 0]) / sigma[keep])
    residual = few.rows @ theta - few.targets[:, 0]
    loss = (float(residual @ residual) + few.rest) / problem.points
    return Fit(tuple(theta.tolist()), problem.names, loss, int(keep.sum()))


def _solve_centred(problem: Problem, few: Centred) -> Fit:
    """Slopes of the centred data, as scikit-learn fits them."""
    import torch

    scale = few.rows.norm(dim=0)
    slopes = torch.linalg.lstsq(few.rows / scale, few.targets[:, None]).solution[:, 0] / scale
    residual = few.rows @ slopes - few.targets
    loss = (float(residual @ residual) + few.rest) / problem.points
    theta = (*slopes.tolist(), few.level - float(few.means @ slopes))
    return Fit(theta, problem.names, loss, len(theta))


def spread(few: Centred) -> Tensor | None:
    """Singular values of the centred columns at unit length; None if rounding hides one of them.

    It does where x is constant, where there are fewer different x than parameters, and for powers
    of an x so far from 0 that they differ in their last digits alone.
    """
    import torch

    if len(few.rows) < few.rows.shape[1] or not bool((few.noise < 1).all()):
        return None
    sigma: Tensor = torch.linalg.svdvals(few.rows / few.rows.norm(dim=0))
    rounding = max(8 * torch.finfo(torch.float64).eps, float(few.noise.max()))
    lost = len(sigma) > 1 and float(sigma[-1]) <= rounding * float(sigma[0])
    return None if lost or not bool(sigma.isfinite().all()) else sigma


def singular(problem: Problem) -> tuple[Tensor, Tensor]:
    """Singular values of Φ, descending, shape (d,), and its right singular vectors as rows.

    Values that are rounding are 0. Small ones are worked out from the inverse of the triangle that
    the centred columns give: an SVD of Φ itself knows each only to eps times the largest.
    """
    import torch

    _, sigma, vt = torch.linalg.svd(problem.reduced.rows, full_matrices=True)
    d = len(problem.names)
    sigma = torch.cat([sigma, sigma.new_zeros(d - len(sigma))])
    few = problem.centred
    if few is None or spread(few) is None:
        flat = sigma <= cutoff(problem, float(sigma[0]))
        return sigma.where(~flat, sigma.new_zeros(())), vt
    root = math.sqrt(problem.points)
    # ΦᵀΦ = MᵀM with M = [[rows, 0], [√n means, √n]], whose inverse can be written down
    inner = torch.linalg.solve_triangular(few.rows, torch.eye(d - 1).double(), upper=True)
    inverse = torch.zeros(d, d, dtype=torch.float64)
    inverse[:-1, :-1] = inner
    inverse[-1, :-1] = -(few.means @ inner)
    inverse[-1, -1] = 1 / root
    fine = 1 / torch.linalg.svdvals(inverse).flip(0)
    return sigma.where(sigma > 1e-7 * sigma[0], fine), vt


def cutoff(problem: Problem, largest: float) -> float:
    """Singular values of Φ at or below this count as rounding error."""
    import torch

    return largest * max(problem.features.shape) * torch.finfo(torch.float64).eps
