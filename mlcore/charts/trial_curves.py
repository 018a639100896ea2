"""Learning curves of a sweep's runs, coloured by rank."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from mlcore.charts import palette
from mlcore.charts.comparison import metric_title
from mlcore.charts.specs import ROWS, bare_spec


def rank_colour(rank: float | None) -> str:
    """Colour of a rank from 0 (worst) to 1 (best); grey while there is none."""
    if rank is None or rank != rank:
        return palette.MUTED
    place = min(1.0, max(0.0, rank)) * (len(palette.RANKING) - 1)
    first = min(int(place), len(palette.RANKING) - 2)
    ends = (palette.RANKING[first], palette.RANKING[first + 1])
    low, high = ([int(hue[i : i + 2], 16) for i in (1, 3, 5)] for hue in ends)
    part = place - first
    mixed = [round(a + part * (b - a)) for a, b in zip(low, high, strict=True)]
    return "#" + "".join(f"{one:02x}" for one in mixed)


@lru_cache(maxsize=64)
def member_curve_spec(metric: str, *, log: bool = False, height: int = 260) -> dict[str, Any]:
    """One curve per run; built once, do not change it.

    Rows: run, setting (in words), colour, x (optimizer steps), value, in order of x.

    Args:
        metric: Name of the metric, for titles.
        log: Draw the values on a logarithmic scale.
        height: In pixels.
    """
    title = metric_title(metric)
    base = alt.Chart(ROWS).encode(
        x=alt.X("x:Q", title="Optimizer steps", scale=alt.Scale(nice=False, zero=True)),
        y=alt.Y(
            "value:Q",
            title=title,
            scale=alt.Scale(type="log", nice=True) if log else alt.Scale(zero=False, nice=True),
            axis=alt.Axis(tickCount=5, format=".6~g", grid=not log),
        ),
        color=alt.Color("colour:N", scale=None),
        detail="run:N",
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("setting:N", title="Setting"),
            alt.Tooltip("x:Q", title="Step", format=","),
            alt.Tooltip("value:Q", title=title, format=".4~g"),
        ],
    )
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=1.6, opacity=0.8),
        base.mark_point(size=90, opacity=0, filled=True),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                f"{title} of the members",
                subtitle="Blue: best · orange: worst · grey: not ended",
                anchor="start",
            ),
            height=height,
            description=f"{title} over optimizer steps, a curve for each member of the sweep.",
        )
    )
