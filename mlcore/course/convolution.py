"""Tasks of the chapter on convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.layers import Convolved


@dataclass(frozen=True, slots=True)
class State:
    """A convolution of a digit."""

    result: Convolved


def _sides(state: State) -> tuple[int, int, int]:
    """Sides of the kernel, the input and the output."""
    result = state.result
    return result.weight.shape[-1], result.input.shape[-1], result.output.shape[-1]


def _same(state: State) -> bool:
    kernel, before, after = _sides(state)
    return kernel == 5 and before == after


def _half(state: State) -> bool:
    _, before, after = _sides(state)
    return before == 2 * after


def _dilated(state: State) -> bool:
    return _sides(state)[0] == 3 and tuple(state.result.receptive_field) == (9, 9)


def _depthwise(state: State) -> bool:
    channels = state.result.input.shape[1]
    return state.result.groups == channels == state.result.output.shape[1] and channels >= 2


TASKS: Final = (
    Task(
        "same",
        "Keep the output as large as the input with a 5×5 kernel.",
        "A kernel of side k needs a padding of (k − 1)/2 to keep the size.",
        _same,
    ),
    Task(
        "half",
        "Make the output half as high and half as wide: 14×14.",
        "A stride of 2 takes every second window, so a quarter of the cells is left.",
        _half,
    ),
    Task(
        "dilated",
        "Let one output cell see 9×9 pixels with a 3×3 kernel.",
        "Dilation spreads the kernel: a wider view with the same nine weights.",
        _dilated,
    ),
    Task(
        "depthwise",
        "Give each of several input channels its own kernel and its own output.",
        "With as many groups as channels a convolution is depthwise: channels do not mix.",
        _depthwise,
    ),
)
