"""Parses a program's text into operations, with Python's parser and a list of what is allowed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, NoReturn

from mlcore.autograd import tokens
from mlcore.autograd.errors import ProgramError
from mlcore.autograd.functions import FUNCTIONS, Number, Option
from mlcore.autograd.program import Constant, LeafRef, Operand, Operation, Program, ResultRef
from mlcore.autograd.source_map import SourceMap

MAX_OPERATIONS: Final = 200
MAX_LEAVES: Final = 24
MAX_EXPONENT: Final = 64
MAX_CONSTANT: Final = 1e18

_BINARY: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
}


@lru_cache(maxsize=256)
def parse(text: str) -> Program:
    """Parse a program. Python never evaluates any of it.

    Args:
        text: Lines ``name = expression``; the last may be a bare expression.

    Raises:
        ProgramError: With line and column, for anything outside the language or its limits:
            ``tokens.MAX_CHARACTERS`` characters, ``MAX_OPERATIONS`` operations, constant exponents
            up to ``MAX_EXPONENT``.

    Example:
        >>> from mlcore import autograd
        >>> program = autograd.parse("z = w*x + b")
        >>> print(program.leaves, program.output_name)
        ('w', 'x', 'b') z
    """
    text = text.replace("\r\n", "\n").rstrip()
    words = [token for token in tokens.scan(text) if token.kind != "newline"]
    if not words:
        raise ProgramError("the program is empty; write a line such as z = w*x + b.")
    for before, word in pairwise(words):
        ends = before.kind in ("name", "number") or before.text in (")", "]")
        if ends and word.kind in ("name", "number") and before.line == word.line:
            raise ProgramError(
                f"an operator is missing before {word.text[:20]!r}; write * for a product.",
                word.line,
                word.column,
                text.split("\n")[word.line - 1],
            )
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1) or 1, getattr(error, "offset", 1) or 1
        line = min(line, text.count("\n") + 1)
        typed = text.split("\n")[line - 1]
        raise ProgramError(_unreadable(error, typed, column), line, column, typed) from None
    return _Compiler(SourceMap(text, words)).compile(tree)


def _unreadable(error: Exception, typed: str, column: int) -> str:
    """A Python syntax error in words that fit this language."""
    said = (getattr(error, "msg", None) or "it is nested too deep").rstrip(".?")
    example = "A line is written name = expression, for example z = w*x + b."
    if "never closed" in said or "does not match" in said or "unmatched" in said:
        return f"the bracket {said.removeprefix('closing parenthesis ')}."
    rest = typed[column - 1 :].split()
    if said == "invalid syntax" and rest:
        return f"{rest[0][:20]!r} is not expected here. {example}"
    if said == "invalid syntax":
        return f"the line ends here, but something must follow. {example}"
    return f"this cannot be read ({said}). {example}"


class _Compiler:
    def __init__(self, source_map: SourceMap) -> None:
        self.source_map = source_map
        self.leaves: dict[str, None] = {}
        self.operations: list[Operation] = []
        self.names: dict[str, Operand] = {}

    def compile(self, tree: ast.Module) -> Program:
        output: Operand | None = None
        output_name = "result"
        for statement in tree.body:
            last = statement is tree.body[-1]
            if isinstance(statement, ast.Assign):
                output_name, output = self._assign(statement)
            elif isinstance(statement, ast.Expr) and last:
                output, output_name = self._expression(statement.value, 0), "result"
                if isinstance(output, LeafRef):
                    output_name = output.name
            elif isinstance(statement, ast.Expr):
                self._refuse(statement, "only the last line may be without a name; write name = …")
            else:
                self._refuse(
                    statement, "a line is written name = expression, for example z = w*x + b"
                )
        if output is None or isinstance(output, Constant):
            self._refuse(
                tree.body[-1],
                "the last line is a plain number, so there is nothing to differentiate; use a name "
                "that is given no value, as in z = 3*x",
            )
        names = tuple((k, v) for k, v in self.names.items() if not isinstance(v, Constant))
        return Program(
            self.source_map.text,
            tuple(self.leaves),
            tuple(self.operations),
            names,
            output,
            output_name,
        )

    def _assign(self, statement: ast.Assign) -> tuple[str, Operand]:
        target = statement.targets[0]
        if len(statement.targets) > 1:
            self._refuse(statement.targets[1], "a line assigns one name only, as in z = w*x")
        if not isinstance(target, ast.Name):
            self._refuse(target, "left of = there must be a single name, as in z = w*x")
        name = target.id
        if name in FUNCTIONS:
            self._refuse(target, f"{name} is a function here; choose another name")
        if name in self.leaves:
            self._refuse(
                target,
                f"{name} was read in a line above, so it is an input; give this result a name of "
                "its own",
            )
        if name in self.names:
            self._refuse(target, f"{name} already has a value; give this result a name of its own")
        value = self._expression(statement.value, 0)
        if name in self.leaves:
            self._refuse(target, f"{name} is read on its own line before it has a value")
        self.names[name] = value
        return name, value

    def _expression(self, node: ast.expr, depth: int) -> Operand:  # noqa: RET503  # _refuse raises
        if depth > MAX_OPERATIONS + tokens.MAX_NESTING:
            self._too_many(*self.source_map.place(node))
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return Constant(number)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._expression(inner, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                operand = self._expression(inner, depth + 1)
                if isinstance(operand, Constant):
                    return Constant(-operand.value)
                return self._add(node, "neg", (operand,), (inner,))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                name = _BINARY[type(sign)]
                a, b = self._expression(left, depth + 1), self._expression(right, depth + 1)
                if name == "pow" and isinstance(b, Constant) and abs(b.value) > MAX_EXPONENT:
                    self._refuse(
                        right,
                        f"the exponent is {b.value:g}, but at most ±{MAX_EXPONENT} is allowed",
                    )
                if isinstance(a, Constant) and isinstance(b, Constant):
                    return self._fold(node, name, a.value, b.value)
                return self._add(
                    node, name, (a, b), (left, right), self.source_map.sign(left, right)
                )
            case ast.Subscript(value=inner, slice=key):
                operand = self._expression(inner, depth + 1)
                if isinstance(operand, Constant):
                    self._refuse(node, "a number has no elements to index")
                return self._add(node, "index", (operand,), (inner,), option=self._key(key))
            case ast.Call():
                return self._call(node, depth)
        self._refuse(node, "this cannot be used here; write names, numbers, + - * / ** @, "
                     "parentheses, x[0] and functions, for example z = relu(w*x + b)")  # fmt: skip

    def _name(self, node: ast.expr, name: str) -> Operand:
        if name in FUNCTIONS:
            self._refuse(node, f"{name} is a function; call it as {name}(x)")
        if name in self.names:
            return self.names[name]
        self.leaves[name] = None
        if len(self.leaves) > MAX_LEAVES:
            self._refuse(node, f"there are more than {MAX_LEAVES} leaves; use vectors instead")
        return LeafRef(name)

    def _call(self, node: ast.Call, depth: int) -> Operand:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            called = node.func.id if isinstance(node.func, ast.Name) else "this"
            self._refuse(
                node.func,
                f"{called} is not a function here; the functions are {', '.join(FUNCTIONS)}",
            )
        function = FUNCTIONS[node.func.id]
        fewest, most = function.arguments
        if not fewest <= len(node.args) <= most:
            allowed = str(most) if fewest == most else f"{fewest} or {most}"
            self._refuse(
                node, f"{function.name} takes {allowed} argument{'s' * (most > 1)}, "
                f"but {len(node.args)} {'is' if len(node.args) == 1 else 'are'} given"
            )  # fmt: skip
        option: Option = None
        for word in node.keywords:
            if word.arg != "dim" or not function.option:
                self._refuse(word.value, f"{function.name} has no option {word.arg or '**'}")
            option = self._integer(word.value)
        operands = tuple(self._expression(argument, depth + 1) for argument in node.args)
        return self._add(node, function.name, operands, tuple(node.args), node.func, option)

    def _key(self, node: ast.expr) -> Option:
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        keys = tuple(
            self._slice(p) if isinstance(p, ast.Slice) else self._integer(p) for p in parts
        )
        if not keys:
            self._refuse(node, "an index is missing; write x[0] or A[0, 1]")
        return keys

    def _slice(self, node: ast.Slice) -> slice:
        step = self._integer(node.step) if node.step else None
        if step is not None and step < 1:
            self._refuse(node, "a slice's step is 1 or more: PyTorch has no negative steps")
        return slice(
            self._integer(node.lower) if node.lower else None,
            self._integer(node.upper) if node.upper else None,
            step,
        )

    def _integer(self, node: ast.expr) -> int:
        minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        number = node.operand if minus and isinstance(node, ast.UnaryOp) else node
        if not isinstance(number, ast.Constant) or type(number.value) is not int:
            self._refuse(node, "an index and a dim are whole numbers written out, such as 0 or -1")
        if number.value > 64:
            self._refuse(node, f"the index {number.value:g} is beyond the largest tensor")
        return -number.value if minus else number.value

    def _fold(self, node: ast.expr, name: str, a: Number, b: Number) -> Constant:
        try:
            match name:
                case "add":
                    value = a + b
                case "sub":
                    value = a - b
                case "mul":
                    value = a * b
                case "div":
                    value = a / b
                case "pow":
                    value = float(a) ** b if b < 0 or isinstance(b, float) else a**b
                case _:
                    self._refuse(node, "@ multiplies tensors; both sides are plain numbers")
        except ZeroDivisionError:
            self._refuse(node, "this divides by zero")
        except OverflowError:
            self._refuse(node, "this number is too large")
        if isinstance(value, complex) or not abs(value) <= MAX_CONSTANT:
            self._refuse(node, f"this number is not real or larger than {MAX_CONSTANT:g}")
        return Constant(value)

    def _add(
        self,
        node: ast.expr,
        function: str,
        operands: tuple[Operand, ...],
        parts: tuple[ast.expr, ...],
        at: ast.expr | tokens.Token | None = None,
        option: Option = None,
    ) -> ResultRef:
        line, column = (
            (at.line, at.column)
            if isinstance(at, tokens.Token)
            else self.source_map.place(at or node)
        )
        if len(self.operations) >= MAX_OPERATIONS:
            self._too_many(line, column)
        self.operations.append(
            Operation(
                function,
                operands,
                option,
                self.source_map.source(node),
                tuple(self.source_map.source(part) for part in parts),
                line,
                column,
            )
        )
        return ResultRef(len(self.operations) - 1)

    def _too_many(self, line: int, column: int) -> NoReturn:
        reason = f"there are more than {MAX_OPERATIONS} operations; shorten the program"
        raise self.source_map.error(reason, line, column)

    def _refuse(self, node: ast.expr | ast.stmt, reason: str) -> NoReturn:
        raise self.source_map.error(reason, *self.source_map.place(node))
