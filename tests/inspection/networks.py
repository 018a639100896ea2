"""Networks whose curvature or state is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Quadratic(nn.Module):
    """The loss ½ wᵀHw with H = Q diag(eigenvalues) Qᵀ and a drawn Q; it takes any input."""

    def __init__(self, eigenvalues: list[float], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        count = len(eigenvalues)
        drawn = torch.randn(count, count, generator=generator, dtype=torch.float64)
        q, _ = torch.linalg.qr(drawn)
        self.hessian = q @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ q.T
        self.w = nn.Parameter(torch.randn(count, generator=generator, dtype=torch.float64))

    def forward(self, _: Tensor) -> Tensor:
        """½ wᵀHw."""
        return torch.dot(self.w, self.hessian @ self.w) / 2


def as_it_is(output: Tensor, _: Tensor) -> Tensor:
    """The loss of ``Quadratic``: its output."""
    return output


NOTHING = [(torch.zeros(1), torch.zeros(1))]
"""Data for ``Quadratic``."""


def batches(seed: int = 0, count: int = 3, size: int = 16) -> list[tuple[Tensor, Tensor]]:
    """Inputs float32 ``[size, 6]`` and labels of 3 classes."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(size, 6, generator=generator),
            torch.randint(3, (size,), generator=generator),
        )
        for _ in range(count)
    ]


def stateful() -> nn.Sequential:
    """BatchNorm, dropout, a frozen layer, and one in eval mode."""
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(8, 8),
        nn.Linear(8, 3),
    )
    model[4].requires_grad_(False)
    model[2].eval()
    return model
