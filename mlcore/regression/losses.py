"""The squared, absolute and Huber loss as functions of the residual, and their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Loss = Literal["squared", "absolute", "huber"]
LOSSES: tuple[Loss, ...] = ("squared", "absolute", "huber")


def loss_of(residual: Tensor, loss: Loss, delta: float = 1.0) -> Tensor:
    """The loss of each residual r = prediction − y, before the mean is taken.

    ``squared`` is r² (the course's error is its mean, as in ``torch.nn.MSELoss``), ``absolute``
    is abs(r) (``L1Loss``), ``huber`` is r²/2 up to ``delta`` and delta (abs(r) − delta/2) beyond
    (``HuberLoss``).

    Args:
        residual: Any shape, in units of y.
        loss: One of ``LOSSES``.
        delta: Where Huber turns from square to straight, in units of y.
    """
    if loss == "squared":
        return residual * residual
    size = residual.abs()
    if loss == "absolute":
        return size
    return (0.5 * residual * residual).where(size <= delta, delta * (size - 0.5 * delta))


def slope_of(residual: Tensor, loss: Loss, delta: float = 1.0) -> Tensor:
    """The derivative of ``loss_of`` by the residual; 0 at the kink of the absolute loss."""
    if loss == "squared":
        return 2.0 * residual
    if loss == "absolute":
        return residual.sign()
    return residual.clamp(-delta, delta)


def curvature_of(loss: Loss) -> float:
    """The largest second derivative of ``loss_of`` by the residual; 0 where it has none."""
    return {"squared": 2.0, "absolute": 0.0, "huber": 1.0}[loss]
