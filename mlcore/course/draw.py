"""Tasks of the chapter on drawn digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlcore.course.task import Task


@dataclass(frozen=True, slots=True)
class State:
    """The networks' predictions for the digit on the sheet.

    Attributes:
        own: Whether the learner drew or photographed it.
        answers: Of each network the most probable class and its probability.
    """

    own: bool
    answers: Sequence[tuple[str, float]]


def _seven(state: State) -> bool:
    return state.own and any(name == "7" for name, _ in state.answers)


def _sure(state: State) -> bool:
    return state.own and any(share >= 0.99 for _, share in state.answers)


def _unsure(state: State) -> bool:
    return state.own and any(share < 0.5 for _, share in state.answers)


def _differ(state: State) -> bool:
    return state.own and len({name for name, _ in state.answers}) >= 2


TASKS: Final = (
    Task(
        "seven",
        "Draw a 7 that a network reads as 7.",
        "The drawing is centred and scaled like the digits that the network was trained on.",
        _seven,
    ),
    Task(
        "sure",
        "Draw a digit that a network reads with 99 % or more.",
        "A high probability means that the drawing looks like one class more than like any other.",
        _sure,
    ),
    Task(
        "unsure",
        "Draw something for which no class gets half of the probability.",
        "The probabilities always sum to 1, even for something that is not a digit.",
        _unsure,
    ),
    Task(
        "differ",
        "Draw a digit for which two networks predict different classes.",
        "Networks with the same accuracy can err on different drawings.",
        _differ,
    ),
)
