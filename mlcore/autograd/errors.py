"""Errors of programs and their leaves; each names the line and the character at fault."""

from mlcore.core import MlcoreError


class ProgramError(MlcoreError, ValueError):
    """A program or a leaf's text was refused, or PyTorch refused one of its operations.

    Attributes:
        line: Line of the problem, from 1.
        column: Column of the problem in characters, from 1.
        reason: The sentence without the place.
        text_line: The line as it was typed, to draw a pointer under it.
        what: The text that is meant, such as "the value of x"; ``""`` for the program.
    """

    def __init__(
        self, reason: str, line: int = 1, column: int = 1, text_line: str = "", what: str = ""
    ) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        self.text_line = text_line
        self.what = what
        place = f"In {what}, character {column}" if what else f"Line {line}, character {column}"
        super().__init__(f"{place}: {reason}")

    def __reduce__(self) -> tuple[type["ProgramError"], tuple[str, int, int, str, str]]:
        return type(self), (self.reason, self.line, self.column, self.text_line, self.what)

    def within(self, what: str) -> "ProgramError":
        """The same error for a text other than the program, such as "the value of x"."""
        return type(self)(self.reason, self.line, self.column, self.text_line, what)

    def pointer(self, width: int = 60) -> str:
        """The typed line (at most ``width`` characters of it) with a caret under the column."""
        start = max(0, self.column - 1 - width // 2) if len(self.text_line) > width else 0
        shown = self.text_line[start : start + width].replace("\t", " ")
        return f"{shown}\n{' ' * (self.column - 1 - start)}^"


class TensorError(ProgramError):
    """PyTorch refused an operation of the program; ``__cause__`` is PyTorch's own exception."""


class BackwardError(MlcoreError, RuntimeError):
    """PyTorch refused the backward pass, so the trace has no gradients; has PyTorch's message."""
