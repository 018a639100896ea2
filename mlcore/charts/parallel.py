"""Parallel coordinates: one axis per setting and metric, one line per run.

Inselberg: The plane with parallel coordinates, The Visual Computer 1, 1985. Lines are coloured by
the rank of an outcome, so that one run that failed does not make all others look alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import altair as alt
import numpy as np
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.dimensions import Column, Dimension, Floats, as_numbers, dimension

Goal = Literal["max", "min"]

MOST_LINES: Final = 400
"""Lines drawn: more cannot be distinguished. Half of them are the best, the rest evenly ranked."""

_HEIGHT: Final = 340


def parallel_coordinates(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    colour: str | None = None,
    *,
    goal: Goal = "max",
    label: str | None = None,
) -> alt.LayerChart:
    """One line per row over one axis per column; hovering brings a line to the front.

    Args:
        frame: One row per run; a line has a gap where a value is missing.
        columns: The axes from left to right, at least two.
        colour: Column of numbers by whose rank lines are coloured: orange (worst), blue (best).
        goal: Whether the largest (``max``) or the smallest number is best.
        label: Column that names a row in its tooltip; the row's index if not given.

    Raises:
        ValueError: If there are fewer than two columns, or one does not exist.
    """
    axes = axes_of(frame, columns)
    names = _names(frame, label)
    rank = ranks(frame, colour, goal)
    kept = chosen_lines(rank)
    parts, marks = [], []
    for axis in axes:
        values = frame[axis.column].iloc[kept]
        part = pd.DataFrame({"run": [names[k] for k in kept], "place": axis.places(values)})
        part["text"], part["rank"] = axis.texts(values), rank[kept]
        parts.append(part.assign(axis=axis.title))
        marks += [{"place": at, "text": text, "axis": axis.title} for at, text in axis.ticks()]
    rows = pd.concat(parts, ignore_index=True)
    order = [axis.title for axis in axes]
    x = alt.X(
        "axis:N",
        title=None,
        sort=order,
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False, labelLimit=120),
    )
    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[0, 1]))
    pointed = alt.selection_point(fields=["run"], on="pointerover", empty=False)
    shade = alt.Color(
        "rank:Q",
        scale=alt.Scale(domain=[0, 1], range=list(palette.RANKING), interpolate="rgb"),
        legend=None,
    )
    lines = alt.Chart(rows).encode(
        x,
        y,
        detail="run:N",
        color=shade if colour is not None else alt.value(palette.VALUE),
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("axis:N", title="Axis"),
            alt.Tooltip("text:N", title="Value"),
        ],
    )
    words = alt.Chart(pd.DataFrame(marks)).encode(x, y, text="text:N")
    layers: list[alt.Chart | alt.LayerChart] = [
        words.mark_rule(color=palette.MUTED).encode(y=alt.value(0), y2=alt.value("height")),
        lines.mark_line(interpolate="linear").encode(
            opacity=alt.condition(pointed, alt.value(1), alt.value(0.55)),
            strokeWidth=alt.condition(pointed, alt.value(4), alt.value(1.6)),
        ),
        lines.mark_point(size=150, opacity=0, filled=True).add_params(pointed),
        words.mark_text(align="left", dx=5, fontSize=10, color=palette.MUTED),
    ]
    return alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(
            "Settings and what came of them",
            subtitle=legend(colour, goal),
            subtitleColor=palette.MUTED,
        ),
        height=_HEIGHT,
        description=description(axes),
    )


def payload(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    colour: str | None = None,
    *,
    goal: Goal = "max",
    label: str | None = None,
) -> dict[str, Any]:
    """The same chart as numbers for the browser's own drawing; arguments as above.

    Returns:
        ``axes`` (title, ticks as place and text, kind, where it begins and ends), ``lines`` (name,
        places from 0 to 1 or None, texts, rank from 0 to 1 or None; the best last, so that it lies
        on top), ``left_out`` (rows not drawn), ``ramp`` (colours of ranks), ``legend`` and
        ``words`` (the chart in words).
    """
    axes = axes_of(frame, columns)
    names = _names(frame, label)
    rank = ranks(frame, colour, goal)
    kept = chosen_lines(rank)
    chosen = [frame[axis.column].iloc[kept] for axis in axes]
    places = np.column_stack([a.places(v) for a, v in zip(axes, chosen, strict=True)])
    texts = list(zip(*(a.texts(v) for a, v in zip(axes, chosen, strict=True)), strict=True))
    return {
        "axes": [
            {
                "title": axis.title,
                "ticks": [[round(at, 5), text] for at, text in axis.ticks()],
                "kind": axis.kind,
                "low": axis.low,
                "high": axis.high,
            }
            for axis in axes
        ],
        "lines": [
            {
                "name": names[k],
                "places": [None if np.isnan(at) else round(float(at), 5) for at in places[row]],
                "texts": list(texts[row]),
                "rank": None if np.isnan(rank[k]) else round(float(rank[k]), 4),
            }
            for row, k in enumerate(kept)
        ],
        "left_out": len(frame) - len(kept),
        "ramp": list(palette.RANKING),
        "legend": legend(colour, goal),
        "words": description(axes),
    }


def axes_of(frame: pd.DataFrame, columns: Sequence[Column]) -> list[Dimension]:
    """The axes of columns.

    Raises:
        ValueError: If there are fewer than two, or one does not exist.
    """
    if len(columns) < 2:
        raise ValueError(
            f"Parallel coordinates need two columns or more; {len(columns)} was given."
        )
    return [dimension(frame, column) for column in columns]


def ranks(frame: pd.DataFrame, colour: str | None, goal: Goal) -> Floats:
    """Rank of each row by a column, from 0 (worst) to 1 (best); NaN where it is missing.

    Raises:
        ValueError: If there is no such column, or it holds more than numbers.
    """
    if colour is None:
        return np.full(len(frame), np.nan)
    dimension(frame, colour)
    numbers = as_numbers(frame[colour])
    if numbers is None:
        if frame[colour].notna().any():
            raise ValueError(
                f"The column {colour!r} holds more than numbers, so its rows cannot be ranked by "
                "it. Colour by a column of numbers."
            )
        return np.full(len(frame), np.nan)
    finite = pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
    place = finite.rank(method="average", ascending=goal == "max") - 1
    return np.asarray(place / max(1, finite.notna().sum() - 1), np.float64)


def chosen_lines(rank: Floats, most: int = MOST_LINES) -> list[int]:
    """The rows to draw, worst first: all, or the best half of ``most`` and others evenly ranked."""
    order = np.argsort(np.where(np.isnan(rank), -1.0, rank), kind="stable")
    if len(order) <= most:
        return [int(k) for k in order]
    rest, best = order[: -(most // 2)], order[-(most // 2) :]
    spread = rest[np.linspace(0, len(rest) - 1, most - len(best)).round().astype(int)]
    return [int(k) for k in (*spread, *best)]


def legend(colour: str | None, goal: Goal) -> str:
    """The meaning of the colours."""
    if colour is None:
        return ""
    best, worst = ("highest", "lowest") if goal == "max" else ("lowest", "highest")
    words = colour.replace("_", " ")
    return f"Blue: {best} {words} · orange: {worst} (by rank)"


def description(axes: Sequence[Dimension]) -> str:
    """The chart in words, as its alt text."""
    return f"A line for each run over {len(axes)} axes: {', '.join(a.title for a in axes)}."


def _names(frame: pd.DataFrame, label: str | None) -> list[str]:
    if label is not None:
        dimension(frame, label)
    return [str(name) for name in (frame.index if label is None else frame[label])]
