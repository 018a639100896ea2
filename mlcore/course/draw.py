"""Tasks of the chapter on drawn digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlcore.course.task import Task


@dataclass(frozen=True, slots=True)
class State:
    """What networks say of the digit on the sheet.

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
        "The drawing is centred and scaled as the digits were that the network learned from.",
        _seven,
    ),
    Task(
        "sure",
        "Draw a digit that a network reads with 99 % or more.",
        "A high probability says that the drawing looks like one class more than any other.",
        _sure,
    ),
    Task(
        "unsure",
        "Draw something of which no class gets half of the probability.",
        "The probabilities always sum to 1, even for what is no digit at all.",
        _unsure,
    ),
    Task(
        "differ",
        "Draw a digit on which two networks disagree.",
        "Networks with the same accuracy can err on different drawings.",
        _differ,
    ),
)
