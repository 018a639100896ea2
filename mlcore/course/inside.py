"""Tasks of the chapter on the inside of a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.mnist.insight import Examination

PAIRS: Final = 3
"""Finished pairs that an experiment needs before its difference says something."""


@dataclass(frozen=True, slots=True)
class State:
    """What the open tab shows.

    Attributes:
        examination: What the network says of all test images, where the matrix is shown.
        cell: The cell of the matrix that was clicked, as true class and answer.
        own_maps: Whether the feature maps of a digit of the learner's own are shown.
        varied: The config field in which the two arms of an experiment differ.
        pairs: Its pairs of runs that have finished.
    """

    examination: Examination | None = None
    cell: tuple[int, int] | None = None
    own_maps: bool = False
    varied: str = ""
    pairs: int = 0


def _worst(state: State) -> bool:
    if state.examination is None or state.cell is None:
        return False
    counts = state.examination.confusion().copy()
    for label in range(len(counts)):
        counts[label, label] = 0
    return bool(counts[state.cell] == counts.max() > 0)


def _maps(state: State) -> bool:
    return state.own_maps


def _losses(state: State) -> bool:
    return state.varied == "loss" and state.pairs >= PAIRS


def _relu(state: State) -> bool:
    return state.varied == "activation" and state.pairs >= PAIRS


TASKS: Final = (
    Task(
        "worst",
        "On Where it errs, click the mistake that the network makes most often.",
        "Mistakes are not spread evenly: most are between a few pairs of digits that look alike.",
        _worst,
    ),
    Task(
        "maps",
        "On Matrices, show the feature maps of a digit that you drew.",
        "Each unit responds to one pattern of strokes, wherever it is in your digit.",
        _maps,
        "Draw one on the page Draw a digit; then it appears in the list of digits.",
    ),
    Task(
        "losses",
        "On Two losses, train three pairs of networks.",
        "The arms of a pair start from equal weights and see equal batches, so only the loss "
        "differs.",
        _losses,
    ),
    Task(
        "relu",
        "On With or without ReLU, train three pairs of networks.",
        "Without a nonlinear function between them, all layers together equal one matrix.",
        _relu,
    ),
)
