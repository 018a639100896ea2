"""Tasks of the chapter on activations and losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.layers import Activated
    from mlcore.layers.activations import Chained, UnitActivity
    from mlcore.layers.losses import LogitLoss, LossName
    from mlcore.layers.names import Activation


@dataclass(frozen=True, slots=True)
class State:
    """What the open tab shows, by name of the function or loss.

    Attributes:
        points: Each function at the chosen x.
        chains: Each function through a chain of layers.
        units: Of each function, how many units still learn.
        losses: Each loss of the logits.
    """

    points: Mapping[Activation, Activated] = field(default_factory=dict)
    chains: Mapping[Activation, Chained] = field(default_factory=dict)
    units: Mapping[Activation, UnitActivity] = field(default_factory=dict)
    losses: Mapping[LossName, LogitLoss] = field(default_factory=dict)


def _flat(state: State) -> bool:
    point = state.points.get("sigmoid")
    return point is not None and float(point.slope.max()) < 0.01


def _chain(state: State) -> bool:
    chained = state.chains.get("tanh")
    if chained is None or len(chained.gradients) <= 20:
        return False
    return 0.5 <= abs(float(chained.gradients[0, 0])) <= 2


def _dead(state: State) -> bool:
    return "relu" in state.units and state.units["relu"].dead_units > 0.5


def _sure(state: State) -> bool:
    loss = state.losses.get("cross_entropy")
    return loss is not None and float(loss.value.max()) < 0.01


TASKS: Final = (
    Task(
        "flat",
        "On Functions, move x to where the slope of the sigmoid is below 0.01.",
        "Far from 0 the sigmoid is flat, and almost no gradient passes: it is saturated.",
        _flat,
    ),
    Task(
        "chain",
        "On Chain, get a gradient between 0.5 and 2 through 20 layers of tanh.",
        "The factors w·f′ multiply, so a gradient survives only where they stay close to 1.",
        _chain,
    ),
    Task(
        "dead",
        "On Dead units, make more than half of the ReLU units dead.",
        "A ReLU that is negative for every input has slope 0 everywhere and stops learning.",
        _dead,
    ),
    Task(
        "sure",
        "On Losses, bring the cross-entropy below 0.01.",
        "The loss is −log of the true class's probability: below 0.01 it is above 99 %.",
        _sure,
    ),
)
