"""Parses filters such as ``lr < 0.05 and tag:week3 and not archived``; nothing is eval'ed.

    condition   lr < 0.05 · test accuracy > 97% · status = finished · created > 2026-11-01
    text        name ~ cnn · note !~ draft · optimizer = "sgd"
    lists       hidden = 256,64 · optimizer in (sgd, adam)
    tags        tag:week3 · tag ~ wee
    marks       starred · archived
    words       any other word is looked for in id, name, note and tags
    together    and (or nothing at all), or, not, ( )

A field is a column of ``mlcore.runs.run_table``, with or without its prefix: ``lr`` is
``config.lr`` if there is one, else ``metric.lr``. A name that stands there exactly so comes first;
else capitals, ``_``, ``-`` and spaces do not matter. What a run does not have fulfils only ``!=``
and ``!~``, as in ``pandas.DataFrame.query``. A last value that is NaN is not missing:
``loss = nan`` finds it, ``loss != nan`` leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.runs.filters.comparisons import Compare, Value
from mlcore.runs.filters.nodes import And, Flag, Node, Not, Or, Search
from mlcore.runs.filters.tokens import FilterError, Kind, Token, tokens_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Filter", "FilterError", "parse"]

LONGEST: Final = 10_000
"""Characters of a filter at most."""

_DEEPEST: Final = 40
_FLAGS: Final = ("starred", "archived")
_KEYWORDS: Final = ("and", "or", "not", "in")


@dataclass(frozen=True)
class Filter:
    """A parsed filter. Its text is normalized: equal filters have equal texts.

    Attributes:
        text: As it was given.
        root: What it says; None, for an empty text, keeps everything.
    """

    text: str
    root: Node | None

    def __str__(self) -> str:
        return "" if self.root is None else str(self.root)

    def mask(self, frame: pd.DataFrame) -> pd.Series[bool]:
        """Which rows of a run table it selects.

        Raises:
            FilterError: If the table has no such field, or the field is of another kind than the
                value it is compared with.
        """
        import pandas as pd

        everything = pd.Series(data=True, index=frame.index, dtype=bool)
        return everything if self.root is None else self.root.mask(frame, self.text)


def parse(text: str) -> Filter:
    """Parse a filter; see this module for the language.

    Raises:
        FilterError: (a ``ValueError``) Naming the place, and what may stand there.
    """
    if len(text) > LONGEST:
        raise FilterError(
            f"The filter has {len(text):,} characters, but at most {LONGEST:,} are allowed",
            text,
            LONGEST,
        )
    reader = _Reader(text)
    return Filter(text, reader.whole())


class _Reader:
    """A recursive descent parser over the tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node | None:
        if self._is("end"):
            return None
        root = self._any()
        if not self._is("end"):
            raise self._error(f"{self._next.text!r} closes or joins nothing here")
        return root

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, kind: Kind) -> bool:
        return self._next.kind == kind

    def _keyword(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() == word

    def _any(self) -> Node:
        parts = [self._all()]
        while self._keyword("or"):
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Node:
        parts = [self._not()]
        while True:
            if self._keyword("and"):
                self._take()
            elif self._next.kind in ("end", "close") or self._keyword("or"):
                return parts[0] if len(parts) == 1 else And(tuple(parts))
            parts.append(self._not())

    def _not(self) -> Node:
        turned = False
        while self._keyword("not"):
            self._take()
            turned = not turned
        node = self._one()
        if not turned:
            return node
        return node.part if isinstance(node, Not) else Not(node)

    def _one(self) -> Node:
        if self._next.kind == "open":
            return self._bracket()
        if self._next.kind not in ("word", "quoted") or self._next.text.lower() in _KEYWORDS[:2]:
            raise self._error(
                "A field, a word to look for, not or ( is missing here, such as lr < 0.05"
            )
        first = self._next
        words = self._words()
        if self._next.kind in ("operator", "colon") or self._keyword("in"):
            return self._comparison(tuple(token.text for token in words), first.place)
        self._at -= len(words) - 1  # no field after all: the first word stands alone
        if first.kind == "word" and first.text.lower() in _FLAGS:
            return Flag(first.text.lower())
        return Search(first.text, quoted=first.kind == "quoted")

    def _bracket(self) -> Node:
        opening = self._take()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"More than {_DEEPEST} brackets are open")
        node = self._any()
        if not self._is("close"):
            raise FilterError("The ( here lacks its )", self._text, opening.place)
        self._take()
        self._depth -= 1
        return node

    def _words(self) -> list[Token]:
        """The words before an operator: ``test accuracy`` names ``test_accuracy``."""
        words = [self._take()]
        if words[0].kind == "quoted":
            return words
        while self._next.kind == "word" and self._next.text.lower() not in _KEYWORDS:
            words.append(self._take())
        return words

    def _comparison(self, words: tuple[str, ...], place: int) -> Node:
        operator = self._take()
        if operator.kind == "word":
            return Compare(words, "in", self._listed(), place)
        values = [self._value()]
        while self._is("comma"):
            self._take()
            values.append(self._value())
        sign = {"==": "=", ":": ":"}.get(operator.text, operator.text)
        return Compare(words, sign, tuple(values), place)

    def _listed(self) -> tuple[Value, ...]:
        if not self._is("open"):
            raise self._error("in needs values in brackets, such as lr in (0.1, 0.01)")
        opening = self._take()
        values = [self._value()]
        while self._is("comma"):
            self._take()
            values.append(self._value())
        if not self._is("close"):
            raise FilterError("The ( here lacks its )", self._text, opening.place)
        self._take()
        return tuple(values)

    def _value(self) -> Value:
        if self._next.kind not in ("word", "quoted"):
            raise self._error('A value is missing here, such as 0.05, finished or "two words"')
        token = self._take()
        return Value(token.text, token.kind == "quoted", token.place)

    def _error(self, sentence: str) -> FilterError:
        return FilterError(sentence, self._text, self._next.place)
