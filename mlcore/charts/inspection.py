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


SHARE_COLOURS: Final = {
    "zeros": palette.VALUE,
    "dead": palette.BAD,
    "saturated": palette.GRADIENT,
}
"""One colour for each share of a layer's values."""


def activations_chart(table: pd.DataFrame, *, mode: str) -> alt.HConcatChart:
    """Activations and gradients by layer: three panels side by side, the first layer on top.

    Args:
        table: Columns name, kind, std, zeros, dead, saturated, gradient_rms, weight_gradient_norm.
        mode: Of the layers, for the title.
    """
    names = table["name"].where(table["name"] != "", "(model)")
    rows = table.assign(layer=names, place=range(len(table)))
    order = rows["layer"].tolist()
    height = 60 + 18 * max(len(order), 3)
    spread = _log_panel(rows, {"std": "activations"}, palette.VALUE, order, "standard deviation")
    shares = _share_panel(rows, order)
    back = _log_panel(
        rows,
        {"gradient_rms": "output (root mean square)", "weight_gradient_norm": "weights (norm)"},
        palette.GRADIENT,
        order,
        "gradient of the loss",
    )
    panels = [
        panel.properties(width=190, height=height, title=alt.TitleParams(title, anchor="start"))
        for panel, title in (
            (spread, "Activations"),
            (shares, "Zeros and saturation"),
            (back, "Gradients"),
        )
    ]
    apart = alt.HConcatChart(hconcat=panels).resolve_scale(color="independent", shape="independent")
    chart: alt.HConcatChart = apart.properties(
        title=alt.TitleParams(f"Layer by layer, one batch in {mode} mode", anchor="start"),
        description=f"For each of {len(order)} layers the standard deviation of its activations, "
        "the shares of values that are zero or saturated, and the size of the gradients.",
    )
    return chart


def _layers(order: list[str], *, labels: bool) -> alt.Y:
    axis = alt.Axis(labels=labels, ticks=labels, labelLimit=240, labelOverlap=False, grid=True)
    scale = alt.Scale(domain=order)  # all of them in each panel, also those without a point there
    return alt.Y("layer:N", title="layer" if labels else None, scale=scale, axis=axis)


def _log_panel(
    rows: pd.DataFrame, fields: dict[str, str], colour: str, order: list[str], title: str
) -> alt.Chart:
    long = rows.melt(["layer", "kind"], list(fields), "what", "value")
    long["what"] = long["what"].map(fields)
    long = long[_finite(long["value"]) & (long["value"] > 0)]
    kinds = list(fields.values())
    shape = alt.Shape(
        "what:N",
        title=None,
        scale=alt.Scale(domain=kinds, range=["circle", "triangle-up"][: len(kinds)]),
        legend=alt.Legend(orient="bottom", direction="vertical") if len(kinds) > 1 else None,
    )
    points: alt.Chart = alt.Chart(long).mark_point(filled=True, size=60, opacity=1, color=colour)
    return points.encode(
        alt.X(
            "value:Q",
            title=f"{title} (log scale)",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(labelExpr=tick_labels.POWERS, tickCount=5, grid=False),
        ),
        _layers(order, labels=len(kinds) == 1),
        shape,
        tooltip=[
            alt.Tooltip("layer:N", title="layer"),
            alt.Tooltip("kind:N", title="type"),
            alt.Tooltip("what:N", title="of"),
            alt.Tooltip("value:Q", title=title, format=".4~g"),
        ],
    )


def _share_panel(rows: pd.DataFrame, order: list[str]) -> alt.Chart:
    long = rows.melt(["layer", "kind"], list(SHARE_COLOURS), "what", "share")
    long = long[_finite(long["share"]) & (long["share"] > 0)]  # else most would lie on the axis
    marks: alt.Chart = alt.Chart(long).mark_point(size=70, opacity=1, strokeWidth=2)
    named = list(SHARE_COLOURS)
    return marks.encode(
        alt.X(
            "share:Q",
            title="share of values (none: not drawn)",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=3, grid=False),
        ),
        _layers(order, labels=False),
        alt.Color(
            "what:N",
            title=None,
            scale=alt.Scale(domain=named, range=list(SHARE_COLOURS.values())),
            legend=alt.Legend(orient="bottom", direction="vertical"),
        ),
        alt.Shape(
            "what:N",
            title=None,
            scale=alt.Scale(domain=named, range=["circle", "cross", "square"]),
            legend=alt.Legend(orient="bottom", direction="vertical"),
        ),
        tooltip=[
            alt.Tooltip("layer:N", title="layer"),
            alt.Tooltip("kind:N", title="type"),
            alt.Tooltip("what:N", title="what"),
            alt.Tooltip("share:Q", title="share", format=".1%"),
        ],
    )
