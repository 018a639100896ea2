"""Test surfaces of two variables for optimizer races; gradients come from autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlcore.regression.closed_form import solve
from mlcore.regression.problem import Problem

if TYPE_CHECKING:
    from torch import Tensor

SurfaceName = Literal["himmelblau", "rosenbrock", "beale", "saddle", "quadratic"]
SURFACE_NAMES: tuple[SurfaceName, ...] = (
    "himmelblau",
    "rosenbrock",
    "beale",
    "saddle",
    "quadratic",
)


@dataclass(frozen=True, slots=True)
class Minimum:
    """A minimum of a surface: its place and its name on the page."""

    x: float
    y: float
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A function of two variables.

    Attributes:
        name: What it is called.
        formula: f(x, y) in LaTeX.
        function: The function, on tensors of any equal shape.
        minima: Its minima.
        window: What is worth showing: (lowest x, highest x, lowest y, highest y).
        start: A start worth a race.
        reach: A point counts as arrived within this distance of a minimum, in units of x.
        axes: Names of the two variables.
    """

    name: str
    formula: str
    function: Callable[[Tensor, Tensor], Tensor]
    minima: tuple[Minimum, ...]
    window: tuple[float, float, float, float]
    start: tuple[float, float]
    reach: float = 0.05
    axes: tuple[str, str] = ("x", "y")

    def value(self, points: Tensor) -> Tensor:
        """F at each column of ``points``, shape (2, k) → (k,)."""
        return self.function(points[0], points[1])

    def gradient(self, points: Tensor) -> Tensor:
        """∇f at each column by autograd, shape (2, k) → (2, k)."""
        import torch

        leaf = points.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.value(leaf).sum(), leaf)
        return gradient

    def grid(self, size: int = 81) -> Tensor:
        """F over the window, shape (size, size): row i at the i-th y from below, column j at x."""
        import torch

        left, right, bottom, top = self.window
        xs = torch.linspace(left, right, size, dtype=torch.float64)
        ys = torch.linspace(bottom, top, size, dtype=torch.float64)
        return self.function(xs.expand(size, size), ys[:, None].expand(size, size))


def surface(name: SurfaceName, condition: float = 100.0) -> Surface:
    """A surface by name.

    Args:
        name: One of ``SURFACE_NAMES``.
        condition: Of the quadratic: the ratio of its two curvatures, from 1 up.

    Raises:
        ValueError: For an unknown name or a condition below 1.

    Example:
        >>> import mlcore
        >>> bowl = mlcore.regression.surface("quadratic", condition=10)
        >>> print(bowl.minima[0].x, bowl.start)
        0.0 (-4.0, 1.5)
    """
    if name == "quadratic":
        return _quadratic(condition)
    if name not in _SURFACES:
        raise ValueError(f"There is no surface {name!r}; there are {', '.join(SURFACE_NAMES)}.")
    return _SURFACES[name]


def regression_surface(problem: Problem) -> Surface:
    """The loss of a line over (w, b), as a surface; its one minimum is the least-squares fit.

    Raises:
        ValueError: If the problem has not exactly the parameters w and b, or the loss is not the
            squared one.

    Example:
        >>> import mlcore
        >>> problem = mlcore.regression.problem_of(mlcore.RegressionConfig())
        >>> surface = mlcore.regression.regression_surface(problem)
        >>> print(surface.axes, round(surface.minima[0].x, 3))
        ('w', 'b') 1.322
    """
    if problem.names != ("w", "b") or problem.loss != "squared":
        raise ValueError(
            "A regression surface needs the model y = wx + b and the squared loss; here are the "
            f"parameters {', '.join(problem.names)} and the {problem.loss} loss."
        )
    few = problem.reduced
    fit = solve(problem)

    def loss(w: Tensor, b: Tensor) -> Tensor:
        total = w.new_full((), few.rest)
        for row, target in zip(few.rows.tolist(), few.targets[:, 0].tolist(), strict=True):
            total = total + (row[0] * w + row[1] * b - target) ** 2
        return total / problem.points

    w, b, _ = fit
    half = (1.6 * max(abs(w), 0.5), 1.6 * max(abs(b), 0.5))
    return Surface(
        "your regression",
        r"\frac1n\sum_i\,(w x_i + b - y_i)^2",
        loss,
        (Minimum(w, b, "least squares"),),
        (w - half[0], w + half[0], b - half[1], b + half[1]),
        (0.0, 0.0),
        reach=0.02 * math.hypot(*half),
        axes=("w", "b"),
    )


def _quadratic(condition: float) -> Surface:
    if not 1 <= condition <= 1e12:
        raise ValueError(f"condition is {condition!r}, but must be from 1 to 1e12.")
    return Surface(
        "quadratic",
        rf"\tfrac12\,(x^2 + {condition:g}\,y^2)",
        lambda x, y: 0.5 * (x * x + condition * y * y),
        (Minimum(0.0, 0.0, "(0, 0)"),),
        (-5.0, 5.0, -4.0, 4.0),
        (-4.0, 1.5),
    )


def _beale(x: Tensor, y: Tensor) -> Tensor:
    """Beale (1958); its minimum is f(3, 0.5) = 0."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


_ROOT2 = math.sqrt(2)
_SURFACES: dict[str, Surface] = {
    "himmelblau": Surface(
        "Himmelblau",
        r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
        (
            Minimum(3.0, 2.0, "(3, 2)"),
            Minimum(-2.805118086952745, 3.131312518250573, "(−2.81, 3.13)"),
            Minimum(-3.779310253377747, -3.283185991286170, "(−3.78, −3.28)"),
            Minimum(3.584428340330492, -1.848126526964404, "(3.58, −1.85)"),
        ),
        (-6.0, 6.0, -6.0, 6.0),
        (-4.0, 0.0),
    ),
    "rosenbrock": Surface(
        "Rosenbrock",
        r"(1 - x)^2 + 100\,(y - x^2)^2",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
        (Minimum(1.0, 1.0, "(1, 1)"),),
        (-2.2, 2.2, -1.2, 3.2),
        (-1.5, 2.0),
    ),
    "beale": Surface(
        "Beale",
        r"(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
        _beale,
        (Minimum(3.0, 0.5, "(3, 0.5)"),),
        (-4.5, 4.5, -4.5, 4.5),
        (1.0, 1.5),
    ),
    "saddle": Surface(
        "saddle",
        r"x^2 - y^2 + \tfrac14 y^4",
        lambda x, y: x * x - y * y + 0.25 * y**4,
        (Minimum(0.0, _ROOT2, "(0, √2)"), Minimum(0.0, -_ROOT2, "(0, −√2)")),
        (-3.0, 3.0, -2.4, 2.4),
        (-2.5, 0.001),
    ),
}
