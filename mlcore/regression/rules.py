"""The update rules of six optimizers in plain torch; each column of θ has its own rate.

Every rule takes the step that the class of ``torch.optim`` named in its docstring takes with the
same settings; the tests hold the two together step for step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

RuleName = Literal["gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
RULE_NAMES: tuple[RuleName, ...] = (
    "gradient_descent",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
)

State = dict[str, "Tensor"]
"""An optimizer's memory by name, each of θ's shape, changed in place."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An optimizer without its learning rate; defaults are those of ``torch.optim``.

    Attributes:
        name: One of ``RULE_NAMES``.
        momentum: μ of momentum and Nesterov, 0 to below 1.
        beta1: Adam's decay of the mean gradient.
        beta2: Adam's decay of the mean squared gradient.
        alpha: RMSprop's decay of the mean squared gradient.
        eps: Added to the root in the denominator; None for the optimizer's own default
            (1e-10 for Adagrad, 1e-8 for RMSprop and Adam).
    """

    name: RuleName = "gradient_descent"
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    alpha: float = 0.99
    eps: float | None = None

    def __post_init__(self) -> None:
        if self.name not in RULE_NAMES:
            raise ValueError(
                f"The optimizer is {self.name!r}, but must be one of {', '.join(RULE_NAMES)}."
            )
        for field in ("momentum", "beta1", "beta2", "alpha"):
            value = getattr(self, field)
            if not 0 <= value < 1:
                raise ValueError(f"{field} is {value!r}, but must be from 0 to below 1.")

    def start(self, theta: Tensor) -> State:
        """The optimizer's state before the first step."""
        import torch

        return {name: torch.zeros_like(theta) for name in _MEMORY[self.name]}

    def step(self, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, count: int) -> None:
        """Update θ by one step, in place.

        Args:
            theta: Parameters, shape (d, k).
            gradient: Of the loss, same shape. It may be overwritten.
            lr: Learning rate of each column, shape (k,) or (1,).
            state: As ``start`` gave it; changed in place.
            count: Which step this is, from 1.
        """
        _STEPS[self.name](self, theta, gradient, lr, state, count)


def _gradient_descent(
    _rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, _state: State, _count: int
) -> None:
    """``torch.optim.SGD``: θ ← θ − η g."""
    theta.addcmul_(lr, gradient, value=-1)


def _momentum(
    rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, _count: int
) -> None:
    """``SGD(momentum=μ)``: v ← μ v + g, θ ← θ − η v (Polyak 1964)."""
    theta.addcmul_(lr, state["velocity"].mul_(rule.momentum).add_(gradient), value=-1)


def _nesterov(
    rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, _count: int
) -> None:
    """``SGD(momentum=μ, nesterov=True)``: v ← μ v + g, θ ← θ − η (g + μ v)."""
    velocity = state["velocity"].mul_(rule.momentum).add_(gradient)
    theta.addcmul_(lr, gradient.add_(velocity, alpha=rule.momentum), value=-1)


def _adagrad(
    rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, _count: int
) -> None:
    """``Adagrad``: s ← s + g², θ ← θ − η g / (√s + ε) (Duchi, Hazan & Singer 2011)."""
    total = state["square"].addcmul_(gradient, gradient)
    root = total.sqrt().add_(1e-10 if rule.eps is None else rule.eps)
    theta.addcmul_(lr, gradient.div_(root), value=-1)


def _rmsprop(
    rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, _count: int
) -> None:
    """``RMSprop``: s ← α s + (1 − α) g², θ ← θ − η g / (√s + ε) (Hinton 2012)."""
    mean = state["square"].mul_(rule.alpha).addcmul_(gradient, gradient, value=1 - rule.alpha)
    root = mean.sqrt().add_(1e-8 if rule.eps is None else rule.eps)
    theta.addcmul_(lr, gradient.div_(root), value=-1)


def _adam(
    rule: Rule, theta: Tensor, gradient: Tensor, lr: Tensor, state: State, count: int
) -> None:
    """``Adam``: bias-corrected means m of g and s of g² (Kingma & Ba 2015)."""
    mean = state["mean"].lerp_(gradient, 1 - rule.beta1)
    square = state["square"].mul_(rule.beta2).addcmul_(gradient, gradient, value=1 - rule.beta2)
    root = square.sqrt().div_((1 - rule.beta2**count) ** 0.5)
    root.add_(1e-8 if rule.eps is None else rule.eps)
    theta.addcmul_(lr, mean / root, value=-1 / (1 - rule.beta1**count))


_MEMORY: dict[str, tuple[str, ...]] = {
    "gradient_descent": (),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "adagrad": ("square",),
    "rmsprop": ("square",),
    "adam": ("mean", "square"),
}
_STEPS: dict[str, Callable[..., None]] = {
    "gradient_descent": _gradient_descent,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
}
