"""Numbers as text: decimal points and commas, thousands marks, and what is a date or a time.

A column is read in one style. ``1,200`` alone could be 1200 or 1.2: the other cells of the column,
then the other columns, then the separator between the cells decide, and the guess is told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

_POWER: Final = r"(?:[eE][+-]?\d+)?"
_SPACES: Final = " \u00a0\u2009\u202f"


def _grouped(mark: str, decimal: str) -> re.Pattern[str]:
    """Numbers whose thousands may be marked, and whose first group therefore begins with no 0.

    A comma may also stand after every second digit, as in India: 1,00,000.
    """
    more = rf"(?:{mark}\d{{2,3}})*" if mark == "," else rf"(?:{mark}\d{{3}})*"
    return re.compile(
        rf"[+-]?(?:\d+|[1-9]\d{{0,2}}{more}{mark}\d{{3}})(?:{decimal}\d*)?{_POWER}"
        rf"|[+-]?{decimal}\d+{_POWER}"
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to write numbers: its two marks, what the thousands mark is called, a pattern."""

    decimal: str
    thousands: str
    mark: str
    pattern: re.Pattern[str]


_FORMS: Final = (
    _Form(".", ",", "a comma", _grouped(",", r"\.")),
    _Form(",", ".", "a point", _grouped(r"\.", ",")),
    _Form(".", _SPACES, "a space", _grouped(f"[{_SPACES}]", r"\.")),
    _Form(",", _SPACES, "a space", _grouped(f"[{_SPACES}]", ",")),
    _Form(".", "'’", "an apostrophe", _grouped("['’]", r"\.")),
)
_PLAIN: Final = re.compile(
    rf"[+-]?(?:\d+\.?\d*|\.\d+){_POWER}|[+-]?(?:inf(?:inity)?|nan)", re.IGNORECASE
)
_DOUBTFUL: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_DATE: Final = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\.?|\d{4}[./-]\d{1,2}[./-]\d{1,2})"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|\d{4}年\d{1,2}月\d{1,2}日"
)
_TIME: Final = re.compile(r"\d{1,3}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?")
_WIDE: Final = str.maketrans("０１２３４５６７８９．－＋−", "0123456789.-+-")
_TRUTH: Final = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Style:
    """How the numbers of a column are written.

    Attributes:
        decimal: ``.`` or ``,``; the point where no number has a fraction.
        thousands: The signs that separate thousands, or none.
        mark: What that sign is called.
        sure: Whether the cells leave no doubt which is the decimal mark.
        example: A cell that holds a thousands mark, and its value.
        truth: Whether the column holds ``true`` and ``false``.
    """

    decimal: str = "."
    thousands: str = ""
    mark: str = ""
    sure: bool = False
    example: tuple[str, float] | None = None
    truth: bool = False


def looks_like_number(cell: str) -> bool:
    """Whether a cell is a number in any style."""
    cell = cell.translate(_WIDE)
    return bool(_PLAIN.fullmatch(cell)) or any(f.pattern.fullmatch(cell) for f in _FORMS)


def kind_of(cell: str) -> str:
    """What a cell holds: ``numbers``, ``dates``, ``times`` or ``text``."""
    cell = cell.strip()
    if looks_like_number(cell):
        return "numbers"
    if _DATE.fullmatch(cell):
        return "dates"
    return "times" if _TIME.fullmatch(cell) else "text"


def plain_numbers(column: pd.Series) -> pd.Series | None:
    """The column read as Python reads numbers; None if a cell is none, or all are empty."""
    numbers = _plain(column)
    missing, unread = int(column.isna().sum()), int(numbers.isna().sum())
    return None if missing == len(column) or unread > missing else numbers


def style_of(column: pd.Series, separator: str, decimal: str | None = None) -> Style | None:
    """The style in which most cells of a column can be read; None if under half of them can.

    Args:
        column: Text, NaN where a cell is empty.
        separator: Between the cells: commas are thousands marks rather where it is a comma itself.
        decimal: The decimal mark of the file's other columns, where they are sure of it.
    """
    cells = column.dropna()
    if not len(cells):
        return None
    if bool(_plain(cells).notna().all()):
        return _plain_style(cells, decimal)
    cells = cells.str.strip().str.translate(_WIDE)
    plain = _plain(cells)
    odd = cells[plain.isna() & ~_is_nan(cells)]
    if not len(odd):
        return _plain_style(cells, decimal)
    if cells.str.lower().isin(_TRUTH).all():
        return Style(truth=True)
    fits = {form: cells.str.fullmatch(form.pattern).to_numpy(bool) for form in _FORMS}
    most = max(int(fit.sum()) for fit in fits.values())
    if int(plain.notna().sum()) >= most:
        return Style() if 2 * int(plain.notna().sum()) >= len(cells) else None
    if 2 * most < len(cells):
        return None
    best = [form for form in _FORMS if int(fits[form].sum()) == most]
    sure = len({form.decimal for form in best}) == 1
    wanted = best[0].decimal if sure else decimal or _likelier(separator)
    form = next((form for form in best if form.decimal == wanted), best[0])
    marked = odd[
        odd.str.contains(f"[{re.escape(form.thousands)}]") & odd.str.fullmatch(form.pattern)
    ]
    if not len(marked):
        return Style(form.decimal, sure=sure)
    example = str(marked.iloc[0])
    return Style(form.decimal, form.thousands, form.mark, sure, (example, _value(example, form)))


def _plain_style(cells: pd.Series, decimal: str | None) -> Style:
    """Numbers that float() reads: 1.200 is 1200 where the other columns have decimal commas."""
    if decimal != ",":
        return Style()
    points = cells[cells.str.contains(".", regex=False)]
    form = _FORMS[1]
    if len(points) and points.str.fullmatch(form.pattern).all():
        example = str(points.iloc[0])
        return Style(",", form.thousands, form.mark, False, (example, _value(example, form)))
    return Style()


def _likelier(separator: str) -> str:
    """The decimal mark of a column in which every comma is followed by three digits.

    A comma between cells leaves the comma in them to thousands; a semicolon was chosen because
    commas are decimal marks. Else they are thousands: decimals of one length are the rarer case.
    """
    return "," if separator == ";" else "."


def read_column(column: pd.Series, style: Style | None) -> tuple[pd.Series, str]:
    """The column with its numbers read, and what it holds (see ``kind_of``).

    Cells that are no number keep their text.
    """
    import pandas as pd

    if style is None:
        cells = column.dropna().astype(str).str.strip()
        kinds = {kind_of(cell) for cell in cells.head(1000)}
        return column, kinds.pop() if len(kinds) == 1 and kinds != {"numbers"} else "text"
    cells = column.str.strip().str.translate(_WIDE)
    if style.truth:
        return cells.str.lower().map(_TRUTH).astype("float64"), "numbers"
    if style.decimal == "." and not style.thousands:
        numbers = _plain(cells)
    else:
        form = next(
            f
            for f in _FORMS
            if f.decimal == style.decimal
            and (not style.thousands or f.thousands == style.thousands)
        )
        good = cells.str.fullmatch(form.pattern).fillna(False).astype(bool)
        told = cells.where(good).str.replace(f"[{re.escape(form.thousands)}]", "", regex=True)
        numbers = _plain(told.str.replace(",", ".", regex=False) if form.decimal == "," else told)
    unread = numbers.isna() & column.notna() & ~_is_nan(cells)
    if not bool(unread.any()):
        return numbers, "numbers"
    mixed = numbers.astype(object)
    mixed[unread] = column[unread]
    return pd.Series(mixed, index=column.index), "numbers"


def _plain(cells: pd.Series) -> pd.Series:
    """The numbers that float() reads, but no hexadecimal and no 1_000; NaN for the rest."""
    import pandas as pd

    return pd.to_numeric(cells, errors="coerce").astype("float64")


def _is_nan(cells: pd.Series) -> pd.Series:
    return cells.str.lower().isin(("nan", "+nan", "-nan"))


def _value(cell: str, form: _Form) -> float:
    bare = re.sub(f"[{re.escape(form.thousands)}]", "", cell).replace(form.decimal, ".")
    try:
        return float(bare)
    except ValueError:
        return math.nan
