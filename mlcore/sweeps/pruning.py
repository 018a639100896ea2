"""Pruning: ends poor runs early, at fixed rungs only, so that it is reproducible."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from mlcore.core import InputError
from mlcore.sweeps.objectives import Objective

Rule: TypeAlias = Literal["median", "halving"]

DEFAULT_RUNGS: dict[Rule, tuple[float, ...]] = {"median": (0.25, 0.5), "halving": (1 / 9, 1 / 3)}
MEDIAN_NEEDS = 4
"""Values at a rung before the median rule ends any run."""
HALVING_KEEPS = 3
"""Successive halving lets one of so many go on."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """When and by which rule runs are pruned.

    - ``median``: a run ends when its value at a rung is worse than the median of all values seen
      at that rung so far, once there are four (Golovin et al., "Google Vizier", 2017).
    - ``halving``: a run goes on if it is among the best ⌈m/3⌉ of the m values seen at that rung so
      far (asynchronous successive halving: Li et al., "A System for Massively Parallel
      Hyperparameter Tuning", 2020).

    Attributes:
        rule: ``median`` or ``halving``.
        rungs: Shares of a run's steps, between 0 and 1, at which it is judged, in order.
    """

    rule: Rule
    rungs: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise InputError(f"The pruning rule is {self.rule!r}, but must be median or halving.")
        rising = all(a < b for a, b in zip(self.rungs, self.rungs[1:], strict=False))
        if not self.rungs or not rising or not all(0 < rung < 1 for rung in self.rungs):
            raise InputError(
                f"The rungs are {self.rungs}, but must be shares of a run between 0 and 1, in "
                "rising order, such as 0.25,0.5."
            )

    def text(self) -> str:
        """As ``parse_pruning`` reads it: ``median@0.25,0.5``."""
        return f"{self.rule}@" + ",".join(map(repr, self.rungs))


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a run at a rung, and the numbers behind it.

    Attributes:
        rung: The share of its steps at which it was judged.
        step: The step whose value was judged: the first with a value at the rung or after it.
        value: The objective there.
        threshold: The value it had to reach.
        seen: How many values had been seen at this rung, its own included.
        kept: Whether the run went on.
    """

    rung: float
    step: int
    value: float
    threshold: float
    seen: int
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold."""
        return asdict(self)


def parse_pruning(given: Pruning | str | None) -> Pruning | None:
    """Parse ``median``, ``halving@0.1,0.3`` or an empty text.

    Raises:
        ValueError: If it is nothing of these.
    """
    if given is None or isinstance(given, Pruning):
        return given
    rule, _, rungs = given.partition("@")
    for known in get_args(Rule):
        if rule == known:
            try:
                at = tuple(float(part) for part in rungs.split(",")) if rungs else None
            except ValueError:
                raise InputError(
                    f"The rungs are {rungs!r}, but must be numbers such as 0.25,0.5."
                ) from None
            return Pruning(known, at or DEFAULT_RUNGS[known])
    raise InputError(f"Pruning is {given!r}, but must be median or halving, as in median@0.25,0.5.")


def judge(
    pruning: Pruning,
    objective: Objective,
    rung: float,
    step: int,
    value: float,
    others: Sequence[float],
) -> Decision:
    """Decide whether one run is pruned at one rung.

    Args:
        pruning: The rule.
        objective: Says which values are better.
        rung: Where it is judged.
        step: The step whose value this is.
        value: The run's value; what is no finite number is worse than all others.
        others: What other runs had at this rung, those judged before included.
    """
    worst = -math.inf if objective.direction == "maximize" else math.inf
    all_values = [one if math.isfinite(one) else worst for one in (value, *others)]
    own, seen = all_values[0], len(all_values)
    if pruning.rule == "median":
        threshold = statistics.median(all_values) if seen >= MEDIAN_NEEDS else worst
    else:
        best_first = sorted(all_values, reverse=objective.direction == "maximize")
        threshold = best_first[math.ceil(seen / HALVING_KEEPS) - 1] if seen > 1 else worst
    kept = not objective.better(threshold, own)
    return Decision(rung, step, value, threshold, seen, kept)
