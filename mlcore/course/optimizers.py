"""Tasks of the optimizer race."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.regression.racing import Race, Result

_PLAIN: Final = "gradient descent"


@dataclass(frozen=True, slots=True)
class State:
    """A race that was run.

    Attributes:
        race: The race; its optimizers have their names on the page.
        condition: Condition number of a quadratic surface, else None.
    """

    race: Race
    condition: float | None = None


def _result(state: State, name: str) -> Result | None:
    return next((result for result in state.race.results if result.name == name), None)


def _diverge(state: State) -> bool:
    plain = _result(state, _PLAIN)
    if plain is None:
        return False
    start = float(state.race.values[0, state.race.names.index(_PLAIN)])
    return not math.isfinite(plain.value) or plain.value > 1000 * max(1.0, abs(start))


def _minima(state: State) -> bool:
    return len({result.minimum for result in state.race.results if result.minimum}) >= 3


def _valley(state: State) -> bool:
    plain = _result(state, _PLAIN)
    rosenbrock = state.race.surface.name.casefold().startswith("rosenbrock")
    return rosenbrock and plain is not None and plain.minimum is not None


def _momentum(state: State) -> bool:
    plain, momentum = _result(state, _PLAIN), _result(state, "momentum")
    if state.condition is None or state.condition < 100 or plain is None or momentum is None:
        return False
    if plain.calls is None or momentum.calls is None:
        return False
    return momentum.calls <= plain.calls / 2


TASKS: Final = (
    Task(
        "diverge",
        "Make gradient descent diverge.",
        "Above a certain rate every step overshoots more than the last one.",
        _diverge,
        "Set the rates under Learning rates.",
    ),
    Task(
        "minima",
        "Find a start from which the optimizers end in three different minima.",
        "Where several valleys meet, the optimizer and its rate decide which one is reached.",
        _minima,
        "Click around on Himmelblau: it has four minima.",
    ),
    Task(
        "valley",
        "Get gradient descent to the minimum of Rosenbrock.",
        "Along the floor of a curved valley the gradient is tiny, and it takes thousands of steps.",
        _valley,
    ),
    Task(
        "momentum",
        "On a quadratic with κ of at least 100, get momentum to need half the calls of gradient "
        "descent.",
        "With condition number κ, gradient descent needs about κ steps, momentum about √κ.",
        _momentum,
    ),
)
