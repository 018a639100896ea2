"""The objectives of a sweep: one or two metrics, each to be maximized or minimized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mlcore.core import Config, InputError

Direction: TypeAlias = Literal["maximize", "minimize"]

MOST_OBJECTIVES = 2
_LARGE_IS_GOOD = ("accuracy", "samples_per_second")
_SMALL_IS_GOOD = ("loss", "error")


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric and its direction.

    Attributes:
        metric: Name of a metric that the experiment's runs log; its last value counts.
        direction: ``maximize`` or ``minimize``.
    """

    metric: str
    direction: Direction

    def better(self, a: float, b: float) -> bool:
        """Whether ``a`` is strictly better than ``b``."""
        return a > b if self.direction == "maximize" else a < b


def objectives_for(
    config: Config,
    metrics: str | Sequence[str],
    directions: str | Sequence[str] | None = None,
) -> tuple[Objective, ...]:
    """Check one or two objectives.

    Args:
        config: Whose runs log them.
        metrics: A metric's name, or two.
        directions: ``maximize`` or ``minimize``, one a metric. By default accuracies are to be
            large, losses and errors small.

    Raises:
        ValueError: For a metric no run of this config logs, the same one twice, more than two,
            or a direction that is missing or unknown.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    ways = [directions] if isinstance(directions, str) else list(directions or [])
    if not 1 <= len(names) <= MOST_OBJECTIVES or len(set(names)) < len(names):
        raise InputError(f"The objectives are {names}, but must be one metric or two of them.")
    known = config.metric_names()
    for name in names:
        if known and name not in known:
            raise InputError(
                f"The objective is {name!r}, but no run of {config.experiment} logs it; they log "
                f"{', '.join(known)}."
            )
    if ways and len(ways) != len(names):
        raise InputError(f"There are {len(names)} objectives, but {len(ways)} directions: {ways}.")
    return tuple(
        Objective(name, _direction(name, ways[place] if ways else None))
        for place, name in enumerate(names)
    )


def usual_direction(metric: str) -> Direction | None:
    """The direction suggested by the metric's name; None if it suggests none."""
    if any(part in metric for part in _LARGE_IS_GOOD):
        return "maximize"
    return "minimize" if any(part in metric for part in _SMALL_IS_GOOD) else None


def _direction(metric: str, given: str | None) -> Direction:
    if given is None:
        if (usual := usual_direction(metric)) is not None:
            return usual
        raise InputError(
            f"Should {metric} be large or small? Give direction='maximize' or 'minimize'."
        )
    full = {"max": "maximize", "min": "minimize"}.get(given, given)
    for direction in get_args(Direction):
        if full == direction:
            found: Direction = direction
            return found
    raise InputError(f"The direction is {given!r}, but must be 'maximize' or 'minimize'.")
