"""Output of the command line: safe for any terminal and encoding, with times in UTC."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

_SPELLED: Final = {
    "\N{EM DASH}": "-",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{PLUS-MINUS SIGN}": "+/-",
    "\N{BLACK STAR}": "*",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=",
    "\N{ALMOST EQUAL TO}": "~",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{INFINITY}": "inf",
    "\N{SUPERSCRIPT TWO}": "^2",
    "\N{MIDDLE DOT}": "*",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": " ",
    "\N{GREEK SMALL LETTER ALPHA}": "alpha",
    "\N{GREEK SMALL LETTER BETA}": "beta",
    "\N{GREEK SMALL LETTER EPSILON}": "epsilon",
    "\N{GREEK SMALL LETTER ETA}": "eta",
    "\N{GREEK SMALL LETTER LAMDA}": "lambda",
    "\N{GREEK SMALL LETTER MU}": "mu",
    "\N{GREEK SMALL LETTER SIGMA}": "sigma",
}
"""Replacements in mlcore's texts for characters that the encoding lacks."""

_HANDLER: Final = "mlcore.spelled"
_UNCHOSEN: Final = ("strict", "surrogateescape", "backslashreplace")
"""What Python itself sets; another way was chosen by the user, in PYTHONIOENCODING."""


@contextmanager
def any_encoding() -> Iterator[None]:
    r"""Let standard output and standard error print every text, whatever their encoding.

    A sign that the encoding lacks is spelled in ASCII: ours as they are read (``...``, ``+/-``),
    others as Python escapes them (``\u7b2c``), so that names which differ stay different.
    """
    codecs.register_error(_HANDLER, _spelled)
    changed: list[tuple[io.TextIOWrapper, str]] = []
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _UNCHOSEN:
            changed.append((stream, stream.errors))
            stream.reconfigure(errors=_HANDLER)
    try:
        yield
    finally:
        for stream, errors in changed:
            if not stream.closed:
                stream.reconfigure(errors=errors)


def printable(text: str) -> str:
    """A text without terminal control characters; line breaks stay."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def one_line(text: str, most: int = 60) -> str:
    """A text on one line, without terminal control characters, shortened."""
    plain = printable(text).replace("\n", " ")
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def moment(at: datetime) -> str:
    """A time to the minute, in UTC: ``2026-11-01 18:30 UTC``. Filters read times in UTC too."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def counted(number: int, what: str) -> str:
    """A number and its noun: ``1 run``, ``2 runs``."""
    return f"{number} {what}{'s' * (number != 1)}"


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(map(_spell, signs)), error.end


def _spell(sign: str) -> str:
    escaped = sign.encode("ascii", "backslashreplace").decode("ascii")
    return _SPELLED.get(sign, escaped)
