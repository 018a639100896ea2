"""Gradient descent with a vector of learning rates at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlcore.regression.data import Numbers
from mlcore.regression.losses import Loss
from mlcore.regression.problem import Model, Problem
from mlcore.regression.rules import Rule, RuleName, State

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_MOST_NUMBERS = 2 * 10**8  # 1.6 GB of float64


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The path of a descent. With a scalar rate the last dimension of each tensor is absent.

    Attributes:
        theta: Parameters after each step, shape (steps + 1, d, k); row 0 is the start.
        loss: Mean loss over all points, shape (steps + 1, k); infinite once a rate has left the
            range of float64.
        lr: The k learning rates.
        names: Names of the d parameters.
    """

    theta: Tensor
    loss: Tensor
    lr: Tensor
    names: tuple[str, ...]

    @property
    def w(self) -> Tensor:
        """The slope (of a polynomial: the coefficient of x), shape (steps + 1, k)."""
        return self.theta[:, 0]

    @property
    def b(self) -> Tensor:
        """The intercept, shape (steps + 1, k); zeros for a line through the origin."""
        return (
            self.theta[:, -1]
            if "b" in self.names
            else self.theta[:, 0].new_zeros(()).expand_as(self.loss)
        )

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return self.loss.shape[0] - 1

    def steps_to(self, loss: float) -> list[int | None]:
        """For each rate the first step at which the loss is at or below a value, or None."""
        reached = (self.loss <= loss).reshape(self.steps + 1, -1)
        return [int(c.int().argmax()) if bool(c.any()) else None for c in reached.T]


class Descent:
    """A descent in progress: k parameter vectors that move together, one step at a time.

    Attributes:
        theta: The parameters now, shape (d, k).
        count: Steps taken.
        state: The optimizer's memory.
        order: The points of this epoch yet to be used, in order; None where every step uses all.
    """

    def __init__(
        self,
        problem: Problem,
        rule: Rule,
        lr: Tensor,
        start: Sequence[float] | None = None,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        import torch

        self.problem, self.rule = problem, rule
        self.lr = torch.as_tensor(lr, dtype=torch.float64).reshape(-1)
        if not bool((self.lr.isfinite() & (self.lr >= 0)).all()) or not len(self.lr):
            raise ValueError("lr holds a value that is no finite number from 0 up, or no value.")
        names = problem.names
        values = torch.as_tensor(
            start if start is not None else [0.0] * len(names), dtype=torch.float64
        )
        if values.shape != (len(names),) or not bool(values.isfinite().all()):
            raise ValueError(
                f"start is {start!r}, but must be {len(names)} finite number(s): "
                f"{', '.join(names)}."
            )
        if batch_size is not None and not batch_size >= 1:
            raise ValueError(f"batch_size is {batch_size}, but must be from 1 up, or None for all.")
        self.theta = values[:, None].repeat(1, len(self.lr))
        self.state: State = rule.start(self.theta)
        self.count = 0
        self.batch_size = batch_size if batch_size and batch_size < problem.points else None
        self.generator = generator or torch.Generator().manual_seed(0)
        self.order: Tensor | None = None if self.batch_size is None else torch.empty(0).long()

    def step(self) -> None:
        """One step of the optimizer, on the next batch; all rates see the same batch."""
        rows = None if self.order is None else self._rows()
        gradient = self.problem.gradients(self.theta, rows)
        self.count += 1
        self.rule.step(self.theta, gradient, self.lr, self.state, self.count)

    def _rows(self) -> Tensor:
        import torch

        assert self.order is not None  # noqa: S101 - asked by step
        if not len(self.order):
            self.order = torch.randperm(self.problem.points, generator=self.generator)
        rows, self.order = self.order[: self.batch_size], self.order[self.batch_size :]
        return rows


def descend(
    x: Numbers,
    y: Numbers,
    *,
    lr: float | Sequence[float] | Tensor,
    steps: int = 1000,
    model: Model = "line",
    degree: int = 2,
    loss: Loss = "squared",
    delta: float = 1.0,
    standardize: bool = False,
    optimizer: RuleName | Rule = "gradient_descent",
    start: Sequence[float] | None = None,
    batch_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Path:
    """Descend the mean loss from one start, with one learning rate or many at once.

    Args:
        x: Inputs, n numbers.
        y: Targets, n numbers.
        lr: One learning rate, or k of them.
        steps: Optimizer steps.
        model: ``origin`` (y = wx), ``line`` (y = wx + b) or ``polynomial``.
        degree: Of the polynomial, 1 to 8.
        loss: ``squared`` (the mean of (y − ŷ)²), ``absolute`` or ``huber``.
        delta: Where Huber turns straight, in units of y.
        standardize: Bring x to mean 0 and deviation 1 first.
        optimizer: A name, or a ``Rule`` with its settings.
        start: The d parameters to start from; zeros by default.
        batch_size: Points a step; None for all. Each epoch goes through the points once in a new
            random order, the last batch being what is left.
        generator: Draws those orders; one seeded with 0 by default.

    Returns:
        ``w``, ``b`` and ``loss`` of shape (steps + 1, k), or (steps + 1,) for one rate.

    Raises:
        DataError: (a ValueError) if the data cannot be used.
        ValueError: For a setting out of range, or a path that would not fit into memory.

    Example:
        >>> import mlcore
        >>> x, y = [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]
        >>> path = mlcore.regression.descend(x, y, lr=0.1, steps=500)
        >>> print(path.w.shape, round(path.w[-1].item(), 3), round(path.b[-1].item(), 3))
        torch.Size([501]) 2.0 1.0
    """
    problem = Problem.of(
        x, y, model=model, degree=degree, loss=loss, delta=delta, standardize=standardize
    )
    return descend_on(
        problem,
        lr=lr,
        steps=steps,
        optimizer=optimizer,
        start=start,
        batch_size=batch_size,
        generator=generator,
    )


def descend_on(
    problem: Problem,
    *,
    lr: float | Sequence[float] | Tensor,
    steps: int = 1000,
    optimizer: RuleName | Rule = "gradient_descent",
    start: Sequence[float] | None = None,
    batch_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Path:
    """``descend`` for a ``Problem``; see there.

    Example:
        >>> import mlcore
        >>> problem = mlcore.regression.problem_of(mlcore.RegressionConfig())
        >>> path = mlcore.regression.descend_on(problem, lr=[1e-5, 1e-4], steps=10)
        >>> print(path.loss.shape)
        torch.Size([11, 2])
    """
    import torch

    rates = torch.as_tensor(lr, dtype=torch.float64)
    rule = optimizer if isinstance(optimizer, Rule) else Rule(optimizer)
    if steps < 0:
        raise ValueError(f"steps is {steps}, but must be from 0 up.")
    if rates.ndim > 1:
        raise ValueError(f"lr has the shape {tuple(rates.shape)}, but must be a number or vector.")
    size = (steps + 1) * len(problem.names) * rates.numel()
    if size > _MOST_NUMBERS:
        raise ValueError(
            f"{steps:,} steps for {rates.numel():,} rates are {size:,} numbers to keep; "
            f"at most {_MOST_NUMBERS:,} fit. Take fewer steps or rates."
        )
    descent = Descent(problem, rule, rates, start, batch_size, generator)
    theta = torch.empty(steps + 1, *descent.theta.shape, dtype=torch.float64)
    theta[0] = descent.theta
    for row in theta[1:].unbind():
        descent.step()
        row.copy_(descent.theta)
    path_loss = problem.losses(theta)
    if rates.ndim == 0:
        return Path(theta[..., 0], path_loss[..., 0], rates, problem.names)
    return Path(theta, path_loss, rates, problem.names)
