"""Charts of activations and of signals in deep networks. Each gives a spec built once.

Rows are described in each function; a page sends them with ``st.vega_lite_chart(rows, spec)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

Spec = dict[str, Any]


@lru_cache(maxsize=2)
def function_spec(field: str) -> Spec:
    """Functions, or their slopes, with the chosen x marked; on functions also the tangents there.

    Rows: kind (``curve``, ``tangent``, ``now``), x, name, value, slope, colour, tip (whether the
    point answers to the mouse: all would slow the browser and add nothing).

    Args:
        field: ``value`` for f, ``slope`` for f′.
    """
    title, height = {"value": ("f(x)", 250), "slope": ("f′(x)", 190)}[field]
    base = alt.Chart(ROWS).encode(
        x=alt.X("x:Q", title="Input x", scale=alt.Scale(domain=[-6, 6])),
        y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(tickCount=5)),
        color=alt.Color("colour:N", scale=None),
        detail="name:N",
        tooltip=[
            alt.Tooltip("name:N", title="Function"),
            alt.Tooltip("x:Q", title="x", format=".2f"),
            alt.Tooltip("value:Q", title="f(x)", format=".4~f"),
            alt.Tooltip("slope:Q", title="f′(x)", format=".4~f"),
        ],
    )

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(f"datum.kind == '{kind}'")

    layers: list[alt.Chart | alt.LayerChart] = [
        alt.Chart(ROWS)
        .transform_filter("datum.kind == 'now'")
        .mark_rule(color=palette.MUTED, strokeDash=[2, 3])
        .encode(x=alt.X("x:Q", title="Input x")),
        only("curve").mark_line(strokeWidth=2.2),
        only("curve").transform_filter("datum.tip").mark_point(opacity=0, size=120),
        only("now").mark_point(filled=True, size=70, opacity=1),
    ]
    if field == "value":
        layers.insert(
            1,
            only("tangent")
            .mark_line(strokeWidth=2.5, opacity=0.8)
            .encode(color=alt.value(palette.GRADIENT)),
        )
    words = {
        "value": "orange: the tangent at the chosen x; its slope is below",
        "slope": "what a gradient is multiplied by on its way back",
    }
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                {"value": "Functions", "slope": "Slopes"}[field],
                subtitle=words[field],
                anchor="start",
            ),
            height=height,
            description=f"{title} of each chosen function for x from −6 to 6; a dotted line marks "
            "the chosen x.",
        )
    )


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


@lru_cache(maxsize=1)
def units_spec() -> Spec:
    """How many units no gradient gets through.

    Rows: name, share, what (``dead for every digit``, ``flat for a digit``).
    """
    whats = ["dead for every digit", "flat for a digit"]
    bars: alt.Chart = alt.Chart(ROWS).mark_bar()
    chart = bars.encode(
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelOverlap=False)),
        yOffset=alt.YOffset("what:N", sort=whats),
        x=alt.X(
            "share:Q", title="Share", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")
        ),
        color=alt.Color(
            "what:N",
            title=None,
            scale=alt.Scale(domain=whats, range=[palette.BAD, palette.GRADIENT]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Function"),
            alt.Tooltip("what:N", title="What"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    ).properties(
        title=alt.TitleParams("Units that no gradient gets through", anchor="start"),
        height=320,
        description="For each activation function the share of units that are dead for every digit "
        "and the share of pairs of a digit and a unit where the slope is nothing.",
    )
    return bare_spec(chart)


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
            title=f"Std of {what}",
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
                f"How far {what} carry",
                subtitle="dots: measured · dashed: theory",
                anchor="start",
            ),
            height=250,
            description=f"For each scheme the standard deviation of the {what} in every hidden "
            "layer, on a logarithmic scale, with theory's value beside it.",
        )
    )


@lru_cache(maxsize=2)
def layer_histogram_spec(what: str, colour: str) -> Spec:
    """Sideways histograms of one network, one a layer, all on the same axis.

    Rows: layer, edge (where the bar ends, within 0.9 of the layer), low, high, share.

    Args:
        what: ``activations`` or ``gradients``.
        colour: Of the bars.
    """
    bars: alt.Chart = alt.Chart(ROWS).mark_rect(color=colour)
    chart = bars.encode(
        x=alt.X(
            "layer:Q",
            title="Hidden layer",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(tickMinStep=1, format="d", grid=False),
        ),
        x2="edge:Q",
        y=alt.Y("low:Q", title="Value", axis=alt.Axis(format="~g")),
        y2="high:Q",
        tooltip=[
            alt.Tooltip("layer:Q", title="Hidden layer"),
            alt.Tooltip("low:Q", title="From", format=".3~g"),
            alt.Tooltip("high:Q", title="To", format=".3~g"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    ).properties(
        title=alt.TitleParams(
            f"{what.capitalize()}, layer by layer",
            subtitle="a histogram on its side for each; bars are scaled within the layer",
            anchor="start",
        ),
        height=240,
        description=f"A histogram of the {what} for each hidden layer, on one axis.",
    )
    return bare_spec(chart)
