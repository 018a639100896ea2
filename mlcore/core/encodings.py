"""The encoding of a text file that does not say it: UTF-8, UTF-16, GB18030 or Windows-1252."""

from __future__ import annotations

import codecs
import re
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", ""),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_LOOKED_AT: Final = 1_000_000
_COMMON: Final = range(0xB0, 0xD8)  # lead bytes of the 3,755 most common characters of GB 2312
_SIGNS: Final = range(0xA1, 0xA4)  # and of its punctuation and full-width letters


class NotTextError(ValueError):
    """Bytes that are no text in any encoding known here."""


def decode(raw: bytes) -> tuple[str, str]:
    """The text, and a sentence on how its encoding was found; empty for UTF-8.

    Raises:
        NotTextError: For a file that is no text.
    """
    for mark, codec, name in _MARKS:
        if raw.startswith(mark):
            try:
                return raw.decode(codec), f"The file is {name}." if name else ""
            except UnicodeDecodeError:
                break
    if b"\0" in raw[:_LOOKED_AT]:
        return _wide(raw), "The file was read as UTF-16; it does not say so itself."
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    if _is_chinese(raw):
        try:
            return raw.decode("gb18030"), _guessed("GB18030 (Chinese)")
        except UnicodeDecodeError:
            pass
    for codec, name in (
        ("cp1252", "Windows-1252 (Western European)"),
        ("gb18030", "GB18030 (Chinese)"),
    ):
        try:
            return raw.decode(codec), _guessed(name)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), _guessed("Latin-1 (Western European)")


def _guessed(name: str) -> str:
    return (
        f"The file is not UTF-8 and was read as {name}; if its names look wrong, save it as UTF-8."
    )


def _wide(raw: bytes) -> str:
    """UTF-16 without a mark: every other byte of its ASCII characters is zero."""
    head = raw[:_LOOKED_AT]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) >= 0.2 * len(head):
        try:
            return raw.decode("utf-16-be" if even else "utf-16-le")
        except UnicodeDecodeError:
            pass
    raise NotTextError("This is no text file; save the table as CSV (UTF-8) and try again.")


def _is_chinese(raw: bytes) -> bool:
    """Whether the bytes beyond ASCII come in pairs, mostly those of common Chinese characters.

    In Western European text they come one by one, and as lead bytes they would be capitals and
    signs such as ± and ½.
    """
    runs = re.findall(rb"[\x80-\xff]+", raw[:_LOOKED_AT])
    pairs = [run[i : i + 2] for run in runs for i in range(0, len(run), 2)]
    if not pairs or any(len(pair) < 2 or pair[1] < 0xA1 for pair in pairs):
        return False
    common = sum(pair[0] in _COMMON or pair[0] in _SIGNS for pair in pairs)
    return 5 * common >= 4 * len(pairs)
