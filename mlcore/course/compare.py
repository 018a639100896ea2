"""Tasks of the page that compares runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.runs.analysis.comparison import Comparison


@dataclass(frozen=True, slots=True)
class State:
    """A comparison of runs."""

    comparison: Comparison


def _seeds(state: State) -> bool:
    return sum(group.n >= 3 for group in state.comparison.groups) >= 2


def _sure(state: State) -> bool:
    return any(contrast.better is not None for contrast in state.comparison.contrasts)


def _luck(state: State) -> bool:
    return any(
        contrast.better is None and math.isfinite(contrast.p)
        for contrast in state.comparison.contrasts
    )


def _target(state: State) -> bool:
    reached = bool(state.comparison.measures.notna().any())
    return " to " in str(state.comparison.measure) and reached


TASKS: Final = (
    Task(
        "seeds",
        "Compare two configs with three finished seeds each.",
        "One run proves little: only several seeds show how much of a difference is luck.",
        _seeds,
    ),
    Task(
        "sure",
        "Find two configs of which one is better by more than luck.",
        "The interval of the difference excludes 0, also after Holm's correction.",
        _sure,
    ),
    Task(
        "luck",
        "Find two configs whose difference may be luck.",
        "The interval contains 0: these seeds do not show which is better.",
        _luck,
    ),
    Task(
        "target",
        "Compare runs by how soon they reach a target that at least one of them reaches.",
        "Two runs with equal results can differ in how soon they reached them.",
        _target,
    ),
)
