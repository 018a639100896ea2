"""Splits a program's text into tokens and refuses what the language does not have.

Python's own parser runs only on text that passed here, so it never sees a string, a brace, a
backslash, a deep nest or a strange letter.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlcore.autograd.errors import ProgramError

MAX_CHARACTERS: Final = 2_000
MAX_NESTING: Final = 40
MAX_NAME: Final = 32
MAX_NUMBER: Final = 1e12

_GREEK: Final = "\u0391-\u03a9\u03b1-\u03c9"
_TOKEN: Final = re.compile(
    rf"""
    (?P<space>[ \t]+)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_{_GREEK}][A-Za-z0-9_{_GREEK}]*)
  | (?P<operator>\*\*|[-+*/@()\[\],=:])
    """,
    re.VERBOSE,
)
_INSTEAD: Final = {
    "×": "write * for a product",
    "·": "write * for a product",
    "−": "write - (the hyphen) for minus",
    "÷": "write / for a quotient",
    "^": "write ** for a power",
    "²": "write **2",
    "³": "write **3",
    "√": "write sqrt(…)",
    ".": "attributes and methods do not exist here; call functions as relu(x)",
    ";": "put each statement on a line of its own",
    "%": "the operators are + - * / ** @",
    "{": "braces do not exist here",
    "'": "text in quotes does not exist here",
    '"': "text in quotes does not exist here",
    "\\": "a statement ends with its line; parentheses may span lines",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its place (line and column from 1)."""

    kind: str
    text: str
    start: int
    line: int
    column: int


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens of a text without spaces and comments.

    Raises:
        ProgramError: At the first character, number or name that is not of the language, at text
            longer than ``MAX_CHARACTERS`` and at brackets nested deeper than ``MAX_NESTING``.
    """
    lines = text.split("\n")
    position, line, start_of_line, depth = 0, 1, 0, 0
    after_number = False
    while position < len(text):
        column = position - start_of_line + 1
        place = (line, column, lines[line - 1])
        if position >= MAX_CHARACTERS:
            raise ProgramError(
                f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are "
                "allowed. Shorten it.",
                *place,
            )
        match = _TOKEN.match(text, position)
        if match is None:
            raise ProgramError(_unknown(text[position]), *place)
        kind, word = str(match.lastgroup), match.group()
        if kind == "number":
            _check_number(word, place)
        elif kind == "name":
            _check_name(word, place, glued=after_number)
        elif word in ("(", "["):
            depth += 1
            if depth > MAX_NESTING:
                raise ProgramError(
                    f"brackets are nested more than {MAX_NESTING} deep; name a part of the "
                    "expression on a line of its own.",
                    *place,
                )
        elif word in (")", "]"):
            depth -= 1
        after_number = kind == "number"
        if kind not in ("space", "comment"):
            yield Token(kind, word, position, line, column)
        position = match.end()
        if kind == "newline":
            line, start_of_line = line + 1, position


def _check_number(word: str, place: tuple[int, int, str]) -> None:
    if len(word) > 1 and word[0] == "0" and word.isdigit():
        raise ProgramError(
            f"the number {word[:20]} begins with a zero; leave the zero out, as in 7.", *place
        )
    if not abs(float(word)) <= MAX_NUMBER:
        raise ProgramError(
            f"the number {word[:20]} is too large; at most {MAX_NUMBER:g} is allowed.", *place
        )


def _check_name(word: str, place: tuple[int, int, str], *, glued: bool) -> None:
    if glued:
        raise ProgramError(
            f"a number is followed by the letter {word[0]!r}; write * between a number and a name, "
            "as in 2*x.",
            *place,
        )
    if keyword.iskeyword(word):
        raise ProgramError(
            f"{word!r} is a keyword of Python and cannot be used here; a line is written "
            "name = expression, for example z = w*x + b.",
            *place,
        )
    if word.startswith("_"):
        raise ProgramError(
            f"the name {word[:20]!r} begins with an underscore; begin names with a letter, as in "
            "h1.",
            *place,
        )
    if len(word) > MAX_NAME:
        raise ProgramError(
            f"the name {word[:12]}… has {len(word)} characters; at most {MAX_NAME} are allowed.",
            *place,
        )


def _unknown(character: str) -> str:
    shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
    instead = _INSTEAD.get(character, "write letters, digits, + - * / ** @ ( ) [ ] , and =")
    return f"the character {shown} is not part of this language; {instead}."
