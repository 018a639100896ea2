"""Escapes users' text for Markdown, tables and charts."""

import unicodedata
from typing import Final

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def plain(sentence: str) -> str:
    """Escape a text so that Markdown shows it literally."""
    return "".join(f"\\{sign}" if sign in r"\`*_[]$#<>~:&|" else sign for sign in sentence)


def one_line(typed: str, limit: int = 80) -> str:
    """A text on one line, for widgets, tables and charts.

    Line breaks become spaces, and what is longer is cut with an ellipsis. Text that runs from right
    to left is put between the Unicode signs FSI and PDI, and invisible signs that turn the order
    of writing are left out, so that it cannot turn around what stands beside it.
    """
    line = " ".join(typed.split())
    line = "".join(sign for sign in line if unicodedata.bidirectional(sign) not in _TURNING)
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in line):
        return f"\u2068{line}\u2069"
    return line
