"""Charts of many runs at once: settings against results.

A table with one row per run goes in and a chart comes out, for a page, a file or Jupyter. A page
that polls takes a chart in two parts, so that it sends nothing but rows: ``scatter_spec`` and
``scatter_rows``. Parallel coordinates that can be brushed are ``mlcore.ui.common.brush``.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.dimensions import Column, Dimension, dimension
from mlcore.charts.encodings import across, hue, tip, up
from mlcore.charts.heatmaps import contour, heatmap
from mlcore.charts.parallel import parallel_coordinates
from mlcore.charts.specs import ROWS, bare_spec

__all__ = [
    "Dimension",
    "contour",
    "heatmap",
    "importance_bars",
    "parallel_coordinates",
    "scatter",
    "scatter_rows",
    "scatter_spec",
]

Layers = list[alt.Chart | alt.LayerChart]


def scatter(
    frame: pd.DataFrame,
    x: Column,
    y: Column,
    colour: Column | None = None,
    *,
    label: str | None = None,
    marked: Collection[str] = (),
) -> alt.LayerChart:
    """One column against another, one point per row.

    Args:
        frame: One row per run.
        x: The horizontal column, or how it lies (``Dimension``).
        y: The vertical one.
        colour: A column for the colour: numbers from orange (low) to blue (high), categories in
            the hues of runs. Without one every point is blue.
        label: Column that names a row in its tooltip; the row's index if not given.
        marked: Labels of rows to draw a ring around, such as the best.

    Raises:
        ValueError: If a column does not exist.
    """
    first, second = dimension(frame, x), dimension(frame, y)
    third = None if colour is None else dimension(frame, colour)
    rows = scatter_rows(frame, first, second, third, label=label, marked=marked)
    return _scatter(first, second, third).properties(data=rows)


def scatter_rows(
    frame: pd.DataFrame,
    x: Dimension,
    y: Dimension,
    colour: Dimension | None = None,
    *,
    label: str | None = None,
    marked: Collection[str] = (),
) -> pd.DataFrame:
    """The rows of ``scatter_spec``: x, y, run, marked and perhaps colour.

    A row without a value of x or y, or with one that is not finite, is left out. The arguments
    are those of ``scatter``.
    """
    names = (frame.index if label is None else frame[label]).astype(str)
    rows = pd.DataFrame(
        {
            "x": x.drawn(frame[x.column]).to_numpy(),
            "y": y.drawn(frame[y.column]).to_numpy(),
            "run": names.to_numpy(dtype="object"),
            "marked": names.isin(list(marked)),
        }
    )
    if colour is not None:
        rows["colour"] = colour.drawn(frame[colour.column]).to_numpy()
    finite = rows[["x", "y"]].replace([np.inf, -np.inf], np.nan).notna().all(axis=1)
    return rows[finite].reset_index(drop=True)


@lru_cache(maxsize=256)
def scatter_spec(
    x: Dimension, y: Dimension, colour: Dimension | None = None, height: int = 240
) -> dict[str, Any]:
    """``scatter`` as a Vega-Lite dict without data; built once, do not change it."""
    return bare_spec(_scatter(x, y, colour, height))


def _scatter(
    x: Dimension, y: Dimension, colour: Dimension | None, height: int = 240
) -> alt.LayerChart:
    tooltip = [alt.Tooltip("run:N", title="Run"), tip("x", x), tip("y", y)]
    if colour is not None:
        tooltip.append(tip("colour", colour))
    base = alt.Chart(ROWS).encode(
        x=across("x", x),
        y=up("y", y),
        tooltip=tooltip,
    )
    points = base.mark_point(filled=True, size=55, opacity=0.75, color=palette.VALUE)
    if colour is not None:
        points = points.encode(color=hue("colour", colour))
    rings = base.transform_filter("datum.marked").mark_point(
        filled=False, size=170, strokeWidth=2, color=palette.GOOD
    )
    layers: Layers = [points, rings]
    by = "" if colour is None else f", coloured by {colour.title}"
    return alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(f"{y.title} against {x.title}", anchor="start"),
        height=height,
        description=f"A point for each run: {y.title} against {x.title}{by}.",
    )


def importance_bars(
    frame: pd.DataFrame, *, title: str = "How much each setting matters"
) -> alt.LayerChart:
    """Importances as bars, the largest first.

    Args:
        frame: Columns field and importance (a share from 0 to 1).
        title: Of the chart.

    Raises:
        ValueError: If one of the columns is missing.
    """
    missing = [name for name in ("field", "importance") if name not in frame.columns]
    if missing:
        raise ValueError(f"The table of importances lacks the column {', '.join(missing)}.")
    base = alt.Chart(frame[["field", "importance"]]).encode(
        x=alt.X(
            "importance:Q",
            title="Share of the objective's variation",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        y=alt.Y("field:N", title=None, sort="-x"),
        tooltip=[
            alt.Tooltip("field:N", title="Setting"),
            alt.Tooltip("importance:Q", title="Importance", format=".1%"),
        ],
    )
    words = base.mark_text(align="left", dx=4, color=palette.MUTED).encode(
        text=alt.Text("importance:Q", format=".0%")
    )
    layers: Layers = [base.mark_bar(color=palette.VALUE, height={"band": 0.7}), words]
    said = [f"{f} {i:.0%}" for f, i in zip(frame["field"], frame["importance"], strict=True)]
    return alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(title, anchor="start"),
        height=110 + 28 * max(1, len(frame)),
        description=f"{title}: a bar for each setting. {', '.join(said)}.",
    )
