"""*Predict first*: scores a learner's guesses about tensors, with a reason for every miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from mlcore.autograd.errors import ProgramError
from mlcore.autograd.export import value_text
from mlcore.autograd.inputs import Nested, parse_leaf
from mlcore.autograd.records import TensorRow

if TYPE_CHECKING:
    from mlcore.autograd.tracing import Trace

Property: TypeAlias = Literal["is_leaf", "requires_grad", "grad_fn", "grad"]
PROPERTIES: Final[tuple[Property, ...]] = get_args(Property)
GRAD_TOLERANCE: Final = 0.01
"""A guessed gradient is right within 1 % of the true one, or within 0.01."""


@dataclass(frozen=True, slots=True)
class Score:
    """One scored guess.

    Attributes:
        tensor: The learner's name of the tensor.
        property: What was guessed.
        guess: As the learner gave it; ``""`` is no guess.
        truth: What PyTorch says.
        right: Whether they agree.
        reason: Why the truth is what it is.
    """

    tensor: str
    property: Property
    guess: str
    truth: str
    right: bool
    reason: str


def truth(row: TensorRow, prop: Property) -> str:
    """PyTorch's value of a tensor's property, as a learner would type it."""
    match prop:
        case "is_leaf":
            return str(row.is_leaf)
        case "requires_grad":
            return str(row.requires_grad)
        case "grad_fn":
            return row.grad_fn
        case "grad":
            return value_text(row.grad, limit=64)


def score(trace: Trace, guesses: Mapping[str, Mapping[str, str]]) -> tuple[Score, ...]:
    """Score guesses keyed by tensor and property; missing or empty ones count as misses."""
    return tuple(
        _judge(trace, row, prop, guesses.get(row.name, {}).get(prop, "").strip())
        for row in trace.tensors
        for prop in PROPERTIES
    )


def choices(rows: Sequence[TensorRow]) -> tuple[str, ...]:
    """The ``grad_fn`` classes to choose from: those that occur, and some that do not."""
    others = {"None", "AddBackward0", "MulBackward0", "PowBackward0", "AccumulateGrad"}
    return tuple(sorted({row.grad_fn for row in rows} | others))


def _judge(trace: Trace, row: TensorRow, prop: Property, guess: str) -> Score:
    right = _same(guess, row, prop)
    return Score(row.name, prop, guess, truth(row, prop), right, _reason(trace, row, prop))


def _same(guess: str, row: TensorRow, prop: Property) -> bool:
    if prop != "grad" or row.grad is None or not guess or guess == "None":
        return guess == truth(row, prop)
    try:
        guessed = parse_leaf(guess).value
    except ProgramError:
        return False
    return _close(guessed, row.grad)


def _close(guess: Nested, grad: Nested) -> bool:
    if isinstance(guess, tuple) and isinstance(grad, tuple):
        return len(guess) == len(grad) and all(
            _close(a, b) for a, b in zip(guess, grad, strict=True)
        )
    if isinstance(guess, tuple) or isinstance(grad, tuple):
        return False
    return abs(guess - grad) <= max(GRAD_TOLERANCE, GRAD_TOLERANCE * abs(grad))


def _reason(trace: Trace, row: TensorRow, prop: Property) -> str:
    made = row.name not in trace.leaves
    match prop:
        case "is_leaf":
            if not made:
                return f"You made {row.name} yourself; no operation did."
            if row.is_leaf:
                return (
                    f"{row.name} comes from an operation, but needs no gradient, and PyTorch "
                    "calls every tensor without one a leaf."
                )
            return f"{row.name} is the result of an operation on tensors that require gradients."
        case "requires_grad":
            return _reason_requires(trace, row, made)
        case "grad_fn":
            if row.grad_fn == "None":
                return (
                    f"{row.name} needs no gradient, so nothing was recorded."
                    if made
                    else f"No operation made {row.name}: a leaf has no grad_fn."
                )
            node = next((n for n in trace.nodes if n.name == row.name), None)
            what = f" ({node.function})" if node and node.function else ""
            return f"The last operation that made {row.name}{what} records itself as {row.grad_fn}."
        case "grad":
            return _reason_grad(trace, row)


def _reason_requires(trace: Trace, row: TensorRow, made: bool) -> str:
    if not made:
        return f"You {'asked' if row.requires_grad else 'did not ask'} for it with requires_grad."
    needing = [name for name, given in trace.leaves.items() if given.requires_grad]
    if row.requires_grad:
        return (
            "A result requires a gradient as soon as one of its inputs does, here by way of "
            f"{', '.join(needing)}."
        )
    return "None of its inputs requires a gradient."


def _reason_grad(trace: Trace, row: TensorRow) -> str:
    if trace.failure:
        return f"{trace.failure.during} raised {trace.failure.kind}: no gradient arrived anywhere."
    if row.grad is not None:
        return (
            f"The sum over all paths from {trace.program.output_name} back to {row.name}; see the "
            "steps in the graph."
        )
    if not row.requires_grad:
        return f"{row.name} does not require a gradient."
    if row.is_leaf:
        return f"{trace.program.output_name} does not depend on {row.name}."
    return (
        f"A gradient passed through {row.name}, but only leaves store theirs, unless retain_grad() "
        "was called."
    )
