"""Tables for a notebook, as HTML with all text escaped and as aligned plain text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

Bundle = dict[str, Any]
"""What a notebook is sent: content by MIME type."""

LONGEST: Final = 100
"""Characters of a cell."""
MOST_ROWS: Final = 40
"""Rows of a table; what is left out is counted."""

_STYLE: Final = "text-align: left; vertical-align: top"


def facts_bundle(title: str, facts: Mapping[str, object]) -> Bundle:
    """A table of two columns.

    Args:
        title: Above it.
        facts: A row each; None is left out.
    """
    rows = [(name, said(value)) for name, value in facts.items() if value is not None]
    rows, rest = rows[:MOST_ROWS], rows[MOST_ROWS:]
    body = "".join(
        f'<tr><th style="{_STYLE}">{html.escape(name)}</th>'
        f'<td style="{_STYLE}">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    width = max((len(name) for name, _ in rows), default=0)
    lines = [title, *(f"{name:<{width}}  {value}" for name, value in rows)]
    return _bundle(title, f"<tbody>{body}</tbody>", lines, len(rest))


def rows_bundle(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    longest: int = LONGEST,
) -> Bundle:
    """A table with a head.

    Args:
        title: Above it.
        columns: Their names.
        rows: One value a column.
        longest: Characters of a cell.
    """
    shown = [[said(value, longest) for value in row] for row in rows[:MOST_ROWS]]
    head = "".join(f'<th style="{_STYLE}">{html.escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_STYLE}">{html.escape(cell)}</td>' for cell in row) + "</tr>"
        for row in shown
    )
    widths = [max(map(len, column)) for column in zip(columns, *shown, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (list(columns), *shown)
    ]
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return _bundle(title, table, [title, *lines], len(rows) - len(shown))


def said(value: object, longest: int = LONGEST) -> str:
    """A value on one line, a float with six digits, and not too long."""
    if value is None:
        return "–"
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def seconds_said(seconds: float | None) -> str:
    """Seconds as they are read: ``0.4 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _bundle(title: str, table: str, lines: list[str], left: int) -> Bundle:
    more = f"{left:,} more are not shown." if left else ""
    return {
        "text/html": (
            f'<div style="overflow-x: auto"><p><b>{html.escape(title)}</b></p>'
            f"<table>{table}</table>{f'<p>{more}</p>' if more else ''}</div>"
        ),
        "text/plain": "\n".join([*lines, *([more] if more else [])]),
    }
