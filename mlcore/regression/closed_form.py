"""Ordinary least squares in closed form: where squared-loss descent must end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlcore.regression.data import Numbers
from mlcore.regression.problem import Model, Problem


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
    """Solve min over θ of mean (y − Φθ)² directly, through the singular values of Φ.

    Args:
        x: Inputs, n numbers.
        y: Targets, n numbers.
        model: ``origin``, ``line`` or ``polynomial``.
        degree: Of the polynomial, 1 to 8.
        standardize: Whether w and b belong to x brought to mean 0 and deviation 1.

    Raises:
        DataError: (a ValueError) if the data cannot be used; see ``Problem.of``.
    """
    return solve(Problem.of(x, y, model=model, degree=degree, standardize=standardize))


def solve(problem: Problem) -> Fit:
    """The same for a problem already put together; its loss is taken to be the squared one."""
    import torch

    few = problem.reduced
    u, sigma, vt = torch.linalg.svd(few.rows, full_matrices=False)
    keep = sigma > cutoff(problem, float(sigma[0]))
    theta = vt[keep].T @ ((u[:, keep].T @ few.targets[:, 0]) / sigma[keep])
    residual = few.rows @ theta - few.targets[:, 0]
    loss = (float(residual @ residual) + few.rest) / problem.points
    return Fit(tuple(theta.tolist()), problem.names, loss, int(keep.sum()))


def cutoff(problem: Problem, largest: float) -> float:
    """Singular values of Φ at or below this are rounding, not curvature."""
    import torch

    return largest * max(problem.features.shape) * torch.finfo(torch.float64).eps
