"""Heatmaps and contours: a third column as colour over two others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.dimensions import Column, Dimension, Floats, dimension
from mlcore.charts.encodings import across, number, shade, tip, up
from mlcore.charts.interpolation import METHOD, isolines, round_levels, surface
from mlcore.charts.specs import ROWS, bare_spec

MOST_CELLS: Final = 16
"""Different values up to which a heatmap has a cell for each; more are put into even bins."""
BINS: Final = 10

Layers = list[alt.Chart | alt.LayerChart]


# --- heatmap ---------------------------------------------------------------------------------


def heatmap(frame: pd.DataFrame, x: Column, y: Column, value: Column) -> alt.LayerChart:
    """The mean of a column in each cell of two others.

    A column of at most ``MOST_CELLS`` different values has a cell for each; another is cut into
    ``BINS`` bins, even on its axis.

    Raises:
        ValueError: If a column does not exist, or ``value`` holds more than numbers.
    """
    first, second, shown = (dimension(frame, column) for column in (x, y, value))
    rows = heatmap_rows(frame, first, second, shown)
    chart = _heatmap(first, second, shown, in_order(rows, "x"), in_order(rows, "y"))
    return chart.properties(data=rows)


def heatmap_rows(frame: pd.DataFrame, x: Dimension, y: Dimension, value: Dimension) -> pd.DataFrame:
    """The rows of ``heatmap_spec``.

    Returns:
        One row per cell: x and y (texts), x_place and y_place (their order), value (mean), count,
        words (the mean, short), ink (a colour to write it in).
    """
    if value.kind == "category":
        raise ValueError(
            f"The column {value.column!r} holds more than numbers, so it has no mean to colour a "
            "cell by. Choose a column of numbers."
        )
    cells = pd.DataFrame({"value": value.drawn(frame[value.column]).to_numpy()})
    for name, axis in (("x", x), ("y", y)):
        cells[name], cells[f"{name}_place"] = _cells(frame[axis.column], axis)
    known = np.isfinite(cells["value"]) & cells["x_place"].notna() & cells["y_place"].notna()
    by = ["x", "y", "x_place", "y_place"]
    rows = cells[known].groupby(by, as_index=False)["value"].agg(["mean", "count"])
    rows = rows.rename(columns={"mean": "value"}).sort_values(["y_place", "x_place"])
    rows["words"] = [f"{m:,.0f}" if abs(m) >= 1000 else f"{m:.3g}" for m in rows["value"]]
    height = value.places(rows["value"])  # as the colours have it
    low, high = (height.min(), height.max()) if len(height) else (0.0, 0.0)
    shade = (height - low) / (high - low) if high > low else 0.0 * height
    rows["ink"] = np.where(shade > 0.45, palette.DARK["text"], palette.LIGHT["text"])
    done: pd.DataFrame = rows.reset_index(drop=True)
    return done


@lru_cache(maxsize=64)
def heatmap_spec(
    x: Dimension,
    y: Dimension,
    value: Dimension,
    x_order: tuple[str, ...],
    y_order: tuple[str, ...],
) -> dict[str, Any]:
    """``heatmap`` as a Vega-Lite dict without data; built once, do not change it.

    Args:
        x: The horizontal column.
        y: The vertical one.
        value: What colours a cell.
        x_order: Texts of the columns, from left to right (``in_order``).
        y_order: Texts of the rows, from the bottom up.
    """
    return bare_spec(_heatmap(x, y, value, x_order, y_order))


def _cells(values: pd.Series, axis: Dimension) -> tuple[list[str], Floats]:
    """The cell of each value along one axis: its text, and a number to sort by."""
    drawn, places = axis.drawn(values), axis.places(values)
    if axis.kind == "category" or drawn.nunique() <= MOST_CELLS:
        return axis.texts(values), places
    bins = np.clip(np.floor(places * BINS), 0, BINS - 1)
    edges = [f"{edge:.3g}" for edge in axis.values_at(np.linspace(0, 1, BINS + 1))]
    names = [f"{edges[k]} – {edges[k + 1]}" for k in range(BINS)]
    return ["—" if np.isnan(k) else names[int(k)] for k in bins], bins


def in_order(rows: pd.DataFrame, name: str) -> tuple[str, ...]:
    """Texts of the columns (``x``) or rows (``y``) of a heatmap's rows, in order."""
    ordered = rows.sort_values(f"{name}_place")[name]
    return tuple(dict.fromkeys(ordered))


def _heatmap(
    x: Dimension,
    y: Dimension,
    value: Dimension,
    x_order: Sequence[str],
    y_order: Sequence[str],
) -> alt.LayerChart:
    base = alt.Chart(ROWS).encode(
        x=alt.X("x:N", title=x.title, sort=list(x_order), axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("y:N", title=y.title, sort=list(reversed(y_order))),
        tooltip=[
            alt.Tooltip("x:N", title=x.title),
            alt.Tooltip("y:N", title=y.title),
            alt.Tooltip("value:Q", title=f"{value.title}, mean", format=number(value)),
            alt.Tooltip("count:Q", title="Runs"),
        ],
    )
    cells = base.mark_rect().encode(fill=shade("value", value))
    words = base.mark_text(fontSize=11).encode(text="words:N", color=alt.Color("ink:N", scale=None))
    layers: Layers = [cells, words]
    return alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(
            f"{value.title} by {x.title} and {y.title}",
            subtitle="mean of the runs in each cell",
            subtitleColor=palette.MUTED,
            anchor="start",
        ),
        height=220 + 28 * max(2, len(y_order)),
        description=f"A grid of {x.title} by {y.title}; each cell shows the mean {value.title}.",
    )


# --- contour ---------------------------------------------------------------------------------


def contour(frame: pd.DataFrame, x: Column, y: Column, value: Column) -> alt.LayerChart:
    """A column over two others as a contour plot with lines of equal value.

    See ``mlcore.charts.interpolation`` for the method, which the chart's subtitle names.

    Raises:
        ValueError: If a column does not exist, ``x`` or ``y`` holds categories, ``value`` holds
            more than numbers, or the points do not span a surface.
    """
    first, second, shown = (dimension(frame, column) for column in (x, y, value))
    rows = contour_rows(frame, first, second, shown)
    return _contour(first, second, shown).properties(data=rows)


def contour_rows(
    frame: pd.DataFrame, x: Dimension, y: Dimension, value: Dimension, label: str | None = None
) -> pd.DataFrame:
    """The rows of ``contour_spec``.

    Args:
        frame: One row per run.
        x: The horizontal column.
        y: The vertical one.
        value: The height.
        label: Column that names a row in its tooltip; the row's index if not given.

    Returns:
        One row per part: kind (cell, line, point), x, y, x2, y2, value, run.

    Raises:
        ValueError: As ``contour`` does.
    """
    for axis in (x, y, value):
        if axis.kind == "category":
            raise ValueError(
                f"The column {axis.column!r} holds categories, between which there is nothing to "
                "interpolate. Choose a column of numbers, or a heatmap."
            )
    values = value.drawn(frame[value.column]).to_numpy("float64")
    px, py = x.places(frame[x.column]), y.places(frame[y.column])
    # on a logarithmic axis heights are its places, elsewhere the values themselves
    log = value.kind == "log"
    over = surface(px, py, value.places(frame[value.column]) if log else values)
    levels = np.asarray([at for at, _ in value.ticks()]) if log else round_levels(values)
    # a little more than half a step: cells that only touch would show seams between them
    half = 0.53 * (over.places[1] - over.places[0])
    row, column = np.nonzero(np.isfinite(over.values))
    cx, cy = over.places[column], over.places[row]
    lines = isolines(over, levels)
    known = np.isfinite(px) & np.isfinite(py) & np.isfinite(values)
    names = (frame.index if label is None else frame[label]).astype(str).to_numpy(dtype="object")
    parts = {
        "cell": (cx - half, cy - half, cx + half, cy + half, over.values[row, column]),
        "line": (lines[:, 1], lines[:, 2], lines[:, 3], lines[:, 4], lines[:, 0]),
        "point": (px[known], py[known], px[known], py[known], values[known]),
    }
    frames = []
    for kind, (left, low, right, high, height) in parts.items():
        at = {"x": left, "x2": right, "y": low, "y2": high}
        part = pd.DataFrame(
            {k: (x if k[0] == "x" else y).values_at(place) for k, place in at.items()}
        )
        part["value"] = value.values_at(height) if log and kind != "point" else height
        part["kind"] = kind
        part["run"] = names[known] if kind == "point" else ""
        frames.append(part)
    return pd.concat(frames, ignore_index=True)


@lru_cache(maxsize=64)
def contour_spec(x: Dimension, y: Dimension, value: Dimension) -> dict[str, Any]:
    """``contour`` as a Vega-Lite dict without data; built once, do not change it."""
    return bare_spec(_contour(x, y, value))


def _contour(x: Dimension, y: Dimension, value: Dimension) -> alt.LayerChart:
    base = alt.Chart(ROWS).encode(
        x=across("x", x),
        y=up("y", y),
    )
    tooltip = [tip("x", x), tip("y", y), tip("value", value)]
    cells = base.transform_filter("datum.kind == 'cell'").mark_rect()
    lines = base.transform_filter("datum.kind == 'line'").mark_rule(
        color=palette.THEORY, strokeWidth=1, opacity=0.7
    )
    points = base.transform_filter("datum.kind == 'point'").mark_point(
        filled=True, size=36, color=palette.GRADIENT, stroke="white", strokeWidth=0.7
    )
    layers: Layers = [
        cells.encode(x2="x2:Q", y2="y2:Q", fill=shade("value", value), tooltip=tooltip),
        lines.encode(x2="x2:Q", y2="y2:Q", tooltip=[tip("value", value)]),
        points.encode(tooltip=[alt.Tooltip("run:N", title="Run"), *tooltip]),
    ]
    return alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(
            f"{value.title} over {x.title} and {y.title}",
            subtitle="linear between the runs (dots), blank outside of them",
            subtitleColor=palette.MUTED,
            anchor="start",
        ),
        height=380,
        description=f"{value.title} over {x.title} and {y.title}. {METHOD}",
    )
