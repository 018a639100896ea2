"""Tasks of the chapter on initialization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.layers import Propagated
    from mlcore.layers.names import Scheme


@dataclass(frozen=True, slots=True)
class State:
    """Untrained networks that digits were sent through, by the scheme of their weights."""

    results: Mapping[Scheme, Propagated]


def _survive(state: State) -> bool:
    return any(
        len(result.activation_std) >= 30
        and _alike(result.activation_std[0], result.activation_std[-1])
        and _alike(result.gradient_std[0], result.gradient_std[-1])
        for result in state.results.values()
    )


def _alike(first: float, last: float) -> bool:
    return min(first, last) > 0 and max(first, last) <= 3 * min(first, last)


def _vanish(state: State) -> bool:
    result = state.results.get("xavier")
    return result is not None and 0 < result.gradient_std[0] < 1e-6 * result.gradient_std[-1]


def _explode(state: State) -> bool:
    return any(
        result.activation_std[-1] > 1000 * result.activation_std[0] > 0
        for result in state.results.values()
    )


def _symmetry(state: State) -> bool:
    return any(
        result.activations[0].shape[1] > 1
        and float(result.activations[0].std(dim=1, correction=0).max()) == 0
        for result in state.results.values()
    )


TASKS: Final = (
    Task(
        "survive",
        "Get signal and gradient through 30 layers, the first and the last within a factor of 3.",
        "Kaiming's variance of 2/n compensates for the half that ReLU cuts off in each layer.",
        _survive,
    ),
    Task(
        "vanish",
        "With Xavier, make the first layer's gradient a million times smaller than the last's.",
        "The sigmoid's slope is at most 1/4, so each layer removes most of the gradient.",
        _vanish,
    ),
    Task(
        "explode",
        "Make the signal of the last layer 1,000 times that of the first.",
        "If each layer multiplies the signal by a number above 1, it grows exponentially with "
        "depth.",
        _explode,
    ),
    Task(
        "symmetry",
        "Find a scheme with which all units of a layer give the same number.",
        "Equal weights get equal gradients and stay equal: weights must start at random.",
        _symmetry,
    ),
)
