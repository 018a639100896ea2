"""Charts of activation functions and of signals in deep networks.

Rows are described in each function; a page sends them with ``st.vega_lite_chart(rows, spec)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt

from mlcore.charts import palette, tick_labels
from mlcore.charts.specs import ROWS, bare_spec

Spec = dict[str, Any]


Dashes = tuple[tuple[str, tuple[int, ...]], ...]
"""Name and dash pattern of each line, in pixels on and off; ``(1, 0)`` is solid."""

FUNCTION_ENDS: Final = {"value": (-1.6, 6.4), "slope": (-0.25, 1.3)}
"""Ends of the vertical axis of functions and of slopes, for inputs from −6 to 6."""
PLOT_HEIGHTS: Final = {"value": 200, "slope": 130, "chain": 210, "signal": 170}
"""Pixels of the plots themselves; titles and horizontal axes come on top."""
_AROUND: Final = 105
"""Pixels that a title of two lines and a horizontal axis take."""


@lru_cache(maxsize=4)
def function_spec(field: str, dashes: Dashes, ink: str) -> Spec:
    """Functions or their slopes with the chosen x marked; on functions also tangents.

    Rows: kind (``curve``, ``tangent``, ``now``, or ``label value`` and ``label slope`` for the
    names at the lines' ends), x, name, value, slope, colour, tip (whether the point answers to the
    mouse: all would slow the browser and add nothing).

    Args:
        field: ``value`` for f, ``slope`` for f′.
        dashes: Of every function there is.
        ink: Colour of the names, that of text in the theme shown.
    """
    title = {"value": "f(x)", "slope": "f′(x)"}[field]
    x = alt.X(
        "x:Q",
        title="Input x",
        scale=alt.Scale(domain=[-6, 8.6], nice=False),
        axis=alt.Axis(values=list(range(-6, 7))),
    )
    base = alt.Chart(ROWS).encode(
        x=x,
        y=alt.Y(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(domain=list(FUNCTION_ENDS[field]), nice=False),
            axis=alt.Axis(tickCount=5, labelExpr=tick_labels.PLAIN),
        ),
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
        .encode(x=x),
        only("curve").mark_line(strokeWidth=2.2).encode(strokeDash=_dashed(dashes)),
        only("curve").transform_filter("datum.tip").mark_point(opacity=0, size=120),
        only("now").mark_point(filled=True, size=80, opacity=1),
        *_labels(only(f"label {field}"), "name:N", ink),
    ]
    if field == "value":
        layers.insert(
            3,
            only("tangent")
            .mark_line(strokeWidth=4, opacity=0.85, strokeCap="round")
            .encode(color=alt.value(palette.GRADIENT)),
        )
    words = {
        "value": "thick orange: the tangents at the chosen x",
        "slope": "the factor by which a gradient is multiplied on its way back",
    }
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                {"value": "Functions", "slope": "Slopes"}[field],
                subtitle=words[field],
                anchor="start",
            ),
            height=PLOT_HEIGHTS[field] + _AROUND,
            description=f"{title} of each chosen function for x from −6 to 6, its name at the "
            "line's end; a dotted line marks the chosen x.",
        )
    )


@lru_cache(maxsize=64)
def chain_spec(depth: int, dashes: Dashes, ink: str, *, clamped: bool = False) -> Spec:
    """The gradient at each layer of a chain.

    Rows: kind (``point``, or ``label`` for the name at the line's left end), layer (1 is the
    first), gradient (its absolute value, at least 10⁻¹²), exact, name, colour.

    Args:
        depth: Layers of the chain.
        dashes: Of every function there is.
        ink: Colour of the names, that of text in the theme shown.
        clamped: Whether some value is drawn at 10⁻¹² because it is smaller.
    """
    every = max(1, -(-depth // 10))
    base = alt.Chart(ROWS).encode(
        x=alt.X(
            "layer:Q",
            title="Layer, counted from the input",
            scale=alt.Scale(domain=[1 - 0.26 * max(depth - 1, 1), max(depth, 2)], nice=False),
            axis=alt.Axis(values=list(range(1, depth + 1, every)), format="d", grid=False),
        ),
        y=alt.Y(
            "gradient:Q",
            title="|∂ output / ∂ input of the layer|",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(tickCount=6, labelExpr=tick_labels.POWERS),
        ),
        color=alt.Color("colour:N", scale=None),
        detail="name:N",
        tooltip=[
            alt.Tooltip("name:N", title="Function"),
            alt.Tooltip("layer:Q", title="Layer"),
            alt.Tooltip("exact:Q", title="Gradient", format=".3~e"),
        ],
    )
    points = base.transform_filter("datum.kind == 'point'")
    layers: list[alt.Chart | alt.LayerChart] = [
        points.mark_line(strokeWidth=2).encode(strokeDash=_dashed(dashes)),
        points.mark_point(filled=True, size=45, opacity=1),
        *_labels(base.transform_filter("datum.kind == 'label'"), "name:N", ink, side=-1),
    ]
    floor = ["smaller than 10⁻¹² drawn at 10⁻¹²"] if clamped else []
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "The gradient at each layer",
                subtitle=["the product of all slopes from the layer to the end", *floor],
                anchor="start",
            ),
            height=PLOT_HEIGHTS["chain"] + _AROUND,
            description="For each function a line over the layers: the absolute value of the "
            "gradient of the output with respect to that layer's input, on a logarithmic axis.",
        )
    )


def _labels(rows: alt.Chart, text: str, ink: str, side: int = 1) -> list[alt.Chart]:
    """Names beside dots in their colours, as coloured text alone would be too pale to read."""
    align: Literal["left", "right"] = "left" if side > 0 else "right"
    return [
        rows.mark_point(filled=True, size=55, opacity=1, xOffset=side * 11),
        rows.mark_text(align=align, dx=side * 18, fontSize=12).encode(
            text=text, color=alt.value(ink)
        ),
    ]


def _dashed(dashes: Dashes) -> alt.StrokeDash:
    scale = alt.Scale(domain=[name for name, _ in dashes], range=[list(d) for _, d in dashes])
    return alt.StrokeDash("name:N", scale=scale, legend=None)


@lru_cache(maxsize=1)
def units_spec() -> Spec:
    """The share of units whose slope is 0 or nearly so.

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
        title=alt.TitleParams("Units that pass on no gradient", anchor="start"),
        height=320,
        description="For each activation function the share of units that are dead for every digit "
        "and the share of pairs of a digit and a unit where the slope is below the threshold.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=64)
def signal_spec(field: str, depth: int, ink: str, *, clamped: bool = False) -> Spec:
    """Spread of the activations or of the gradients in each layer, with the theory.

    Rows: layer, std (kept within 10⁻¹² and 10¹²), exact, scheme, way (``measured``, ``theory``, or
    ``label`` for the scheme's name at the line's end), colour.

    Args:
        field: ``activation`` or ``gradient``.
        depth: Hidden layers.
        ink: Colour of the names, that of text in the theme shown.
        clamped: Whether some value is drawn at an end of the axis because it is beyond it.
    """
    every = max(1, -(-depth // 10))
    what = {"activation": "activations", "gradient": "gradients"}[field]
    base = alt.Chart(ROWS).encode(
        x=alt.X(
            "layer:Q",
            title="Hidden layer",
            scale=alt.Scale(domain=[1, 1 + 1.75 * max(depth - 1, 1)], nice=False),
            axis=alt.Axis(values=list(range(1, depth + 1, every)), format="d", grid=False),
        ),
        y=alt.Y(
            "std:Q",
            title=f"Std of {what}",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(tickCount=6, labelExpr=tick_labels.POWERS),
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
        *_labels(
            base.transform_filter("datum.way == 'label'").encode(
                color=alt.Color("colour:N", scale=None)
            ),
            "scheme:N",
            ink,
        ),
    ]
    ends = ["beyond 10⁻¹² or 10¹² drawn there"] if clamped else []
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                f"Spread of the {what}",
                subtitle=["dots: measured · dashed: theory", *ends],
                anchor="start",
            ),
            height=PLOT_HEIGHTS["signal"] + _AROUND,
            description=f"For each scheme the standard deviation of the {what} in every hidden "
            "layer, on a logarithmic scale, with theory's value beside it.",
        )
    )


@lru_cache(maxsize=2)
def layer_histogram_spec(what: str, colour: str) -> Spec:
    """Sideways histograms of one network, one per layer, on one common axis.

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
        y=alt.Y("low:Q", title="Value", axis=alt.Axis(labelExpr=tick_labels.PLAIN)),
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
            subtitle=[
                "one histogram for each layer, on its side",
                "the longest bars are equally long",
            ],
            anchor="start",
        ),
        height=240,
        description=f"A histogram of the {what} for each hidden layer, on one axis.",
    )
    return bare_spec(chart)
