"""Writes the layers of a model as an aligned table, and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol


class Row(Protocol):
    """What is written of a layer; see ``LayerSummary``."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> tuple[tuple[int, ...], ...]: ...  # noqa: D102
    @property
    def outputs(self) -> tuple[tuple[int, ...], ...]: ...  # noqa: D102
    @property
    def calls(self) -> int: ...  # noqa: D102
    @property
    def parameters(self) -> int: ...  # noqa: D102
    @property
    def shared(self) -> bool: ...  # noqa: D102
    @property
    def multiply_adds(self) -> int: ...  # noqa: D102
    @property
    def activation_bytes(self) -> int: ...  # noqa: D102


COLUMNS: Final = (
    "Layer",
    "Type",
    "Input",
    "Output",
    "Parameters",
    "Multiply-adds",
    "Activations",
)
_WORDS: Final = 4
"""Columns that are words, aligned to the left; the others are numbers."""


def cells(layers: Iterable[Row]) -> list[tuple[str, ...]]:
    """The table as text, one row a layer: ``COLUMNS``."""
    return [
        (
            layer.name or "(model)",
            layer.kind + (f" ×{layer.calls}" if layer.calls > 1 else ""),
            shape_text(layer.inputs) if layer.calls else "not called",
            shape_text(layer.outputs),
            "shared" if layer.shared and not layer.parameters else _count(layer.parameters),
            _count(layer.multiply_adds),
            size(layer.activation_bytes) if layer.activation_bytes else "–",
        )
        for layer in layers
    ]


def as_text(layers: Iterable[Row], totals: Mapping[str, str]) -> str:
    """A plain table with aligned columns, and the totals below."""
    return aligned(COLUMNS, cells(layers), words=_WORDS, below=totals)


def aligned(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: int,
    below: Mapping[str, str],
) -> str:
    """A table of text.

    Args:
        columns: Their names.
        rows: One text a column.
        words: How many of the first columns are aligned to the left; the others to the right.
        below: Names and values for the lines under the table.
    """
    every = [columns, *rows]
    widths = [max(len(row[k]) for row in every) for k in range(len(columns))]
    lines = [_line(row, widths, words) for row in every]
    rule = "─" * max(map(len, lines))
    width = max(map(len, below))
    notes = [f"{name:<{width}}  {value}" for name, value in below.items()]
    return "\n".join([lines[0], rule, *lines[1:], rule, *notes])


def as_html(layers: Iterable[Row], totals: Mapping[str, str]) -> str:
    """The same as an HTML table in the colours of the page around it."""
    head = "".join(f"<th{_style(k)}>{name}</th>" for k, name in enumerate(COLUMNS))
    lines = (
        "".join(f"<td{_style(k)}>{html.escape(cell)}</td>" for k, cell in enumerate(row))
        for row in cells(layers)
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    below = "<br>".join(f"{html.escape(k)}: {html.escape(v)}" for k, v in totals.items())
    return (
        f'<div style="overflow-x: auto"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table><p>{below}</p></div>"
    )


def size(count: int) -> str:
    """Bytes in the unit that suits them: ``512 B``, ``1.5 KiB``."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1000 or unit == "TiB":
            break
    return f"{value:.3g} {unit}"


def with_unit(count: int) -> str:
    """A count with thousands separated, and shortened beside it: ``1,814,073,344 (1.81 G)``."""
    for factor, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= factor:
            return f"{count:,} ({count / factor:.3g} {unit})"
    return f"{count:,}"


def _line(row: Sequence[str], widths: Sequence[int], words: int) -> str:
    parts = [
        cell.ljust(width) if k < words else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(parts).rstrip()


def _style(column: int) -> str:
    align = "left" if column < _WORDS else "right"
    return f' style="text-align: {align}; white-space: nowrap"'


def shape_text(shapes: Iterable[tuple[int, ...]]) -> str:
    """Shapes as they are read: ``1×28×28, 1×10``."""
    return ", ".join("×".join(map(str, shape)) or "scalar" for shape in shapes) or "–"


def _count(number: int) -> str:
    return f"{number:,}" if number else "–"
