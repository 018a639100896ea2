"""The verdict: what each learning rate will do, predicted from the loss's curvature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlcore.regression.modes import Modes, errors_after, errors_through

if TYPE_CHECKING:
    from torch import Tensor

Band = Literal["slow", "smooth", "oscillating", "divergent"]
BANDS: tuple[Band, ...] = ("slow", "smooth", "oscillating", "divergent")
"""All but the last are stable: the loss falls in the long run."""
SLOW = 0.1
"""Below this part of the oscillating border even the steepest direction takes ten times as many
steps as it needs."""
_SCAN = 17  # doublings: the first 131,072 steps are looked at one by one


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The predicted behaviour of every learning rate.

    Attributes:
        eigenvalues: Of the Hessian, ascending, shape (d,): the loss's curvature along each of its
            axes, in units of the loss per squared parameter. For Huber those of its bound, for
            the absolute loss zeros.
        directions: The matching unit eigenvectors, shape (d, d), one a row.
        condition: λmax / λmin over the curvatures that are not zero; infinite if one is.
        oscillating: The rate above which the steepest direction overshoots, 1/λmax for gradient
            descent; None where no theory holds.
        divergent: The rate above which the loss grows without bound, 2/λmax; None likewise.
        best_rate: The rate that shrinks the worst direction most in the long run,
            2/(λmin + λmax); None where no theory holds.
        best_momentum: Polyak's best (rate, momentum) for the heavy ball on this loss, or None.
        exact: Whether ``predicted_loss`` and ``predicted_steps`` hold, to rounding.
        note: Why something above is None or only a bound, in a sentence; empty if nothing is.
    """

    eigenvalues: Tensor
    directions: Tensor
    condition: float
    oscillating: float | None
    divergent: float | None
    best_rate: float | None
    best_momentum: tuple[float, float] | None
    exact: bool
    note: str
    _modes: Modes
    _errors: Tensor
    _floor: float

    @property
    def slow(self) -> float | None:
        """The rate below which descent is slow: a tenth of the oscillating border."""
        return None if self.oscillating is None else SLOW * self.oscillating

    def band(self, lr: float) -> Band | None:
        """The band a rate falls into; None where the theory does not apply."""
        if self.oscillating is None or self.divergent is None:
            return None
        if lr < SLOW * self.oscillating:
            return "slow"
        if lr <= self.oscillating:
            return "smooth"
        return "oscillating" if lr < self.divergent else "divergent"

    def factor(self, lr: float) -> float | None:
        """The long-run factor per step of the error along the steepest direction, in size.

        1 at the divergent border, and 0 at 1/λmax for gradient descent; None where no theory holds.
        """
        if self.divergent is None:
            return None
        return self._modes.radius(lr * float(self.eigenvalues[-1]))

    def predicted_loss(self, lr: float | Tensor, steps: int) -> Tensor | None:
        """The loss after a number of steps from the given start, in closed form.

        Args:
            lr: One rate or k of them.
            steps: How many steps.

        Returns:
            A scalar or shape (k,); infinite beyond float64. None unless ``exact``.
        """
        import torch

        if not self.exact:
            return None
        rates = torch.as_tensor(lr, dtype=torch.float64)
        return self._floor + self._excess_after(rates, steps)

    def predicted_curve(self, lr: float, steps: int) -> Tensor | None:
        """The loss of steps 0 to ``steps``, shape (steps + 1,); None unless ``exact``."""
        import torch

        if not self.exact:
            return None
        matrix = self._modes.matrix(torch.as_tensor(lr, dtype=torch.float64) * self.eigenvalues)
        doublings = math.ceil(math.log2(steps + 1)) if steps else 0
        errors = errors_through(matrix, self._errors, doublings)[: steps + 1]
        return self._floor + self._excess(errors)

    def predicted_steps(self, lr: float, tol: float = 1e-3) -> float | None:
        """Steps until the loss's distance to its minimum is ``tol`` times that of the start.

        Args:
            lr: Learning rate.
            tol: Of the excess loss, above 0 and below 1: 1e-3 asks for a thousandth of it.

        Returns:
            A whole number, ``math.inf`` if never (a divergent rate, or 0), or None where no
            theory holds. Beyond the first 131,072 steps the loss is taken to fall steadily.

        Raises:
            ValueError: If ``tol`` is not between 0 and 1.
        """
        import torch

        if not 0 < tol < 1:
            raise ValueError(f"tol is {tol!r}, but must be above 0 and below 1.")
        if not self.exact:
            return None
        matrix = self._modes.matrix(torch.as_tensor(lr, dtype=torch.float64) * self.eigenvalues)
        target = tol * float(self._excess(self._errors))
        for doublings in (7, 12, _SCAN):
            excess = self._excess(errors_through(matrix, self._errors, doublings))
            if bool((reached := excess <= target).any()):
                return float(reached.int().argmax())
        if max(self._modes.radius(lr * float(e)) for e in self._moving()) >= 1:
            return math.inf

        def far(count: int) -> bool:
            return float(self._excess(errors_after(matrix, self._errors, count))) > target

        low, high = 2**_SCAN, 2 ** (_SCAN + 1)
        while far(high):
            low, high = high, 2 * high
            if high > 2**60:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if far(middle) else (low, middle)
        return float(high)

    def best_rate_for(self, steps: int) -> float | None:
        """The rate with the lowest loss after exactly this many steps, from the closed form.

        ``best_rate`` wins in the long run; on a badly conditioned loss the long run may be far
        off, and within a budget another rate does better. None unless ``exact``.
        """
        import torch

        if not self.exact or self.divergent is None or self.best_rate is None or not steps:
            return None
        settled = 1e-15 * float(self._excess(self._errors))
        if (
            float(self._excess_after(torch.tensor(self.best_rate, dtype=torch.float64), steps))
            <= settled
        ):
            return self.best_rate  # any difference that is left is rounding
        low, high = math.log(self.divergent) - 14, math.log(self.divergent)
        for _ in range(5):
            rates = torch.linspace(low, high, 100, dtype=torch.float64).exp()
            centre = float(rates[int(self._excess_after(rates, steps).argmin())].log())
            width = (high - low) / 99
            low, high = centre - width, min(centre + width, math.log(self.divergent))
        return math.exp(centre)

    def stable_rate(self, steps: int) -> float | None:
        """A sound default rate: the best for a number of steps where that is known.

        Elsewhere half the largest stable rate; None where that is not known either.
        """
        if (best := self.best_rate_for(steps)) is not None:
            return best
        return None if self.divergent is None else self.divergent / 2

    def three_rates(self, steps: int) -> tuple[float, float, float] | None:
        """A too small, the best and a too large rate for a number of steps; None unless ``exact``.

        Too small barely moves, even along the steepest direction; too large lies five per cent
        above the divergent border.
        """
        best = self.best_rate_for(steps)
        if best is None or self.divergent is None:
            return None
        small = 0.5 * (1 - self._modes.mu) / (max(steps, 10) * float(self.eigenvalues[-1]))
        return min(small, best / 20), best, 1.05 * self.divergent

    def _moving(self) -> list[float]:
        return [float(e) for e in self.eigenvalues if e > 0]

    def _excess(self, errors: Tensor) -> Tensor:
        import torch

        excess: Tensor = 0.5 * (self.eigenvalues * errors * errors).sum(-1)
        return excess.nan_to_num_(nan=torch.inf, posinf=torch.inf)

    def _excess_after(self, rates: Tensor, steps: int) -> Tensor:
        matrix = self._modes.matrix(rates[..., None] * self.eigenvalues)
        return self._excess(errors_after(matrix, self._errors, steps))
