"""A fitting problem: data, model and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlcore.regression.data import DataError, Numbers, as_pair
from mlcore.regression.losses import Loss, loss_of, slope_of

if TYPE_CHECKING:
    from torch import Tensor

Model = Literal["origin", "line", "polynomial"]
MODELS: tuple[Model, ...] = ("origin", "line", "polynomial")
MAX_DEGREE = 8
_ONE_THREAD = 30_000  # torch spreads element-wise work over threads from 32,768 numbers on


@dataclass(frozen=True, slots=True)
class Scaling:
    """Standardization of x: (x − mean) / deviation."""

    mean: float = 0.0
    deviation: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        """Standardize x of any shape, given in its raw unit."""
        return (x - self.mean) / self.deviation


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """A squared loss over n points, reduced to an equal one over at most d rows.

    Σ (Φθ − y)² = ‖rows·θ − targets‖² + rest for every θ. Rows and targets are parts of the triangle
    R of the QR decomposition of (Φ y), which keeps the conditioning of Φ (the normal equations
    would square it) and makes a step as cheap on 10⁶ points as on 10.

    Attributes:
        rows: Shape (m, d) with m ≤ d.
        targets: Shape (m, 1).
        rest: What no θ can explain, in units of y².
        push: Rows once more, shape (m, d, 1), ready to be multiplied with each column of θ.
        pull: (2/n) rowsᵀ, shape (d, m, 1): the gradient is pull·(push·θ − targets).
    """

    rows: Tensor
    targets: Tensor
    rest: float
    push: Tensor
    pull: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """The points with their means subtracted, where the model has an intercept.

    Far from 0 the columns of Φ are all but parallel: x = 10⁸ + 0…99 leaves no digit for the slope
    unless the mean is taken off first. With c the columns' means, the best slopes are those of
    Σ (rows·w − targets)² + rest, and the best intercept is level − c·w.

    Attributes:
        means: Of each feature but the constant one, shape (d − 1,).
        level: The mean of y.
        rows: Shape (m, d − 1) with m ≤ d − 1.
        targets: Shape (m,).
        rest: What no slopes can explain, in units of y².
        noise: Rounding of the features as part of their deviation, shape (d − 1,).
    """

    means: Tensor
    level: float
    rows: Tensor
    targets: Tensor
    rest: float
    noise: Tensor

    @classmethod
    def of(cls, features: Tensor, y: Tensor) -> Centred:
        """Centre features (without the constant one), shape (n, d − 1), and targets, shape (n,)."""
        import numpy as np
        import torch

        both = torch.cat([features, y[:, None]], 1)
        means = both.mean(0)
        off = both - means
        means, off = means + off.mean(0), off - off.mean(0)
        d = features.shape[1]
        rounding = 4 * torch.finfo(torch.float64).eps * features.abs().amax(0)
        r = torch.from_numpy(np.linalg.qr(off.numpy(), mode="r"))
        return cls(
            means[:d],
            float(means[d]),
            r[:d, :d].contiguous(),
            r[:d, d].contiguous(),
            float(r[d, d]) ** 2 if len(r) > d else 0.0,
            rounding / off[:, :d].square().mean(0).sqrt(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Mean loss of a model that is linear in its d parameters over n points.

    The parameters are ordered as ``names``: ``("w",)`` through the origin, ``("w", "b")`` for a
    line, ``("w1", …, "b")`` for a polynomial y = w1 x + w2 x² + … + b.

    Attributes:
        features: What each parameter is multiplied with, shape (n, d), float64.
        y: Targets, shape (n,), float64.
        names: Names of the d parameters.
        loss: Which loss of the residual is averaged.
        delta: Where Huber turns straight, in units of y.
        scaling: What was done to x before the features were made.
        reduced: The squared loss of these points in a few rows.
        centred: The same with the means taken off; None for a line through the origin.
    """

    features: Tensor
    y: Tensor
    names: tuple[str, ...]
    loss: Loss
    delta: float
    scaling: Scaling
    reduced: Reduced
    centred: Centred | None

    @classmethod
    def of(
        cls,
        x: Numbers,
        y: Numbers,
        *,
        model: Model = "line",
        degree: int = 2,
        loss: Loss = "squared",
        delta: float = 1.0,
        standardize: bool = False,
    ) -> Problem:
        """Build a problem.

        Args:
            x: Inputs, n numbers.
            y: Targets, n numbers.
            model: ``origin`` is y = wx, ``line`` y = wx + b, ``polynomial`` as above.
            degree: Of the polynomial, 1 to 8; ignored by the other two.
            loss: See ``mlcore.regression.losses``.
            delta: For the Huber loss, in units of y.
            standardize: Bring x to mean 0 and standard deviation 1 first (the deviation over n,
                not n − 1); y keeps its unit.

        Raises:
            DataError: (a ValueError) for empty or non-finite data, a constant x that is to be
                standardized, or powers of x beyond float64.
            ValueError: For an unknown model or loss, or a degree out of range.
        """
        import numpy as np
        import torch

        x, y = as_pair(x, y)
        if model not in MODELS:
            raise ValueError(f"model is {model!r}, but must be one of {', '.join(MODELS)}.")
        if loss not in ("squared", "absolute", "huber"):
            raise ValueError(f"loss is {loss!r}, but must be one of squared, absolute, huber.")
        if not 1 <= degree <= MAX_DEGREE:
            raise ValueError(f"degree is {degree}, but must be from 1 to {MAX_DEGREE}.")
        if not delta > 0:
            raise ValueError(f"delta is {delta}, but must be above 0.")
        scaling = Scaling()
        if standardize:
            deviation = float(x.std(correction=0))
            if deviation <= 1e-12 * max(1.0, float(x.abs().max())):
                raise DataError(
                    f"Every x is {x[0].item():g}: a constant cannot be standardized. Turn "
                    "standardizing off, or add a point with another x."
                )
            scaling = Scaling(float(x.mean()), deviation)
        z = scaling(x)
        top = degree if model == "polynomial" else 1
        columns = [z**power for power in range(1, top + 1)]
        names = tuple(f"w{k}" for k in range(1, top + 1)) if model == "polynomial" else ("w",)
        if model != "origin":
            columns.append(torch.ones_like(z))
            names = (*names, "b")
        features = torch.stack(columns, 1)
        if not bool((features**2).sum().isfinite()) or not bool((y * y).sum().isfinite()):
            raise DataError(
                "These numbers are too large for float64 once squared; standardize x, or use "
                "smaller units."
            )
        # NumPy's: torch's wakes a pool of threads, which takes 8 ms on a busy machine of two cores
        both = torch.cat([features, y[:, None]], 1).numpy()
        r = torch.from_numpy(np.linalg.qr(both, mode="r"))
        d = len(names)
        rows = r[:d, :d].contiguous()
        reduced = Reduced(
            rows,
            r[:d, d:].contiguous(),
            float(r[d, d]) ** 2 if len(r) > d else 0.0,
            rows[..., None],
            (rows.T.contiguous() * (2 / len(y)))[..., None],
        )
        centred = Centred.of(features[:, :-1], y) if "b" in names else None
        return cls(features, y, names, loss, delta, scaling, reduced, centred)

    @property
    def points(self) -> int:
        """Number of points, n."""
        return self.features.shape[0]

    def losses(self, theta: Tensor) -> Tensor:
        """Mean loss over all points.

        Args:
            theta: Parameters, shape (…, d, k) for k parameter vectors.

        Returns:
            Shape (…, k), in units of y² (squared, Huber) or y (absolute). Infinite where the
            parameters have left the range of float64.
        """
        import torch

        flat = theta.reshape(-1, *theta.shape[-2:])
        rows = len(self.reduced.rows) if self.loss == "squared" else self.points
        # Blocks that torch works on in one thread: waking a second takes longer than the work.
        block = max(1, _ONE_THREAD // (rows * theta.shape[-1]))
        mean = torch.cat([self._mean(part) for part in torch.split(flat, block)])
        mean = mean.reshape(*theta.shape[:-2], theta.shape[-1])
        return mean.nan_to_num_(nan=torch.inf, posinf=torch.inf)

    def _mean(self, theta: Tensor) -> Tensor:
        if self.loss != "squared":
            residual = self.features @ theta - self.y[:, None]
            return loss_of(residual, self.loss, self.delta).mean(-2)
        few = self.reduced
        residual = -few.targets
        for j in range(theta.shape[-2]):
            residual = residual + few.rows[:, j : j + 1] * theta[..., j : j + 1, :]
        return ((residual * residual).sum(-2) + few.rest) / self.points

    def gradients(self, theta: Tensor, rows: Tensor | None = None) -> Tensor:
        """Gradient of the mean loss by the parameters, over all points or the given rows.

        Args:
            theta: Parameters, shape (d, k).
            rows: Indices of the points to use, or None for all.

        Returns:
            Shape (d, k), in units of the loss per unit of the parameter.
        """
        if rows is None and self.loss == "squared":
            few = self.reduced
            # spelled out: BLAS wakes its threads even for a 2 × 2, which takes far longer
            residual = (few.push * theta).sum(1).sub_(few.targets)
            return (few.pull * residual).sum(1)
        matrix = self.features if rows is None else self.features[rows]
        targets = self.y if rows is None else self.y[rows]
        slope = slope_of(matrix @ theta - targets[:, None], self.loss, self.delta)
        return matrix.T @ slope / matrix.shape[0]

    def predict(self, x: Tensor, theta: Tensor) -> Tensor:
        """The model's y at raw (not standardized) x.

        Args:
            x: Shape (m,).
            theta: Shape (d,) or (d, k).

        Returns:
            Shape (m,) or (m, k).
        """
        import torch

        z = self.scaling(x)
        top = self.features.shape[1] - ("b" in self.names)
        columns = [z**power for power in range(1, top + 1)]
        if "b" in self.names:
            columns.append(torch.ones_like(z))
        return torch.stack(columns, 1) @ theta
