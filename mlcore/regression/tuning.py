"""Searches the learning rate at which each optimizer reaches a minimum in the fewest calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlcore.regression.rules import Rule
from mlcore.regression.surfaces import Surface

if TYPE_CHECKING:
    from torch import Tensor

RATES = 200
LOWEST, HIGHEST = 1e-5, 1e2
"""The ends of the rates that are tried; one is 8.4 % above the one before."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of the search for one optimizer.

    Attributes:
        rate: The best of the rates: the fewest gradient calls to a minimum, then the lowest f.
        calls: Gradient calls until it is at a minimum to stay, or None if no rate gets to one.
        arrived: How many of the rates get to a minimum.
    """

    rate: float
    calls: int | None
    arrived: int


def tune(
    surface: Surface,
    start: tuple[float, float],
    rules: Sequence[Rule],
    steps: int,
    rates: Sequence[float] | None = None,
) -> tuple[Tuned, ...]:
    """Run every rule at every rate, all in one gradient call per step.

    Args:
        surface: Where.
        start: (x, y), the same for all.
        rules: The optimizers, each making one gradient call a step.
        steps: How many steps each takes.
        rates: What to try; 200 from 1e-5 to 100, evenly on a log scale, by default.

    Returns:
        The best rate of each rule, in their order. A rate counts as arrived as in ``race``: its
        path comes within ``surface.reach`` of a minimum and stays to the end.

    Example:
        >>> import mlcore
        >>> from mlcore.regression import Rule, surface, tune
        >>> bowl = surface("quadratic", condition=10)
        >>> best = tune(bowl, bowl.start, [Rule("gradient_descent")], steps=50, rates=[0.01, 0.1])
        >>> print(best[0].rate)
        0.1
    """
    import torch

    tried = (
        torch.logspace(-5, 2, RATES, dtype=torch.float64)
        if rates is None
        else torch.tensor(rates, dtype=torch.float64)
    )
    k = len(tried)
    now = torch.tensor(start, dtype=torch.float64)[:, None].repeat(1, k * len(rules))
    parts = [now[:, i * k : (i + 1) * k] for i in range(len(rules))]  # views: worked on in place
    states = [rule.start(part) for rule, part in zip(rules, parts, strict=True)]
    goals = torch.tensor([[m.x, m.y] for m in surface.minima], dtype=torch.float64)
    away = torch.zeros(len(goals), now.shape[1], dtype=torch.long)
    for count in range(1, steps + 1):
        gradient = surface.gradient(now)
        for i, rule in enumerate(rules):
            slope = gradient[:, i * k : (i + 1) * k].clone()
            rule.step(parts[i], slope, tried, states[i], count)
        away[~_near(surface, goals, now)] = count
    # an arrival is the step after the last one away; what is away at the end has not arrived
    calls = (away + 1).where(_near(surface, goals, now), steps + 1).amin(0)
    values = surface.value(now).nan_to_num(nan=torch.inf)
    return tuple(
        _best(tried, calls[i * k : (i + 1) * k], values[i * k : (i + 1) * k], steps)
        for i in range(len(rules))
    )


def _near(surface: Surface, goals: Tensor, points: Tensor) -> Tensor:
    """Whether each point is within reach of each minimum, shape (minima, points)."""
    off = points[None] - goals[:, :, None]
    return off[:, 0].hypot(off[:, 1]) <= surface.reach


def _best(rates: Tensor, calls: Tensor, values: Tensor, steps: int) -> Tuned:
    arrived = calls <= steps
    if not bool(arrived.any()):
        return Tuned(float(rates[int(values.argmin())]), None, 0)
    fewest = int(calls.min())
    among = (calls == fewest).nonzero()[:, 0]
    best = int(among[int(values[among].argmin())])
    return Tuned(float(rates[best]), fewest, int(arrived.sum()))
