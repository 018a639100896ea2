"""A CSV of one's own: two of its columns as a data set, with a clear word for each bad kind."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.regression.data import DataError, Dataset

if TYPE_CHECKING:
    import pandas as pd

_SNIFFED = 20  # lines looked at to find the separator and the header


def read_table(source: Path | bytes) -> pd.DataFrame:
    """Read a CSV, guessing what varies: separator, decimal comma, header or none, encoding.

    Args:
        source: The file, or its bytes as an upload gives them.

    Returns:
        One column each; a file without a header gets ``column 1``, ``column 2``, ….

    Raises:
        DataError: If the file is empty, is no table, or has fewer than two columns.
        FileNotFoundError: If there is no such file.
    """
    import pandas as pd

    raw = source if isinstance(source, bytes) else source.read_bytes()
    if b"\0" in raw[:4096]:
        raise DataError("This is no text file; save the table as CSV (UTF-8) and try again.")
    text = _decoded(raw)
    head = [line for line in text[:100_000].splitlines() if line.strip()][:_SNIFFED]
    if not head:
        raise DataError("The file is empty; it needs two columns of numbers.")
    separator = _separator(head)
    decimal = "," if separator == ";" and not any("." in line for line in head[1:]) else "."
    first = next(csv.reader([head[0]], delimiter=separator))
    headless = all(_is_number(cell.replace(decimal, ".")) for cell in first)
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            decimal=decimal,
            header=None if headless else 0,
            skipinitialspace=True,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise DataError(
            f"The file is no table ({reason}); every line needs the same number of columns."
        ) from None
    if headless:
        table.columns = pd.Index([f"column {i + 1}" for i in range(table.shape[1])])
    table.columns = table.columns.map(lambda name: str(name).strip())
    if table.shape[1] < 2:
        raise DataError(
            f"The file has one column only ({table.columns[0]!r}); it needs two, separated by a "
            "comma, a semicolon or a tab."
        )
    return table


def numeric_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns of which at least half is numbers, in order."""
    import pandas as pd

    half = max(1, len(table)) / 2
    names = [str(n) for n in table.columns]
    return [
        name
        for i, name in enumerate(names)
        if pd.to_numeric(table.iloc[:, i], errors="coerce").notna().sum() >= half
    ]


def from_table(table: pd.DataFrame, x: str = "", y: str = "") -> Dataset:
    """Two columns of a table as points; rows in which either is no finite number are left out.

    Args:
        table: As ``read_table`` gives it.
        x: Name of the column of inputs; the first numeric one if empty.
        y: Name of the column of targets; the next numeric one if empty.

    Returns:
        The data set; its notes say how many rows were left out, and why.

    Raises:
        DataError: If a column is missing, holds text, or fewer than two whole rows are left.
    """
    import numpy as np
    import pandas as pd
    import torch

    numeric = numeric_columns(table)
    x = x or next((n for n in numeric if n != y), "")
    y = y or next((n for n in numeric if n != x), "")
    if not x or not y:
        raise DataError(
            f"The table has {len(numeric)} column(s) of numbers; two are needed, for x and y."
        )
    names = [str(name) for name in table.columns]
    values, missing, text = [], np.zeros(len(table), bool), np.zeros(len(table), bool)
    example = ""
    for name in (x, y):
        if name not in names:
            raise DataError(f"There is no column {name!r}; the table has {', '.join(names)}.")
        column = table.iloc[:, names.index(name)]  # by place: a name may stand twice
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        absent = column.isna().to_numpy()
        bad = ~np.isfinite(numbers) & ~absent
        if bad.any():
            row = int(bad.argmax())
            example = example or f"row {row + 1} of {name!r} holds {str(column.iloc[row])[:30]!r}"
        if name not in numeric:
            raise DataError(
                f"The column {name!r} holds text"
                f"{' (' + example + ')' if example else ' or nothing'}; choose a column of numbers."
            )
        missing |= absent
        text |= bad
        values.append(numbers)
    keep = ~(missing | text)
    notes = []
    if missing.any():
        notes.append(f"{int(missing.sum()):,} rows with an empty cell were left out.")
    if text.any():
        notes.append(
            f"{int((text & ~missing).sum()):,} rows without a number were left out ({example})."
        )
    if keep.sum() < 2:
        raise DataError(
            f"Only {int(keep.sum())} whole row(s) of {x!r} and {y!r} are left; a line needs two. "
            + " ".join(notes)
        )
    pair = [torch.from_numpy(np.ascontiguousarray(column[keep])) for column in values]
    return Dataset(pair[0], pair[1], x, y, tuple(notes))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _separator(head: list[str]) -> str:
    """The separator that splits every line alike into the most cells; a comma if none does."""
    best = (1, ",")
    for separator in (",", ";", "\t", "|", " "):
        widths = {len(row) for row in csv.reader(head, delimiter=separator, skipinitialspace=True)}
        if len(widths) == 1 and (width := widths.pop()) > best[0]:
            best = (width, separator)
    return best[1]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
