"""Tasks of the chapter on automatic differentiation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.autograd import Trace
    from mlcore.autograd.ledger import Ledger


@dataclass(frozen=True, slots=True)
class State:
    """The trace on the page.

    Attributes:
        trace: The program with its leaves, traced.
        ledger: The ledger of ``.grad``, where its tab is open.
    """

    trace: Trace | None = None
    ledger: Ledger | None = None


def _gradient(state: State) -> bool:
    if state.trace is None or state.trace.failure:
        return False
    grad = state.trace.grads.get("w")
    return isinstance(grad, float) and math.isclose(grad, 4.0, rel_tol=1e-6)


def _constant(state: State) -> bool:
    if state.trace is None or state.trace.failure:
        return False
    leaves = state.trace.leaves
    wanted = any(leaf.requires_grad for leaf in leaves.values())
    return "b" in leaves and not leaves["b"].requires_grad and wanted


def _accumulate(state: State) -> bool:
    if state.ledger is None:
        return False
    for entry in state.ledger.entries:
        if entry.call >= 3 and isinstance(entry.added, float) and isinstance(entry.after, float):
            one = entry.added
            if one and math.isclose(entry.after, entry.call * one, rel_tol=1e-5):
                return True
    return False


def _twice(state: State) -> bool:
    from mlcore.autograd.presets import PRESETS

    if state.trace is None or state.trace.failure:
        return False
    if any(preset.program == state.trace.program.text for preset in PRESETS.values()):
        return False
    graph = state.trace.graph
    return any(
        node.kind == "leaf"
        and sum(edge.flow is not None for edge in graph.outgoing(node.index)) >= 2
        for node in graph.nodes
    )


def _refused(state: State) -> bool:
    return state.trace is not None and state.trace.failure is not None


TASKS: Final = (
    Task(
        "gradient",
        "Move x until ∂z/∂w is 4.",
        "In z = w·x + b the gradient ∂z/∂w is x: how much z changes when w does.",
        _gradient,
        "With the preset Line: z = w·x + b.",
    ),
    Task(
        "constant",
        "Make b a constant: switch off its grad.",
        "A leaf with requires_grad=False gets no .grad; data need none, parameters do.",
        _constant,
    ),
    Task(
        "accumulate",
        "In the ledger, let three calls of backward() add up in one .grad.",
        "backward() adds to .grad; that is why a training loop calls zero_grad().",
        _accumulate,
    ),
    Task(
        "twice",
        "Type your own program that uses one leaf twice.",
        "A leaf that is used twice gets the sum of the gradients of both paths.",
        _twice,
        "For example a product of a leaf with itself.",
    ),
    Task(
        "refused",
        "Make PyTorch refuse backward().",
        "backward() needs a scalar output and at least one leaf that requires a gradient.",
        _refused,
    ),
)
