"""The fitted regression model as a torch module, as ``Run.model()`` returns it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mlcore.regression.problem import Model, Problem


class RegressionModule(nn.Module):
    """y = w1 z + w2 z² + … + b with z = (x − mean) / deviation, in float64.

    Attributes:
        theta: The d parameters, shape (d,), in the order of ``Problem.names``.
        mean: What is taken off x before the model sees it; 0 unless standardized.
        deviation: What it is divided by then; 1 unless standardized.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Model = "line", degree: int = 2) -> None:
        super().__init__()
        self.top = degree if model == "polynomial" else 1
        self.intercept = model != "origin"
        size = self.top + self.intercept
        self.theta = nn.Parameter(torch.zeros(size, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("deviation", torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Predictions at raw x.

        Args:
            x: Shape (n,).

        Returns:
            Shape (n,).
        """
        z = (x.double() - self.mean) / self.deviation
        columns = [z**power for power in range(1, self.top + 1)]
        if self.intercept:
            columns.append(torch.ones_like(z))
        return torch.stack(columns, -1) @ self.theta


def state_of(problem: Problem, theta: Tensor) -> dict[str, Tensor]:
    """The ``state_dict`` of a module that predicts with these parameters, shape (d,)."""
    return {
        "theta": theta.clone(),
        "mean": torch.tensor(problem.scaling.mean, dtype=torch.float64),
        "deviation": torch.tensor(problem.scaling.deviation, dtype=torch.float64),
    }
