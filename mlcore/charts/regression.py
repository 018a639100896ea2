"""Charts of regression: final loss against learning rate, recorded runs, and optimizer races."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from mlcore.charts import palette, tick_labels

BAND_COLOURS: Mapping[str, str] = {
    "slow": palette.MUTED,
    "smooth": palette.GOOD,
    "oscillating": palette.GRADIENT,
    "divergent": palette.BAD,
}
"""One colour for each band of the verdict, under the slider and behind the curve."""


def rates_chart(
    rates: pd.DataFrame,
    bands: pd.DataFrame,
    borders: pd.DataFrame,
    *,
    steps: int,
    current: float,
    loss_name: str = "squared loss",
) -> alt.LayerChart:
    """Final loss against learning rate, with the bands and borders predicted by theory.

    Args:
        rates: Columns rate, loss (after the last step; rates that overflowed are left out),
            predicted (closed form, or missing where none holds), band.
        bands: Columns band, low, high: a background strip each; may be empty.
        borders: Columns rate, name: a vertical rule each; may be empty.
        steps: How many steps each rate had, for the title.
        current: The rate set on the page.
        loss_name: For the axis, with what it is measured in.
    """
    low, high = float(rates["rate"].min()), float(rates["rate"].max())
    x = alt.X(
        "rate:Q",
        title="learning rate η",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
    )
    x = x.axis(format="~e", tickCount=8, grid=False)
    bare = alt.X("rate:Q", scale=alt.Scale(type="log", domain=[low, high], nice=False))
    finite = rates.dropna(subset=["loss"])
    floor, top = float(finite["loss"].min()), float(finite["loss"].iloc[0])
    y_scale = alt.Scale(type="log", domain=[max(0.8 * floor, 1e-300), max(30 * top, 2 * floor)])
    y_scale.clamp = True
    y_title = f"{loss_name} after {steps:,} steps"
    y_axis = alt.Axis(grid=False, labelExpr=tick_labels.POWERS)
    y = alt.Y("loss:Q", title=y_title, scale=y_scale, axis=y_axis)
    layers: list[alt.Chart | alt.LayerChart] = [
        alt.Chart(bands)
        .mark_rect(opacity=0.13)
        .encode(
            alt.X("low:Q", scale=alt.Scale(type="log", domain=[low, high], nice=False)),
            alt.X2("high:Q"),
            color=alt.Color(
                "band:N",
                title="band",
                scale=alt.Scale(domain=list(BAND_COLOURS), range=list(BAND_COLOURS.values())),
                legend=alt.Legend(orient="top", direction="horizontal", title=None, symbolOpacity=1)
                if len(bands)
                else None,
            ),
            tooltip=[alt.Tooltip("band:N"), alt.Tooltip("low:Q", format=".3g")],
        ),
        alt.Chart(finite).mark_line(color=palette.VALUE, strokeWidth=2.5, clip=True).encode(x, y),
    ]
    if len(borders):
        rule = alt.Chart(borders).mark_rule(
            color=palette.THEORY, strokeDash=list(palette.THEORY_DASH), strokeWidth=1.5
        )
        layers.append(rule.encode(bare, tooltip=["name:N", alt.Tooltip("rate:Q", format=".5g")]))
        words = alt.Chart(borders).mark_text(
            angle=270, align="right", dx=-4, dy=-7, color=palette.THEORY, fontSize=12
        )
        layers.append(words.encode(bare, y=alt.value(0), text="name:N"))
    picked = alt.selection_point(
        name="rate", fields=["rate"], nearest=True, on="click", empty=False
    )
    points = alt.Chart(finite).mark_circle(size=40, color=palette.VALUE, clip=True)
    layers.append(
        points.encode(
            x,
            y,
            opacity=alt.condition(picked, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("rate:Q", format=".4g", title="learning rate"),
                alt.Tooltip("loss:Q", format=".6g", title="final loss"),
                alt.Tooltip("predicted:Q", format=".6g", title="closed form"),
                alt.Tooltip("band:N"),
            ],
        ).add_params(picked)
    )
    if finite["predicted"].notna().any():
        layers.append(
            alt.Chart(finite.dropna(subset=["predicted"]))
            .mark_line(color=palette.THEORY, strokeDash=list(palette.THEORY_DASH), clip=True)
            .encode(x, alt.Y("predicted:Q", scale=y_scale, title=y_title))
        )
    here = alt.Chart(pd.DataFrame({"rate": [current], "name": ["your rate"]}))
    layers.append(
        here.mark_rule(color=palette.GRADIENT, strokeWidth=2).encode(bare, tooltip="name:N")
    )
    layers.append(
        here.mark_text(
            angle=270, align="right", dx=-4, dy=-7, color=palette.GRADIENT, fontSize=12
        ).encode(bare, y=alt.value(0), text="name:N")
    )
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(
        height=430,
        title=f"{len(rates)} learning rates at once",
        description=f"Final loss against learning rate for {len(rates)} rates, on log axes.",
    )
    return chart


def runs_chart(curves: pd.DataFrame, colours: Mapping[str, str]) -> alt.Chart:
    """Loss against step of recorded runs.

    Args:
        curves: Columns run (its label), step, value.
        colours: Hue of each label.
    """
    chart: alt.Chart = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            alt.X("step:Q", title="step"),
            alt.Y("value:Q", title="loss", scale=alt.Scale(type="log")),
            alt.Color(
                "run:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(orient="top", labelLimit=400, columns=2),
            ),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("value:Q", format=".6g", title="loss"),
            ],
        )
        .properties(
            height=300,
            title="Recorded runs",
            description="Loss against step of the chosen recorded runs, on a log axis.",
        )
    )
    return chart


def race_chart(values: pd.DataFrame, colours: Mapping[str, str], *, name: str) -> alt.Chart:
    """F against gradient calls, one curve per optimizer.

    Args:
        values: Columns optimizer, calls, excess (f − its smallest value, above 0).
        colours: Hue of each optimizer.
        name: The surface's name.
    """
    chart: alt.Chart = (
        alt.Chart(values)
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            alt.X("calls:Q", title="gradient calls"),
            alt.Y(
                "excess:Q",
                title="f − its minimum",
                scale=alt.Scale(type="log", domainMin=1e-12, clamp=True),
                axis=alt.Axis(format="~e", tickCount=8),
            ),
            alt.Color(
                "optimizer:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(orient="top", columns=4),
            ),
            tooltip=[
                alt.Tooltip("optimizer:N"),
                alt.Tooltip("calls:Q", title="gradient calls"),
                alt.Tooltip("excess:Q", format=".3g", title="f − its minimum"),
            ],
        )
        .properties(
            height=440,
            title=f"{name}: how far f is above its minimum",
            description="Distance of f from its minimum against gradient calls, on a log axis.",
        )
    )
    return chart
