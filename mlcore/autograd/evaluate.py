"""Evaluates a program on tensors with PyTorch's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch.autograd.graph import Node

from mlcore.autograd.errors import ProgramError, TensorError
from mlcore.autograd.explain import meaning
from mlcore.autograd.functions import Argument, ShapesDifferError, function
from mlcore.autograd.program import Constant, LeafRef, Operand, Operation, Program, ResultRef

MAX_RESULT: Final = 256
"""Most elements of a result: broadcasting two leaves of 64 would make 4,096."""


@dataclass(frozen=True, slots=True)
class Made:
    """A tensor made by an operation.

    Attributes:
        name: The learner's name for it, or the expression as typed.
        tensor: The tensor itself, still in its graph.
        inputs: The tensors it was made of.
        operation: Index of the operation in the program.
        behind: PyTorch's node that made it, or None where it requires no gradient.
        final: False for a tensor PyTorch makes on the way, such as 1/x in 2/x.
    """

    name: str
    tensor: torch.Tensor
    inputs: tuple[torch.Tensor, ...]
    operation: int
    behind: Node | None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation of a program.

    Attributes:
        leaves: The leaf tensors by name.
        made: Every tensor made, in the order PyTorch made them.
        results: The result of each operation of the program.
        output: The tensor of the last line.
    """

    leaves: Mapping[str, torch.Tensor]
    made: tuple[Made, ...]
    results: tuple[torch.Tensor, ...]
    output: torch.Tensor

    def tensor(self, operand: LeafRef | ResultRef) -> torch.Tensor:
        """The tensor of an operand."""
        if isinstance(operand, LeafRef):
            return self.leaves[operand.name]
        return self.results[operand.index]


Replacing = Callable[[str, torch.Tensor], torch.Tensor]


def evaluate(
    program: Program,
    leaves: Mapping[str, torch.Tensor],
    replacing: Replacing | None = None,
) -> Run:
    """Run a program's operations in order.

    Args:
        program: The parsed program.
        leaves: A tensor for each of ``program.leaves``.
        replacing: Called with the name and tensor of each leaf and named result before it is used;
            what it returns is used instead (``detach`` in the ledger).

    Raises:
        TensorError: Where PyTorch refuses an operation, with its place in the program.
        ProgramError: Where a result has more than ``MAX_RESULT`` elements, likewise.
    """
    read = dict(leaves)
    if replacing:
        read = {name: replacing(name, tensor) for name, tensor in read.items()}
    results: list[torch.Tensor] = []
    made: list[Made] = []
    assigned = {named: name for name, named in reversed(program.names)}

    def argument(operand: Operand) -> Argument:
        if isinstance(operand, Constant):
            return operand.value
        return read[operand.name] if isinstance(operand, LeafRef) else results[operand.index]

    for index, operation in enumerate(program.operations):
        try:
            steps = function(operation.function).call(
                [argument(operand) for operand in operation.operands], operation.option
            )
        except ShapesDifferError as error:
            raise _problem(program, operation, str(error)) from error
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise _refused(program, operation, error) from error
        if max(part.tensor.numel() for part in steps) > MAX_RESULT:
            raise _too_large(program, operation, steps[-1].tensor)
        name = assigned.get(ResultRef(index))
        for part in steps:
            final = part is steps[-1]
            shown = (name or operation.source) if final else part.label(operation.operand_sources)
            inputs = tuple(i for i in part.inputs if isinstance(i, torch.Tensor))
            made.append(Made(shown, part.tensor, inputs, index, part.behind(), final))
        result = steps[-1].tensor
        if replacing and name:
            result = replacing(name, result)
        results.append(result)
    output = argument(program.output)
    if not isinstance(output, torch.Tensor):
        raise TypeError("A program's output is a tensor by construction.")
    return Run(read, tuple(made), tuple(results), output)


def _too_large(program: Program, operation: Operation, made: torch.Tensor) -> ProgramError:
    return _problem(
        program,
        operation,
        f"{operation.source[:60]} has {made.numel():,} elements; at most {MAX_RESULT} are allowed. "
        "Use smaller inputs.",
    )


def _problem(program: Program, operation: Operation, reason: str) -> ProgramError:
    return ProgramError(
        reason,
        operation.line,
        operation.column,
        program.text.split("\n")[operation.line - 1],
    )


def _refused(program: Program, operation: Operation, error: Exception) -> TensorError:
    line = program.text.split("\n")[operation.line - 1]
    said = str(error).split("\n")[0].rstrip(".")
    return TensorError(
        f"PyTorch refuses {operation.source[:60]}: {type(error).__name__}: {said}. "
        f"{meaning(error).mend}",
        operation.line,
        operation.column,
        line,
    )
