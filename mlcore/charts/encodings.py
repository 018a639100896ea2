"""Altair axes, scales, legends and tooltips of a ``Dimension``."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from mlcore.charts import palette
from mlcore.charts.dimensions import Dimension


def kind_of_data(dimension: Dimension) -> Literal["quantitative", "ordinal"]:
    """Vega-Lite's data type of a dimension."""
    return "ordinal" if dimension.kind == "category" else "quantitative"


def number(dimension: Dimension) -> str:
    """The d3 format of a dimension's numbers."""
    return ".4~%" if dimension.share else ".6~g"


def scale(dimension: Dimension, **more: Any) -> alt.Scale:
    """Vega-Lite's scale with fixed ends, so that the axis stays while points arrive."""
    if dimension.kind == "category":
        return alt.Scale(domain=list(dimension.categories), **more)
    ends = [dimension.low, dimension.high]
    return alt.Scale(type=dimension.kind, domain=ends, nice=False, **more)


def across(field: str, dimension: Dimension) -> alt.X:
    """The horizontal axis of a dimension whose values are in a given field."""
    return alt.X(
        field,
        type=kind_of_data(dimension),
        title=dimension.title,
        scale=scale(dimension),
        axis=_axis(dimension),
    )


def up(field: str, dimension: Dimension) -> alt.Y:
    """The vertical axis of a dimension whose values are in a given field."""
    return alt.Y(
        field,
        type=kind_of_data(dimension),
        title=dimension.title,
        scale=scale(dimension),
        axis=_axis(dimension),
    )


def tip(field: str, dimension: Dimension) -> alt.Tooltip:
    """A line of a tooltip."""
    kind = kind_of_data(dimension)
    if kind == "ordinal":
        return alt.Tooltip(field, type=kind, title=dimension.title)
    return alt.Tooltip(field, type=kind, title=dimension.title, format=number(dimension))


def hue(field: str, dimension: Dimension) -> alt.Color:
    """Colour of lines and points: numbers from orange (low) to blue (high), categories distinct."""
    if dimension.kind == "category":
        hues = palette.RUN_COLOURS
        count = len(dimension.categories)
        colours = scale(dimension, range=[hues[k % len(hues)] for k in range(count)])
    else:
        colours = scale(dimension, range=list(palette.RANKING), interpolate="rgb")
    return alt.Color(
        field,
        type=kind_of_data(dimension),
        title=dimension.title,
        scale=colours,
        legend=legend(dimension),
    )


def shade(field: str, dimension: Dimension) -> alt.Fill:
    """Colour of areas: from light (low) to dark (high), by ratios on a logarithmic axis."""
    return alt.Fill(
        field,
        type="quantitative",
        title=dimension.title,
        scale=alt.Scale(type="log", range=list(palette.SEQUENTIAL), nice=False)
        if dimension.kind == "log"
        else alt.Scale(range=list(palette.SEQUENTIAL), zero=False, nice=False),
        legend=legend(dimension),
    )


def legend(dimension: Dimension) -> alt.Legend:
    """A compact legend above the plot."""
    made = alt.Legend(
        orient="top",
        direction="horizontal",
        gradientLength=110,
        gradientThickness=8,
        titleOrient="left",
        titleLimit=180,
        offset=4,
    )
    if dimension.kind != "category":
        made.format = ".3~%" if dimension.share else ",.3~r"
    return made


def _axis(dimension: Dimension) -> alt.Axis:
    if dimension.kind == "category":
        return alt.Axis(labelAngle=0, labelLimit=90, grid=False)
    # a logarithmic axis has a line for each of its small marks, which would hide the points
    return alt.Axis(format=number(dimension), tickCount=5, grid=dimension.kind == "linear")
