"""Tasks of the page of sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task
from mlcore.runs.headline import held_out_accuracy

if TYPE_CHECKING:
    from mlcore.sweeps import Sweep


@dataclass(frozen=True, slots=True)
class State:
    """The sweep that is shown."""

    sweep: Sweep


def _complete(state: State) -> int:
    """Number of trials whose runs have all finished."""
    return sum(
        all(member.status == "finished" for member in setting.members)
        for setting in state.sweep.tried
    )


def _finish(state: State) -> bool:
    return state.sweep.status == "finished" and _complete(state) >= 8


def _two(state: State) -> bool:
    return len(state.sweep.space.ranges) >= 2 and _complete(state) >= 8


def _seeds(state: State) -> bool:
    return state.sweep.spec.repeats >= 3 and _complete(state) >= 4


def _good(state: State) -> bool:
    return any(held_out_accuracy(member.last) > 0.9 for member in state.sweep.members)


TASKS: Final = (
    Task(
        "finish",
        "Run a sweep of at least eight trials to its end.",
        "Search a learning rate on a logarithmic scale: neighbouring values differ by a factor.",
        _finish,
    ),
    Task(
        "two",
        "Sweep two fields at once until eight trials are complete.",
        "Fields interact: the best rate depends on the other settings.",
        _two,
    ),
    Task(
        "seeds",
        "Run at least four trials with three seeds each.",
        "The mean over seeds keeps a lucky run from winning.",
        _seeds,
    ),
    Task(
        "good",
        "Find a trial with a test or validation accuracy above 90 %.",
        "The best of many trials looks a little better than it is: test it with a new seed.",
        _good,
    ),
)
