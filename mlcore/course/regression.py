"""Tasks of the chapter on regression: those of ``mlcore.regression.tasks``, as course tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mlcore.course.task import Task
from mlcore.regression import TASKS as _OWN
from mlcore.regression import Attempt
from mlcore.regression.tasks import Task as _Task

_SHOWS: Final = {
    "quick": "Just below the largest stable rate, a few steps do more than thousands at a tiny "
    "rate.",
    "largest": "The border is 2/λmax: the steepest direction alone decides which rates converge.",
    "one-step": "After standardizing, every direction is equally steep, so one rate suits all of "
    "them.",
    "valley": "With momentum, or a separate rate for each parameter, a flat valley is crossed "
    "faster.",
    "outliers": "A loss that grows more slowly than the square gives outliers less weight.",
}


def _solved(task: _Task) -> Callable[[Attempt], bool]:
    def check(attempt: Attempt) -> bool:
        return task.check(attempt).solved

    return check


TASKS: Final = tuple(
    Task(task.key, task.goal, _SHOWS.get(task.key, ""), _solved(task), task.hint) for task in _OWN
)
