"""Charts of a model looked into: the learning-rate range test."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from mlcore.charts import palette, tick_labels
from mlcore.charts.axis_ticks import log_marks

MARK_COLOURS: Final = {
    "suggestion": palette.GOOD,
    "steepest": palette.GRADIENT,
    "2/λ": palette.THEORY,
    "diverged": palette.BAD,
}
"""One colour for each learning rate that is marked."""


def range_test_chart(
    curve: pd.DataFrame, marks: pd.DataFrame, *, optimizer: str, loss_name: str = "loss"
) -> alt.LayerChart:
    """Loss against learning rate, raw and smoothed, with vertical rules at the rates marked.

    The vertical axis ends a little above where the smoothed loss began: what diverges runs out of
    the picture.

    Args:
        curve: Columns step, rate, loss, smoothed; rows that are not finite are left out.
        marks: Columns name (one of ``MARK_COLOURS``), rate.
        optimizer: For the title.
        loss_name: For the axis, with what it is measured in.
    """
    raw = curve[_finite(curve["loss"])]
    smooth = curve[_finite(curve["smoothed"])]
    shown = marks[_finite(marks["rate"])] if len(marks) else marks
    low, high = (float(f(curve["rate"])) for f in (min, max))
    # 2/λ may lie beyond the rates tried
    low = min([low, *(r for r in shown["rate"] if r > low / 100)])
    high = max([high, *(r for r in shown["rate"] if r < high * 100)])
    x_scale = alt.Scale(type="log", domain=[low, high], nice=False)
    x = alt.X(
        "rate:Q",
        title="learning rate η (log scale)",
        scale=x_scale,
        axis=alt.Axis(values=log_marks(low, high), labelExpr=tick_labels.POWERS, grid=False),
    )
    y = alt.Y(
        "loss:Q",
        title=loss_name,
        scale=_loss_scale(raw, smooth),
        axis=alt.Axis(grid=False, format=".3~g"),
    )
    tips = [
        alt.Tooltip("step:Q", title="step"),
        alt.Tooltip("rate:Q", format=".4g", title="learning rate"),
        alt.Tooltip("loss:Q", format=".6g", title="loss of the batch"),
        alt.Tooltip("smoothed:Q", format=".6g", title="smoothed loss"),
    ]
    points: alt.Chart = alt.Chart(raw).mark_circle(
        size=28, color=palette.VALUE, opacity=0.4, clip=True
    )
    line: alt.Chart = alt.Chart(smooth).mark_line(color=palette.VALUE, strokeWidth=2.5, clip=True)
    layers: list[alt.Chart | alt.LayerChart] = [
        points.encode(x, y, tooltip=tips),
        line.encode(x, alt.Y("smoothed:Q"), tooltip=tips),
    ]
    for place, (name, rate) in enumerate(zip(shown["name"], shown["rate"], strict=True)):
        layers += _rule(str(name), float(rate), x_scale, place)
    named = [f"{name} {rate:.3g}" for name, rate in zip(shown["name"], shown["rate"], strict=True)]
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(
        width=560,
        height=320,
        title=alt.TitleParams(
            f"Learning-rate range test with {optimizer}",
            subtitle="dots: loss of each batch · line: smoothed",
            anchor="start",
        ),
        description=f"Loss against learning rate on a logarithmic axis, for {len(curve)} rates: "
        + ("; ".join(named) or "none marked"),
    )
    return chart


def _rule(name: str, rate: float, scale: alt.Scale, place: int) -> list[alt.Chart | alt.LayerChart]:
    colour = MARK_COLOURS[name]
    row = alt.Chart(pd.DataFrame({"rate": [rate], "name": [name]}))
    rule: alt.Chart = row.mark_rule(
        color=colour,
        strokeWidth=2,
        strokeDash=list(palette.THEORY_DASH) if name == "2/λ" else [1, 0],
    )
    word: alt.Chart = row.mark_text(
        angle=270, align="right", dx=-4 - 70 * (place % 2), dy=-7, color=colour, fontSize=12
    )
    bare = alt.X("rate:Q", scale=scale)
    tips = [alt.Tooltip("name:N", title="mark"), alt.Tooltip("rate:Q", format=".4g", title="rate")]
    return [rule.encode(bare, tooltip=tips), word.encode(bare, y=alt.value(0), text="name:N")]


def _loss_scale(raw: pd.DataFrame, smooth: pd.DataFrame) -> alt.Scale:
    lowest = float(min(raw["loss"].min(), smooth["smoothed"].min()))
    start = float(max(raw["loss"].iloc[0], smooth["smoothed"].iloc[0]))
    top = max(start, float(smooth["smoothed"].quantile(0.9)))
    room = 0.25 * (top - lowest) or 0.5 * abs(top) or 1.0
    return alt.Scale(domain=[lowest - 0.1 * room, top + room], nice=False, zero=False)


def _finite(column: pd.Series[float]) -> pd.Series[bool]:
    return column.notna() & (column.abs() != float("inf"))
