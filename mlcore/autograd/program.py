"""A parsed program: a list of operations on leaves, earlier results and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlcore.autograd.functions import Number, Option


@dataclass(frozen=True, slots=True)
class LeafRef:
    """An operand that is a leaf, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class ResultRef:
    """An operand that is an earlier operation's result, by index."""

    index: int


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand that is a Python number."""

    value: Number


Operand: TypeAlias = LeafRef | ResultRef | Constant


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a program.

    Attributes:
        function: Name of the operator or function in ``mlcore.autograd.functions``.
        operands: What it is applied to.
        option: The index of ``index``, the ``dim`` of a function that has one, or None.
        source: The expression as the learner typed it.
        operand_sources: The operands as typed.
        line: Line of the sign or function's name, from 1.
        column: Its column, from 1.
    """

    function: str
    operands: tuple[Operand, ...]
    option: Option
    source: str
    operand_sources: tuple[str, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Program:
    r"""A parsed program.

    Attributes:
        text: As it was typed, with line ends as ``\n``.
        leaves: Names that are read but never assigned, in the order of their first use.
        operations: In the order Python would run them.
        names: Assigned names in order, each with what it names.
        output: What the last line names; the gradient is taken of it.
        output_name: Its name; ``result`` where the last line has none.
    """

    text: str
    leaves: tuple[str, ...]
    operations: tuple[Operation, ...]
    names: tuple[tuple[str, LeafRef | ResultRef], ...]
    output: LeafRef | ResultRef
    output_name: str

    def name_of(self, operand: LeafRef | ResultRef) -> str:
        """The first assigned name, else the expression as typed."""
        if isinstance(operand, LeafRef):
            return operand.name
        assigned = (name for name, named in self.names if named == operand)
        return next(assigned, self.operations[operand.index].source)
