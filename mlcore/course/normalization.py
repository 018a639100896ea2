"""Tasks of the chapter on normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.layers import Normalized
    from mlcore.layers.names import Norm

_ALIKE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class State:
    """A tensor that was normalized."""

    result: Normalized


def _is_group_norm_like(state: State, kind: Norm) -> bool:
    """Whether the result is GroupNorm's and another norm gives the same numbers."""
    from mlcore.layers import normalize

    result = state.result
    size = float(result.output.abs().max())
    if result.kind != "group" or not size > 0:
        return False
    try:
        other = normalize(kind, result.input, eps=result.eps, affine=False)
    except ValueError:  # InstanceNorm refuses planes of one cell
        return False
    plain = normalize("group", result.input, groups=_groups(result), eps=result.eps, affine=False)
    return float((other.output - plain.output).abs().max()) <= _ALIKE * size


def _groups(result: Normalized) -> int:
    return len(result.divisor) // result.input.shape[0]


def _layer(state: State) -> bool:
    return state.result.input.shape[1] > 1 and _is_group_norm_like(state, "layer")


def _instance(state: State) -> bool:
    return state.result.input.shape[1] > 1 and _is_group_norm_like(state, "instance")


def _eval(state: State) -> bool:
    result = state.result
    moved = float((result.output - result.input).abs().max())
    still = moved <= 1e-3 * float(result.input.abs().max())
    return result.kind == "batch" and not result.module.training and still


def _zero(state: State) -> bool:
    result = state.result
    largest = float(result.input.abs().max())
    return largest > 0 and float(result.output.abs().max()) <= _ALIKE * largest


TASKS: Final = (
    Task(
        "layer",
        "Find the setting for which GroupNorm gives the same numbers as LayerNorm.",
        "With one group all channels of a sample share a mean, which is what LayerNorm does here.",
        _layer,
    ),
    Task(
        "instance",
        "Find the setting for which GroupNorm gives the same numbers as InstanceNorm.",
        "With a group for each channel every channel has its own mean, as in InstanceNorm.",
        _instance,
    ),
    Task(
        "eval",
        "Make BatchNorm leave the numbers unchanged.",
        "In eval mode a new BatchNorm uses its initial running statistics, mean 0 and variance 1.",
        _eval,
    ),
    Task(
        "zero",
        "Find numbers that a norm turns into zeros.",
        "Equal numbers have no variance; ε keeps the division from being 0/0.",
        _zero,
    ),
)
