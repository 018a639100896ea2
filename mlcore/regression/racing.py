"""Races of optimizers: one surface, one start, equal steps, counted gradient calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlcore.regression.rules import RULE_NAMES, Rule
from mlcore.regression.surfaces import Surface, SurfaceName, surface

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MOST_RACERS = 8


@dataclass(frozen=True, slots=True)
class Racer:
    """An optimizer with its learning rate."""

    rule: Rule
    lr: float


TorchFactory: TypeAlias = "Callable[[Iterable[Tensor]], torch.optim.Optimizer]"
"""Makes any ``torch.optim`` optimizer: ``functools.partial(torch.optim.LBFGS, lr=0.1)``."""


@dataclass(frozen=True, slots=True)
class Result:
    """One optimizer's result in a race.

    Attributes:
        name: Its name in the race.
        minimum: Name of the minimum it ended at, or None.
        calls: Gradient calls until it was there to stay, or None.
        gradient_calls: Gradient calls in all.
        value: f at its last point; infinite if it left the range of float64.
        end: Its last point.
    """

    name: str
    minimum: str | None
    calls: int | None
    gradient_calls: int
    value: float
    end: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """A finished race.

    Attributes:
        surface: Where.
        names: The k optimizers.
        points: Where each was after each step, shape (steps + 1, 2, k).
        values: f there, shape (steps + 1, k); infinite beyond float64.
        calls: Gradient calls each had made by then, shape (steps + 1, k).
        results: How each did, in the order of ``names``.
    """

    surface: Surface
    names: tuple[str, ...]
    points: Tensor
    values: Tensor
    calls: Tensor
    results: tuple[Result, ...]


def race(
    surface: SurfaceName | Surface = "himmelblau",
    start: tuple[float, float] | None = None,
    optimizers: Mapping[str, Racer | float | TorchFactory] | None = None,
    steps: int = 2000,
    condition: float = 100.0,
) -> Race:
    """Run up to eight optimizers on a surface from the same start for the same steps.

    Args:
        surface: A name, or a surface (``regression_surface`` makes one of your data).
        start: (x, y); the surface's own by default.
        optimizers: Name → a ``Racer``; or a rate, where the name is one of ``RULE_NAMES``; or a
            function that makes a ``torch.optim`` optimizer of parameters. By default the six
            rules at 0.01.
        steps: Optimizer steps each may take. One step is one gradient call, except for those of
            ``torch.optim`` that ask for more (LBFGS), which are counted as they call.
        condition: Of the quadratic.

    Raises:
        ValueError: For no or too many optimizers, an unknown name, a rate not above 0, or a
            start that is no finite point.

    Example:
        >>> import mlcore
        >>> rates = {"adam": 0.1, "momentum": 0.01}
        >>> race = mlcore.regression.race("himmelblau", optimizers=rates, steps=300)
        >>> print(race.names, [result.minimum is not None for result in race.results])
        ('adam', 'momentum') [True, True]
    """
    import torch

    ground = surface if isinstance(surface, Surface) else _surface(surface, condition)
    at = torch.tensor(ground.start if start is None else start, dtype=torch.float64)
    if at.shape != (2,) or not bool(at.isfinite().all()):
        raise ValueError(f"start is {start!r}, but must be two finite numbers.")
    entered = dict(optimizers) if optimizers is not None else dict.fromkeys(RULE_NAMES, 0.01)
    if not 1 <= len(entered) <= MOST_RACERS:
        raise ValueError(f"{len(entered)} optimizers cannot race; take 1 to {MOST_RACERS}.")
    if not 1 <= steps <= 1_000_000:
        raise ValueError(f"steps is {steps}, but must be from 1 to 1,000,000.")
    names = tuple(entered)
    points = torch.empty(steps + 1, 2, len(names), dtype=torch.float64)
    calls = torch.arange(steps + 1)[:, None].repeat(1, len(names))
    ours: dict[int, Racer] = {}
    for k, (name, entry) in enumerate(entered.items()):
        if isinstance(entry, Racer):
            ours[k] = entry
        elif isinstance(entry, (int, float)):
            ours[k] = Racer(_rule(name), float(entry))
        else:
            points[..., k], calls[:, k] = _run_torch(ground, at, entry, steps)
    for k, racer in ours.items():
        if not racer.lr > 0:
            raise ValueError(f"The rate of {names[k]!r} is {racer.lr!r}, but must be above 0.")
    if ours:
        points[..., list(ours)] = _run_rules(ground, at, list(ours.values()), steps)
    values = ground.value(points.movedim(1, 0)).nan_to_num_(nan=torch.inf, posinf=torch.inf)
    results = tuple(_result(ground, n, points[..., k], calls[:, k]) for k, n in enumerate(names))
    return Race(ground, names, points, values, calls, results)


def _surface(name: SurfaceName, condition: float) -> Surface:
    return surface(name, condition)


def _rule(name: str) -> Rule:
    known = {rule: rule for rule in RULE_NAMES}
    if name not in known:
        raise ValueError(
            f"A rate alone is enough for {', '.join(RULE_NAMES)}; for {name!r} give a Racer or a "
            "function that makes a torch optimizer."
        )
    return Rule(known[name])


def _run_rules(ground: Surface, start: Tensor, racers: list[Racer], steps: int) -> Tensor:
    """All rules of mlcore in one autograd call per step, shape (steps+1, 2, k)."""
    import torch

    now = start[:, None].repeat(1, len(racers))
    out = torch.empty(steps + 1, 2, len(racers), dtype=torch.float64)
    out[0] = now
    columns = [now[:, k : k + 1] for k in range(len(racers))]  # views: the rules work in place
    states = [racer.rule.start(column) for racer, column in zip(racers, columns, strict=True)]
    rates = [torch.tensor([racer.lr], dtype=torch.float64) for racer in racers]
    for count in range(1, steps + 1):
        gradient = ground.gradient(now)
        for k, racer in enumerate(racers):
            racer.rule.step(columns[k], gradient[:, k : k + 1], rates[k], states[k], count)
        out[count] = now
    return out


def _run_torch(
    ground: Surface, start: Tensor, factory: TorchFactory, steps: int
) -> tuple[Tensor, Tensor]:
    """One ``torch.optim`` optimizer: its points (steps + 1, 2) and gradient calls (steps + 1,)."""
    import torch

    leaf = start.clone().requires_grad_()
    optimizer = factory([leaf])
    made = 0

    def closure() -> float:
        nonlocal made
        made += 1
        optimizer.zero_grad()
        value = ground.function(leaf[0], leaf[1])
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    points, calls = [start.clone()], [0]
    for _ in range(steps):
        optimizer.step(closure)
        points.append(leaf.detach().clone())
        calls.append(made)
    return torch.stack(points), torch.tensor(calls)


def _result(ground: Surface, name: str, points: Tensor, calls: Tensor) -> Result:
    """The last point, and the step from which the path stays within reach of its minimum."""
    x, y = points[-1].tolist()
    value = float(ground.value(points[-1:].T))
    found: tuple[str | None, int | None] = (None, None)
    for minimum in ground.minima:
        near = (points[:, 0] - minimum.x).hypot(points[:, 1] - minimum.y) <= ground.reach
        if bool(near[-1]):
            away = (~near).nonzero()
            first = int(away[-1]) + 1 if len(away) else 0
            found = (minimum.name, int(calls[first]))
    finite = value if math.isfinite(value) else math.inf
    return Result(name, found[0], found[1], int(calls[-1]), finite, (x, y))
