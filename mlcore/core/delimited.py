"""Delimited text (CSV, TSV) as people have it: every guess about it is made here, and told.

What varies is the encoding, the separator, the decimal and the thousands mark, and whether the
first line names the columns. Each guess that a reader could have made otherwise becomes a sentence
in ``Delimited.notes``; what cannot be read for sure is refused, never read wrongly in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.core.encodings import NotTextError, decode
from mlcore.core.numerals import (
    Style,
    kind_of,
    looks_like_number,
    plain_numbers,
    read_column,
    style_of,
)

if TYPE_CHECKING:
    import pandas as pd

_SNIFFED: Final = 50
_SNIFFED_CHARACTERS: Final = 100_000
_SEPARATORS: Final = {
    "\t": "tabs",
    ";": "semicolons",
    "|": "vertical bars",
    "；": "full-width semicolons",
    "，": "full-width commas",
    ",": "commas",
    " ": "spaces",
}
"""In this order where two would fit: a tab is always meant as a separator."""
_UNIT: Final = "\x1f"  # stands for a full-width sign: pandas reads separators of one byte fast
_YEARS: Final = range(1000, 3000)


class DelimitedError(ValueError):
    """Text that is no table; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Delimited:
    """A table that was read.

    Attributes:
        table: A column each. One of numbers alone is float64; one in which some cells are none
            holds floats and, where they are not, the text that stands there; else it is text.
            An empty cell is NaN.
        kinds: What each column holds: ``numbers``, ``dates``, ``times`` or ``text``.
        notes: What was guessed, a sentence each; empty for plain UTF-8 with commas and a header.
    """

    table: pd.DataFrame
    kinds: tuple[str, ...]
    notes: tuple[str, ...]


def read_delimited(raw: bytes) -> Delimited:
    """Read a table from the bytes of a text file.

    Raises:
        DelimitedError: If it is no text, is empty, or its lines make no table.
    """
    import pandas as pd

    try:
        text, encoding = decode(raw)
    except NotTextError as error:
        raise DelimitedError(str(error)) from None
    notes = [encoding] if encoding else []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    announced = re.match(r'\s*"?sep=(.)"?[ \t]*(?:\n|$)', text, re.IGNORECASE)
    if announced:
        text = text[announced.end() :]
    if not text.strip():
        raise DelimitedError("The file is empty; it needs two columns of numbers.")
    separator = announced[1] if announced else _separator(text)
    if separator in "；，":
        text = text.replace(separator, _UNIT)
    sign = _UNIT if separator in "；，" else separator
    first, skipped = _first(text, sign)
    body = _body(text, sign, skipped)
    if len(first) < body.shape[1] and kind_of(first[0]) == "numbers":
        told = f"Line 1 has {len(first)} cells and the others {body.shape[1]}: it was left out."
        notes.append(told)
        first, skipped = _first(text, sign, skipped)
        body = body.iloc[1:].reset_index(drop=True)
    names, named = _names(first, body, text, sign, skipped)
    if not named:
        top = pd.DataFrame([[cell or None for cell in first]], columns=range(len(first)), dtype=str)
        body = pd.concat([top, body], ignore_index=True)
    elif not body.shape[1]:
        body = pd.DataFrame(columns=range(len(names)), dtype=str)
    body.columns = pd.Index(names)
    table, kinds, styles = _numbers(body, separator)
    if separator != ",":
        notes.append(f"The columns are separated by {_SEPARATORS.get(separator, repr(separator))}.")
    notes += _told(table, kinds, styles)
    if not named:
        notes.append("The first line holds values rather than names, so the columns are numbered.")
    return Delimited(table, kinds, tuple(notes))


# --- lines and cells -------------------------------------------------------------------------


def _records(text: str, separator: str) -> Iterator[list[str]]:
    lines = io.StringIO(text)
    if separator == " ":
        lines = io.StringIO("\n".join(line.strip() for line in text.split("\n")))
    return (
        [cell.strip() for cell in row]
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)
        if any(cell.strip() for cell in row)
    )


def _separator(text: str) -> str:
    """The separator that splits every line alike, into the most columns that are numbers."""
    head = text[:_SNIFFED_CHARACTERS]
    if len(head) < len(text):
        head = head.rpartition("\n")[0] or head
    best: tuple[tuple[float, ...], str] = ((), ",")
    for rank, separator in enumerate(_SEPARATORS):
        try:
            rows = [row for row, _ in zip(_records(head, separator), range(_SNIFFED), strict=False)]
        except csv.Error:
            continue
        widths = Counter(map(len, rows))
        width, alike = widths.most_common(1)[0]
        if width < 2 or 2 * alike < len(rows):
            continue
        whole = [row for row in rows[1:] or rows if len(row) == width]
        numeric = sum(
            all(looks_like_number(cell) for cell in column if cell) and any(column)
            for column in zip(*whole, strict=True)
        )
        score = (alike / len(rows), min(numeric, 2), numeric / width, -rank)
        if score > best[0]:
            best = (score, separator)
    return best[1]


def _first(text: str, separator: str, after: int = 0) -> tuple[list[str], int]:
    """The first line that is not blank, as cells, and how many lines of the text it ends after.

    Args:
        text: The file.
        separator: Between cells.
        after: How many lines to pass over.
    """
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in io.StringIO(text):
            taken += 1
            if taken <= after:
                continue
            yield line.strip() if separator == " " else line

    try:
        for row in csv.reader(lines(), delimiter=separator, skipinitialspace=True):
            if any(cell.strip() for cell in row):
                return [cell.strip() for cell in row], taken
    except csv.Error as error:
        raise _no_table(str(error)) from None
    return [], taken


def _body(text: str, separator: str, skipped: int) -> pd.DataFrame:
    import pandas as pd

    try:
        body: pd.DataFrame = pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if separator == " " else separator,
            header=None,
            skiprows=skipped,
            dtype=str,
            skipinitialspace=True,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (pd.errors.ParserError, ValueError) as error:
        raise _no_table(str(error).strip().splitlines()[-1]) from None
    return body


def _no_table(reason: str) -> DelimitedError:
    return DelimitedError(
        f"The file is no table ({reason}); every line needs the same number of columns."
    )


# --- names -----------------------------------------------------------------------------------


def _names(
    first: list[str], body: pd.DataFrame, text: str, separator: str, skipped: int
) -> tuple[list[str], bool]:
    """Names of the columns, and whether the first line gave them."""
    width = body.shape[1]
    if not width:
        if all(kind_of(cell) != "text" for cell in first):
            return [f"column {i + 1}" for i in range(len(first))], False
        return _unlike(first), True
    if _is_data(first, body):
        if len(first) != width:
            raise _no_table(f"line 1 has {len(first)} cells, the next {width}")
        return [f"column {i + 1}" for i in range(width)], False
    while len(first) > width and not first[-1]:
        first = first[:-1]  # a separator that ends the first line alone
    if len(first) == width - 1 and _has_row_names(body, text, skipped):
        first = ["row", *first]  # as R writes a table: nothing stands above the names of its rows
    if len(first) != width:
        comma = separator == "," and len(first) < width
        hint = " A decimal comma between commas? Save it with semicolons." if comma else ""
        raise DelimitedError(
            f"The file is no table (line 1 names {len(first)} columns, the next line has {width} "
            f"cells); every line needs the same number of columns.{hint}"
        )
    return _unlike(first), True


def _has_row_names(body: pd.DataFrame, text: str, skipped: int) -> bool:
    quoted = next((line for line in text.split("\n")[skipped:] if line.strip()), "")
    return quoted.startswith('"') or kind_of(str(body.iloc[0, 0])) == "text"


def _is_data(first: list[str], body: pd.DataFrame) -> bool:
    """Whether the first line is one of values: where the columns hold numbers, so does it."""
    told = []
    for i, cell in enumerate(first[: body.shape[1]]):
        column = body.iloc[:_SNIFFED, i].dropna()
        kinds = Counter(kind_of(str(value)) for value in column)
        if not kinds or kinds.most_common(1)[0][0] == "text":
            continue
        if not cell or kind_of(cell) == "text":
            return False
        told.append(cell)
    years = all(cell.isdecimal() and int(cell) in _YEARS for cell in told)
    return bool(told) and not (years and len(told) < len(first))  # name,1990,1991: names


def _unlike(names: list[str]) -> list[str]:
    """Names that are all there and all different: ``x``, ``x.1``, ``column 3``."""
    found: list[str] = []
    for i, name in enumerate(names):
        wanted = name or f"column {i + 1}"
        unlike, turn = wanted, 0
        while unlike in found:
            turn += 1
            unlike = f"{wanted}.{turn}"
        found.append(unlike)
    return found


# --- numbers ---------------------------------------------------------------------------------


def _numbers(
    body: pd.DataFrame, separator: str
) -> tuple[pd.DataFrame, tuple[str, ...], list[Style | None]]:
    """Read each column's cells; one column that is sure of its marks decides for those in doubt."""
    import pandas as pd

    plain = [plain_numbers(body.iloc[:, i]) for i in range(body.shape[1])]
    styles = [
        style_of(body.iloc[:, i], separator) if numbers is None else Style()
        for i, numbers in enumerate(plain)
    ]
    sure = {style.decimal for style in styles if style is not None and style.sure}
    decimal = sure.pop() if len(sure) == 1 else None
    columns, kinds = [], []
    for i, style in enumerate(styles):
        if style is not None and decimal is not None and not style.sure:
            styles[i] = style = style_of(body.iloc[:, i], separator, decimal)
        numbers = plain[i]
        if numbers is not None and style == Style():
            column, kind = numbers, "numbers"
        else:
            column, kind = read_column(body.iloc[:, i], style)
        columns.append(column)
        kinds.append(kind)
    table = pd.concat(columns, axis=1) if columns else body
    table.columns = body.columns
    return table, tuple(kinds), styles


def _told(table: pd.DataFrame, kinds: tuple[str, ...], styles: list[Style | None]) -> Iterator[str]:
    names = [f"{name!r}" for name in table.columns]
    if commas := [n for n, s in zip(names, styles, strict=True) if s and s.decimal == ","]:
        yield f"A comma is the decimal mark in {', '.join(commas)}."
    for name, style in zip(names, styles, strict=True):
        if style and style.thousands and style.example:
            cell, value = style.example
            yield f"In {name} {style.mark} separates thousands: {cell!r} was read as {value:.15g}."
    for name, style in zip(names, styles, strict=True):
        if style and style.truth:
            yield f"In {name} true was read as 1 and false as 0."
    for name, kind in zip(names, kinds, strict=True):
        if kind in ("dates", "times"):
            yield f"{name} holds {kind}, not numbers."
