"""Reads two columns of an uploaded table as a data set, with one clear error for each fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.core.delimited import DelimitedError, read_delimited
from mlcore.regression.data import DataError, Dataset

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def read_table(source: Path | bytes) -> pd.DataFrame:
    """Read delimited text, detecting its format; see ``mlcore.core.delimited``.

    Args:
        source: The file, or its bytes as an upload gives them.

    Returns:
        One column each; a file without a header gets ``column 1``, ``column 2``, …. Its
        ``attrs["notes"]`` say what was guessed, ``attrs["kinds"]`` what each column holds.

    Raises:
        DataError: If the file is empty, is no table, or has fewer than two columns.
        FileNotFoundError: If there is no such file.

    Example:
        >>> import mlcore, pandas
        >>> sizes = pandas.DataFrame({"size": ["1,5", "2,5"], "price": [10, 12]})
        >>> content = sizes.to_csv(sep=";", index=False).encode()
        >>> table = mlcore.regression.read_table(content)
        >>> print(table["size"].tolist(), len(table.attrs["notes"]))
        [1.5, 2.5] 2
    """
    raw = source if isinstance(source, bytes) else source.read_bytes()
    try:
        found = read_delimited(raw)
    except DelimitedError as error:
        raise DataError(str(error)) from None
    table = found.table
    if table.shape[1] < 2:
        raise DataError(
            f"The file has one column only ({table.columns[0]!r}); it needs two, separated by a "
            "comma, a semicolon or a tab."
        )
    table.attrs = {
        "notes": found.notes,
        "kinds": dict(zip(table.columns, found.kinds, strict=True)),
    }
    return table


def numeric_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns of which at least half the cells are numbers, in order.

    Example:
        >>> import mlcore, pandas
        >>> table = pandas.DataFrame({"name": ["A", "B"], "hours": [1, 2], "score": [10, 12]})
        >>> mlcore.regression.numeric_columns(table)
        ['hours', 'score']
    """
    import numpy as np

    half = max(1, len(table)) / 2
    names = [str(n) for n in table.columns]
    return [
        name
        for i, name in enumerate(names)
        if (~np.isnan(_numbers(table.iloc[:, i]))).sum() >= half
    ]


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    """The column as numbers, NaN where there is none; text that resembles a number was refused."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = column.tolist()
    return np.array([c if isinstance(c, (int, float)) else np.nan for c in cells], np.float64)


def from_table(table: pd.DataFrame, x: str = "", y: str = "") -> Dataset:
    """Two columns of a table as points; rows with a non-finite number in either are left out.

    Args:
        table: As ``read_table`` gives it.
        x: Name of the column of inputs; the first numeric one if empty.
        y: Name of the column of targets; the next numeric one if empty.

    Returns:
        The data set; its notes say what was guessed in reading the table, how many rows were left
        out, and why.

    Raises:
        DataError: If a column is missing, holds text, or fewer than two whole rows are left.

    Example:
        >>> import mlcore, pandas
        >>> table = pandas.DataFrame({"hours": [1, 2, None], "score": [10, 12, 13]})
        >>> data = mlcore.regression.from_table(table)
        >>> print(data.x.tolist(), data.y_name, data.notes)
        [1.0, 2.0] score ('1 row with an empty cell was left out.',)
    """
    import numpy as np
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
        numbers = _numbers(column)
        absent = column.isna().to_numpy()
        bad = ~np.isfinite(numbers) & ~absent
        if bad.any():
            row = int(bad.argmax())
            example = example or f"row {row + 1} of {name!r} holds {str(column.iloc[row])[:30]!r}"
        if name not in numeric:
            raise DataError(
                f"The column {name!r} holds {table.attrs.get('kinds', {}).get(name, 'text')}"
                f"{' (' + example + ')' if example else ' or nothing'}; choose a column of numbers."
            )
        missing |= absent
        text |= bad
        values.append(numbers)
    keep = ~(missing | text)
    notes = []
    if missing.any():
        notes.append(_left_out(int(missing.sum()), "with an empty cell"))
    if (lost := int((text & ~missing).sum())) > 0:
        notes.append(_left_out(lost, "without a number", f" ({example})"))
    if keep.sum() < 2:
        raise DataError(
            f"Only {int(keep.sum())} whole row(s) of {x!r} and {y!r} are left; a line needs two. "
            + " ".join(notes)
        )
    pair = [torch.from_numpy(np.ascontiguousarray(column[keep])) for column in values]
    return Dataset(pair[0], pair[1], x, y, (*table.attrs.get("notes", ()), *notes))


def _left_out(count: int, why: str, example: str = "") -> str:
    rows, were = ("row", "was") if count == 1 else ("rows", "were")
    return f"{count:,} {rows} {why} {were} left out{example}."
