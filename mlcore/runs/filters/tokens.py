"""Splits a filter's text into tokens with their positions, and reports what is invalid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlcore.core import MlcoreError

Kind = Literal["word", "quoted", "operator", "open", "close", "comma", "colon", "end"]

OPERATORS = ("<=", ">=", "==", "!=", "!~", "<", ">", "=", "~")

_QUOTES = {'"': '"', "'": "'", "“": "”"}
_OPERATOR = re.compile("|".join(map(re.escape, OPERATORS)))
_SIGNS: dict[str, Kind] = {"(": "open", ")": "close", ",": "comma", ":": "colon"}


class FilterError(MlcoreError, ValueError):
    """A filter cannot be parsed or does not fit the table.

    Attributes:
        place: Where in the text, counted from 0.
    """

    def __init__(self, sentence: str, text: str, place: int) -> None:
        self.place = place
        shown = (
            text
            if len(text) <= 80
            else f"{text[: max(0, place - 30)][-50:]}{text[place - 30 :][:50]}"
        )
        super().__init__(f"{sentence} (character {place + 1} of the filter {shown!r})")


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a filter.

    Attributes:
        kind: What it is.
        text: Its text, without quotes.
        place: Where it begins in the filter, counted from 0.
        end: Where it ends.
    """

    kind: Kind
    text: str
    place: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Every token of a filter, and one of kind ``end`` after the last.

    Raises:
        FilterError: If a quotation is not closed.
    """
    found, place = [], 0
    while place < len(text):
        token = None if text[place].isspace() else _token(text, place)
        if token is not None:
            found.append(token)
        place = place + 1 if token is None else token.end
    return [*found, Token("end", "", len(text), len(text))]


def quoted(text: str) -> str:
    """A text as a filter writes it: quoted unless it is a plain word."""
    try:
        alone = [(token.kind, token.text) for token in tokens_of(text)] == [
            ("word", text),
            ("end", ""),
        ]
    except FilterError:
        alone = False
    if alone and text.lower() not in ("and", "or", "not", "in"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _token(text: str, place: int) -> Token:
    character = text[place]
    if character in _QUOTES:
        return _quotation(text, place)
    if character in _SIGNS:
        return Token(_SIGNS[character], character, place, place + 1)
    if operator := _OPERATOR.match(text, place):
        return Token("operator", operator[0], place, operator.end())
    end = place
    while end < len(text) and not _ends_word(text, end):
        end += 1
    if end == place:  # a lone "!"
        raise FilterError(f"{character!r} begins nothing; != and !~ are known", text, place)
    return Token("word", text[place:end], place, end)


def _ends_word(text: str, place: int) -> bool:
    character = text[place]
    return (
        character.isspace()
        or character in _SIGNS
        or character in _QUOTES
        or character == "!"
        or _OPERATOR.match(text, place) is not None
    )


def _quotation(text: str, place: int) -> Token:
    closing, characters, at = _QUOTES[text[place]], [], place + 1
    while at < len(text) and text[at] != closing:
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        characters.append(text[at])
        at += 1
    if at >= len(text):
        raise FilterError(
            f"The quotation that begins here lacks its closing {closing}", text, place
        )
    return Token("quoted", "".join(characters), place, at + 1)
