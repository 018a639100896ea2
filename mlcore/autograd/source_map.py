"""Maps nodes of the syntax tree to places in the program's text, for names and errors."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mlcore.autograd.errors import ProgramError
from mlcore.autograd.tokens import Token


class SourceMap:
    """A program's text by lines, and its tokens."""

    def __init__(self, text: str, words: Sequence[Token]) -> None:
        self.text = text
        self.words = words
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Line and column in characters, from 1."""
        # ast counts columns in bytes of UTF-8, a reader in characters
        typed = self.lines[node.lineno - 1].encode()[: node.col_offset].decode()
        return node.lineno, len(typed) + 1

    def _span(self, node: ast.expr) -> tuple[int, int]:
        line, column = self.place(node)
        start = self.starts[line - 1] + column - 1
        last = node.end_lineno or line
        typed = self.lines[last - 1].encode()[: node.end_col_offset or 0].decode()
        return start, self.starts[last - 1] + len(typed)

    def source(self, node: ast.expr) -> str:
        """The expression as typed, on one line."""
        start, end = self._span(node)
        return " ".join(self.text[start:end].split())

    def sign(self, left: ast.expr, right: ast.expr) -> Token | None:
        """The operator between two operands."""
        end, start = self._span(left)[1], self._span(right)[0]
        between = (w for w in self.words if end <= w.start < start and w.text not in "()")
        return next(between, None)

    def error(self, reason: str, line: int, column: int) -> ProgramError:
        """An error at a place in the text."""
        return ProgramError(f"{reason}.", line, column, self.lines[line - 1])
