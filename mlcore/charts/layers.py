"""Charts of layers: spreads, memories, functions and signals. Each gives a spec built once.

Rows are described in each function; a page sends them with ``st.vega_lite_chart(rows, spec)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

Spec = dict[str, Any]
_WAYS: Final = alt.Scale(domain=["measured", "theory"], range=[palette.VALUE, palette.THEORY])
_DASHES: Final = alt.Scale(domain=["measured", "theory"], range=[[1, 0], list(palette.THEORY_DASH)])


@lru_cache(maxsize=8)
def histogram_spec(by: str, colour: str = palette.VALUE, columns: int = 4) -> Spec:
    """Histograms before and after, one a channel or one a sample.

    Rows: part (its number), low, high, share (of the part's cells), when (``x`` or ``y``).
    """
    base = alt.Chart(ROWS).mark_bar(color=colour, binSpacing=0)
    facet: alt.FacetChart = (
        base.encode(
            x=alt.X("low:Q", title="Value", bin="binned", axis=alt.Axis(tickCount=4, format="~g")),
            x2="high:Q",
            y=alt.Y("share:Q", title="Share of cells", axis=alt.Axis(format="%", tickCount=3)),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=".3~g"),
                alt.Tooltip("high:Q", title="To", format=".3~g"),
                alt.Tooltip("share:Q", title="Share of cells", format=".1%"),
            ],
        )
        .properties(width=110, height=62)
        .facet(
            column=alt.Column("part:O", title=by, header=alt.Header(labelOrient="bottom")),
            row=alt.Row("when:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")),
        )
    )
    titled = facet.properties(
        title=alt.TitleParams(f"Before (x) and after (y), for each {by}", anchor="start"),
        description=f"Histograms of the cells of each {by}, before and after the norm.",
    )
    del columns
    return bare_spec(titled)


@lru_cache(maxsize=2)
def running_spec(title: str, unit: str) -> Spec:
    """A running statistic of one channel, batch after batch.

    Rows: batch (0 is before the first), value, kind (``running``, ``rule``, ``batch``, …).
    """
    kinds = ["running (module)", "momentum rule", "batch, unbiased", "batch, biased", "batch"]
    hues = [palette.VALUE, palette.THEORY, palette.GRADIENT, palette.MUTED, palette.GRADIENT]
    colour = alt.Color("kind:N", title=None, scale=alt.Scale(domain=kinds, range=hues), legend=None)
    base = alt.Chart(ROWS).encode(
        x=alt.X("batch:Q", title="Batches seen", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False)),
        color=colour,
        tooltip=[
            alt.Tooltip("kind:N", title="What"),
            alt.Tooltip("batch:Q", title="Batches seen"),
            alt.Tooltip("value:Q", title=unit, format=".4~g"),
        ],
    )
    points = base.transform_filter("indexof(datum.kind, 'batch') == 0").mark_point(
        filled=True, size=28, opacity=0.75
    )
    running = base.transform_filter("datum.kind == 'running (module)'").mark_line(strokeWidth=2.5)
    rule = base.transform_filter("datum.kind == 'momentum rule'").mark_line(
        strokeDash=list(palette.THEORY_DASH), strokeWidth=2
    )
    layers: list[alt.Chart | alt.LayerChart] = [points, running, rule]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                title,
                subtitle="blue: the module's running statistic · grey dashed: the momentum rule · "
                "orange: each batch's own",
                anchor="start",
            ),
            height=200,
            description=f"{title}: the module's line lies on the momentum rule's, and follows the "
            "batches' points.",
        )
    )


@lru_cache(maxsize=1)
def influence_spec() -> Spec:
    """How far each sample's output moved when one sample changed.

    Rows: norm, sample, moved (largest |change|), changed (whether it is the changed sample).
    """
    base = alt.Chart(ROWS).encode(
        x=alt.X("sample:O", title="Sample", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("norm:N", title=None, sort=None),
        tooltip=[
            alt.Tooltip("norm:N", title="Norm"),
            alt.Tooltip("sample:O", title="Sample"),
            alt.Tooltip("moved:Q", title="Largest change of its output", format=".3~g"),
        ],
    )
    cells = base.mark_rect(stroke=palette.MUTED, strokeWidth=0.5).encode(
        color=alt.Color(
            "moved:Q",
            title="max|Δy|",
            scale=alt.Scale(type="symlog", constant=0.01, range=["#00000000", palette.GRADIENT]),
        )
    )
    words = base.mark_text(fontSize=12, color=palette.MUTED).encode(
        text=alt.Text("moved:Q", format=".2~g")
    )
    layers: list[alt.Chart | alt.LayerChart] = [cells, words]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Whose output moves when one sample changes",
                subtitle="max|Δy| in each sample; 0 means not a bit of it",
                anchor="start",
            ),
            height=230,
            description="A grid of norms by samples: only BatchNorm in train mode lets one sample "
            "move the others.",
        )
    )


@lru_cache(maxsize=1)
def function_spec() -> Spec:
    """Functions above their slopes, linked: pointing at one marks the same x in both.

    Rows: x, name, value, slope, colour.
    """
    hover = alt.selection_point(
        name="at", on="pointermove", nearest=True, fields=["x"], empty=False, clear="pointerout"
    )
    x = alt.X("x:Q", title="Input x")

    def panel(field: str, title: str, height: int) -> alt.LayerChart:
        base = alt.Chart(ROWS).encode(
            x=x,
            y=alt.Y(f"{field}:Q", title=title),
            color=alt.Color("colour:N", scale=None),
            detail="name:N",
        )
        rule = alt.Chart(ROWS).mark_rule(color=palette.MUTED).encode(x=x).transform_filter(hover)
        tips = [
            alt.Tooltip("name:N", title="Function"),
            alt.Tooltip("x:Q", title="x", format=".2f"),
            alt.Tooltip("value:Q", title="f(x)", format=".4~f"),
            alt.Tooltip("slope:Q", title="f′(x)", format=".4~f"),
        ]
        line = base.mark_line(strokeWidth=2.2)
        catch = base.mark_point(opacity=0, size=60).encode(tooltip=tips)
        if field == "value":
            catch = catch.add_params(hover)
        dots = base.mark_point(filled=True, size=55, opacity=1).encode(tooltip=tips)
        layers: list[alt.Chart | alt.LayerChart] = [line, catch, rule, dots.transform_filter(hover)]
        return alt.LayerChart(layer=layers).properties(height=height, width="container")

    both = alt.VConcatChart(
        vconcat=[panel("value", "f(x)", 190), panel("slope", "f′(x)", 150)], spacing=12
    ).properties(
        title=alt.TitleParams(
            "An activation function and its slope",
            subtitle="point at a curve: the same x is marked in both",
            anchor="start",
        ),
        description="Above the functions, below their slopes, over the input from −6 to 6.",
    )
    return bare_spec(both)


@lru_cache(maxsize=1)
def chain_spec() -> Spec:
    """What is left of a gradient after each layer of a chain.

    Rows: layer (1 is the first), gradient (its absolute value, floored), exact, name, colour.
    """
    base = alt.Chart(ROWS).encode(
        x=alt.X("layer:Q", title="Layer, counted from the input", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y(
            "gradient:Q",
            title="|∂ output / ∂ input of the layer|",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format="~e", tickCount=6),
        ),
        color=alt.Color("colour:N", scale=None),
        detail="name:N",
        tooltip=[
            alt.Tooltip("name:N", title="Function"),
            alt.Tooltip("layer:Q", title="Layer"),
            alt.Tooltip("exact:Q", title="Gradient", format=".3~e"),
        ],
    )
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=2),
        base.mark_point(filled=True, size=45, opacity=1),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "What the chain rule leaves of a gradient",
                subtitle="the product of all slopes from the layer to the end; below 10⁻¹² drawn "
                "at 10⁻¹²",
                anchor="start",
            ),
            height=300,
            description="For each function a line over the layers: how large the gradient still is "
            "when it has come back to that layer.",
        )
    )


@lru_cache(maxsize=4)
def signal_spec(field: str) -> Spec:
    """Spread of the activations or of the gradients in each layer, theory beside it.

    Rows: layer, std (floored for the axis), exact, scheme, way (``measured``, ``theory``), colour.
    """
    what = {"activation": "activations", "gradient": "gradients"}[field]
    base = alt.Chart(ROWS).encode(
        x=alt.X("layer:Q", title="Hidden layer", axis=alt.Axis(tickMinStep=1, grid=False)),
        y=alt.Y(
            "std:Q",
            title=f"Standard deviation of {what}",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format="~e", tickCount=6),
        ),
        detail="scheme:N",
        tooltip=[
            alt.Tooltip("scheme:N", title="Scheme"),
            alt.Tooltip("way:N", title="How"),
            alt.Tooltip("layer:Q", title="Hidden layer"),
            alt.Tooltip("exact:Q", title="Standard deviation", format=".3~g"),
        ],
    )
    theory = base.transform_filter("datum.way == 'theory'").mark_line(
        color=palette.THEORY, strokeDash=list(palette.THEORY_DASH), strokeWidth=1.8
    )
    measured = base.transform_filter("datum.way == 'measured'").encode(
        color=alt.Color("colour:N", scale=None)
    )
    layers: list[alt.Chart | alt.LayerChart] = [
        measured.mark_line(strokeWidth=2),
        measured.mark_point(filled=True, size=40, opacity=1),
        theory,
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                f"How far the {what} carry",
                subtitle="lines with dots: measured on real digits · grey dashed: theory",
                anchor="start",
            ),
            height=250,
            description=f"For each scheme the standard deviation of the {what} in every hidden "
            "layer, on a logarithmic scale, with theory's value beside it.",
        )
    )


@lru_cache(maxsize=2)
def layer_histogram_spec(what: str, colour: str) -> Spec:
    """Histograms of one network, one a layer, all on the same axis.

    Rows: layer, low, high, share.
    """
    chart = (
        alt.Chart(ROWS)
        .mark_bar(color=colour, binSpacing=0)
        .encode(
            x=alt.X("low:Q", title=None, bin="binned", axis=alt.Axis(tickCount=3, format="~g")),
            x2="high:Q",
            y=alt.Y("share:Q", title=None, axis=None),
            tooltip=[
                alt.Tooltip("layer:O", title="Layer"),
                alt.Tooltip("low:Q", title="From", format=".3~g"),
                alt.Tooltip("high:Q", title="To", format=".3~g"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        .properties(width=96, height=64)
        .facet(facet=alt.Facet("layer:O", title=f"{what} in hidden layer"), columns=6)
        .resolve_scale(y="independent")
        .properties(
            title=alt.TitleParams(f"{what.capitalize()}, layer by layer", anchor="start"),
            description=f"A histogram of the {what} for each hidden layer.",
        )
    )
    return bare_spec(chart)
