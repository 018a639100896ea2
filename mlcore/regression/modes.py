"""The dynamics of an optimizer along one curvature λ: a 2 × 2 linear recursion in z = ηλ.

On a quadratic loss the error along each eigenvector of the Hessian moves by itself:
s ← M(z) s, where s = (e, u) is the error and the last step's memory u = ηv, and s₀ = (e₀, 0).
From it come the borders of the bands, the best rate and the number of steps. References:
Polyak (1964); Goh, "Why Momentum Really Works", Distill (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlcore.regression.rules import Rule

if TYPE_CHECKING:
    from torch import Tensor

LINEAR = ("gradient_descent", "momentum", "nesterov")
"""The rules whose step is linear in the gradients, so that this theory holds for them."""


@dataclass(frozen=True, slots=True)
class Modes:
    """The recursion of one of the ``LINEAR`` rules.

    Attributes:
        rule: Its name and momentum μ; plain gradient descent has μ = 0.
    """

    rule: Rule

    @property
    def mu(self) -> float:
        """The effective momentum."""
        return 0.0 if self.rule.name == "gradient_descent" else self.rule.momentum

    @property
    def divergent(self) -> float:
        """The z from which the error grows: 2, 2(1 + μ), or (2 + 2μ)/(1 + 2μ) for Nesterov."""
        if self.rule.name == "nesterov":
            return (2 + 2 * self.mu) / (1 + 2 * self.mu)
        return 2 * (1 + self.mu)

    @property
    def oscillating(self) -> float:
        """The z from which the error changes sign: 1, (1 − √μ)², or ((1 − μ)/(1 + μ))²."""
        if self.rule.name == "nesterov":
            return ((1 - self.mu) / (1 + self.mu)) ** 2
        return (1 - math.sqrt(self.mu)) ** 2

    @property
    def floor(self) -> float:
        """The z of fastest convergence for one curvature: the end of momentum's plateau."""
        return 1.0 if self.rule.name == "nesterov" else 1 + self.mu

    def matrix(self, z: Tensor) -> Tensor:
        """M(z) of each z: shape (*z.shape, 2, 2)."""
        import torch

        mu = self.mu
        if self.rule.name == "nesterov":
            first = torch.stack([1 - (1 + mu) * z, torch.full_like(z, -mu * mu)], -1)
        else:
            first = torch.stack([1 - z, torch.full_like(z, -mu)], -1)
        second = torch.stack([z, torch.full_like(z, mu)], -1)
        return torch.stack([first, second], -2)

    def radius(self, z: float) -> float:
        """The spectral radius of M(z): the factor of the error per step in the long run."""
        mu = self.mu
        if self.rule.name == "nesterov":
            trace, det = (1 + mu) * (1 - z), mu * (1 - z)
        else:
            trace, det = 1 + mu - z, mu
        discriminant = trace * trace - 4 * det
        if discriminant < 0:
            return math.sqrt(det)
        return (abs(trace) + math.sqrt(discriminant)) / 2

    def best_rate(self, smallest: float, largest: float) -> float:
        """The rate η with the smallest radius over curvatures from ``smallest`` to ``largest``.

        2/(λmin + λmax) for gradient descent, (1 + μ) times that for momentum; for Nesterov, whose
        radius is not symmetric, the rate at which both ends shrink alike, found by bisection.
        """
        if self.rule.name != "nesterov":
            return 2 * (1 + self.mu) / (smallest + largest)
        low, high = self.floor / largest, min(self.divergent / largest, self.floor / smallest)
        for _ in range(100):
            middle = (low + high) / 2
            if self.radius(middle * smallest) > self.radius(middle * largest):
                low = middle
            else:
                high = middle
        return (low + high) / 2


def best_momentum(smallest: float, largest: float) -> tuple[float, float]:
    """Polyak's optimum for curvatures from ``smallest`` to ``largest``: (rate, momentum).

    η = (2 / (√λmin + √λmax))², μ = ((√κ − 1) / (√κ + 1))² with κ = λmax/λmin.
    """
    low, high = math.sqrt(smallest), math.sqrt(largest)
    return (2 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2


def errors_through(matrix: Tensor, start: Tensor, doublings: int) -> Tensor:
    """The errors of steps 0 to 2^doublings − 1, by doubling: s_(i + n) = Mⁿ s_i.

    Args:
        matrix: M of each of d modes, shape (d, 2, 2).
        start: Their errors e₀, shape (d,).
        doublings: How often to double.

    Returns:
        Shape (2^doublings, d).
    """
    import torch

    states = torch.stack([start, torch.zeros_like(start)], -1)[None]  # (steps, d, 2)
    power = matrix
    for _ in range(doublings):
        states = torch.cat([states, (power * states[:, :, None, :]).sum(-1)])
        power = _product(power, power)
    return states[..., 0]


def errors_after(matrix: Tensor, start: Tensor, steps: int) -> Tensor:
    """The errors after some number of steps, by repeated squaring: log₂(steps) products.

    Args:
        matrix: M of each mode, shape (…, d, 2, 2).
        start: Their errors e₀, shape (d,).
        steps: How many.

    Returns:
        Shape (…, d).
    """
    import torch

    states = torch.stack([start, torch.zeros_like(start)], -1).expand(*matrix.shape[:-1])
    while steps:
        if steps & 1:
            states = (matrix * states[..., None, :]).sum(-1)
        matrix, steps = _product(matrix, matrix), steps >> 1
    return states[..., 0]


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Left times right for stacks of 2 × 2 matrices, without the overhead of BLAS threads."""
    return (left[..., :, :, None] * right[..., None, :, :]).sum(-2)
