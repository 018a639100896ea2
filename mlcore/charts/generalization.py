"""Charts of over- and underfitting: fits, error curves, parts of the error, double descent.

Rows are described in each function; a page sends them with ``st.vega_lite_chart(rows, spec)``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt

from mlcore.charts import palette, tick_labels
from mlcore.charts.specs import ROWS, bare_spec

Spec = dict[str, Any]

FIT: Final = "fit"
TRUTH: Final = "true function"
PARTS: Final = {
    "bias²": palette.RUN_COLOURS[2],
    "variance": palette.GRADIENT,
    "noise σ²": palette.MUTED,
    "measured error": palette.VALUE,
}
"""Hue of each part of the error."""
SOLUTIONS: Final = {"minimum norm": palette.VALUE, "ridge": palette.GRADIENT}
"""Hue of each solution over random features."""
_SETTINGS: Final[dict[str, tuple[str, str, Literal["linear", "log"]]]] = {
    "degree": ("Error against degree", "Degree", "linear"),
    "strength": ("Error against λ", "λ", "log"),
    "n": ("Learning curve", "Training points n", "log"),
}
_FAINT: Final = "faint: training; solid: validation"
_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Where logarithmic axes of counts have ticks."""
_HALF: Final = 250
"""Height in pixels of charts that stand side by side, titles and axes included."""


@lru_cache(maxsize=1)
def fit_spec() -> Spec:
    """Points, the true function and the fitted polynomial.

    Rows: kind (``validation``, ``training``, ``true function``, ``fit``), x, y.
    """
    kinds = {
        "training": palette.GRADIENT,
        "validation": palette.MUTED,
        TRUTH: palette.THEORY,
        FIT: palette.VALUE,
    }
    base = alt.Chart(ROWS).encode(
        x=alt.X("x:Q", title="x", scale=alt.Scale(domain=[-1, 1], nice=False)),
        y=alt.Y("y:Q", title="y", scale=alt.Scale(domain=[-2.5, 2.5], nice=False)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=list(kinds), range=list(kinds.values())),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("kind:N", title="What"),
            alt.Tooltip("x:Q", format=".3f"),
            alt.Tooltip("y:Q", format=".4~g"),
        ],
    )

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(f"datum.kind == '{kind}'")

    dash = list(palette.THEORY_DASH)
    return bare_spec(
        alt.LayerChart(
            layer=[
                only("validation").mark_circle(size=12, opacity=0.45, clip=True),
                only(TRUTH).mark_line(strokeWidth=2, strokeDash=dash, clip=True),
                only(FIT).mark_line(strokeWidth=2.5, clip=True),
                only("training").mark_circle(size=50, opacity=1, clip=True),
            ]
        ).properties(
            title=alt.TitleParams(
                "Data and fit",
                subtitle=[
                    "orange points: training; grey points: validation",
                    "blue: the fit; dashed: the true function",
                ],
                anchor="start",
            ),
            height=300,
            description="Training and validation points, the true function (dashed), and the "
            "fitted polynomial, for x from −1 to 1.",
        )
    )


@lru_cache(maxsize=64)
def error_spec(setting: str, subtitle: str, low: float, high: float) -> Spec:
    """Training and validation error along one setting, on a logarithmic axis.

    Rows: kind (``training``, ``validation``; ``best`` for the smallest validation error, ``now``
    for the setting chosen), value, error, label (of ``best``).

    Args:
        setting: ``degree``, ``strength`` or ``n``.
        subtitle: Below the title.
        low: Lower end of the axis of errors.
        high: Its upper end; what lies above is cut off.
    """
    title, name, kind = _SETTINGS[setting]
    axes = {
        "degree": alt.Axis(tickCount=6, tickMinStep=1, labelExpr=tick_labels.PLAIN, grid=False),
        "strength": alt.Axis(tickCount=5, labelExpr=tick_labels.POWERS, grid=False),
        "n": alt.Axis(values=list(_COUNTS), labelExpr=tick_labels.PLAIN, grid=False),
    }
    scale = alt.Scale(type=kind, nice=False)
    x = alt.X("value:Q", title=name, scale=scale, axis=axes[setting])
    base = alt.Chart(ROWS).encode(
        x=x,
        y=_log_axis("error:Q", "Mean squared error", low, high),
        tooltip=[
            alt.Tooltip("kind:N", title="Error"),
            alt.Tooltip("value:Q", title=name, format=".4~g"),
            alt.Tooltip("error:Q", title="Mean squared error", format=".4~g"),
        ],
    )
    lines = base.transform_filter("datum.kind == 'training' || datum.kind == 'validation'").encode(
        color=alt.value(palette.VALUE),
        opacity=alt.Opacity(
            "kind:N",
            title=None,
            scale=alt.Scale(
                domain=["training", "validation"],
                range=[palette.TRAIN_OPACITY, palette.TEST_OPACITY],
            ),
            legend=None,
        ),
    )
    now = alt.Chart(ROWS).transform_filter("datum.kind == 'now'")
    best = base.transform_filter("datum.kind == 'best'").encode(color=alt.value(palette.GOOD))
    layers = [
        now.mark_rule(color=palette.MUTED, strokeDash=[2, 3], strokeWidth=1.5).encode(x=x),
        lines.mark_line(strokeWidth=2.2, clip=True),
        lines.mark_circle(size=36, clip=True),
        best.mark_point(size=130, strokeWidth=2.5, shape="diamond", clip=True),
        best.mark_text(dy=16, fontSize=12, clip=True).encode(text="label:N"),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(title, subtitle=[subtitle, _FAINT], anchor="start"),
            height=_HALF,
            description=f"Training error (faint) and validation error against {name.lower()}, on a "
            "log axis; a diamond marks the smallest validation error, a dotted line the setting "
            "chosen.",
        )
    )


@lru_cache(maxsize=64)
def parts_spec(resamples: int, low: float, high: float) -> Spec:
    """Bias², variance and noise of every degree, and the measured error they add up to.

    Rows: part (a key of ``PARTS``), way (``measured``, ``theory``, ``now``), degree, error.

    Args:
        resamples: Fits of each degree.
        low: Lower end of the axis of errors.
        high: Its upper end.
    """
    x = alt.X(
        "degree:Q",
        title="Degree",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(tickCount=8, tickMinStep=1, grid=False, labelExpr=tick_labels.PLAIN),
    )
    base = alt.Chart(ROWS).encode(
        x=x,
        y=_log_axis("error:Q", "Mean squared error", low, high),
        color=alt.Color(
            "part:N",
            title=None,
            scale=alt.Scale(domain=list(PARTS), range=list(PARTS.values())),
            legend=alt.Legend(orient="top", columns=4, symbolOpacity=1),
        ),
        tooltip=[
            alt.Tooltip("part:N", title="Part"),
            alt.Tooltip("way:N", title="Found"),
            alt.Tooltip("degree:Q", title="Degree"),
            alt.Tooltip("error:Q", title="Mean squared error", format=".4~g"),
        ],
    )
    measured = base.transform_filter("datum.way == 'measured'")
    theory = base.transform_filter("datum.way == 'theory'").encode(detail="part:N")
    grey = theory.encode(color=alt.value(palette.THEORY))
    now = alt.Chart(ROWS).transform_filter("datum.way == 'now'")
    return bare_spec(
        alt.LayerChart(
            layer=[
                now.mark_rule(color=palette.MUTED, strokeDash=[2, 3], strokeWidth=1.5).encode(x=x),
                measured.mark_line(strokeWidth=2.2, clip=True),
                measured.mark_circle(size=40, clip=True, opacity=1),
                grey.mark_line(strokeWidth=2, strokeDash=list(palette.THEORY_DASH), clip=True),
            ]
        ).properties(
            title=alt.TitleParams(
                "Bias², variance and noise",
                subtitle=f"{resamples} fits of each degree to fresh noise; dashed: in closed form",
                anchor="start",
            ),
            height=320,
            description="Bias², variance, noise and the measured error against degree, on a log "
            "axis; dashed lines give the same in closed form.",
        )
    )


@lru_cache(maxsize=64)
def width_spec(n: int, low: float, high: float) -> Spec:
    """Training and test error against the number of random features.

    Rows: solution (a key of ``SOLUTIONS``), what (``training``, ``test``, ``now``, ``threshold``),
    width, error.

    Args:
        n: Training examples: where theory puts the peak.
        low: Lower end of the axis of errors.
        high: Its upper end.
    """
    x = _width_axis()
    base = alt.Chart(ROWS).encode(
        x=x,
        y=_log_axis("error:Q", "Mean squared error", low, high),
        color=_solutions(),
        tooltip=[
            alt.Tooltip("solution:N", title="Solution"),
            alt.Tooltip("what:N", title="Error"),
            alt.Tooltip("width:Q", title="Width", format=","),
            alt.Tooltip("error:Q", title="Mean squared error", format=".4~g"),
        ],
    )
    lines = base.transform_filter("datum.what == 'training' || datum.what == 'test'").encode(
        opacity=alt.Opacity(
            "what:N",
            title=None,
            scale=alt.Scale(
                domain=["training", "test"], range=[palette.TRAIN_OPACITY, palette.TEST_OPACITY]
            ),
            legend=None,
        )
    )
    return bare_spec(
        alt.LayerChart(
            layer=[
                *_threshold(x),
                lines.mark_line(strokeWidth=2.2, clip=True),
                lines.mark_circle(size=36, clip=True),
            ]
        ).properties(
            title=alt.TitleParams(
                "Error against width",
                subtitle=[
                    f"dashed: width = n = {n}, where theory puts the peak",
                    "faint: training; solid: test",
                ],
                anchor="start",
            ),
            height=330,
            description="Training error (faint) and test error of the minimum-norm solution and of "
            f"ridge against the number of features, on log axes; a dashed line marks width {n}.",
        )
    )


@lru_cache(maxsize=64)
def norm_spec(n: int) -> Spec:
    """The length of the weight vector against the number of random features.

    Rows: solution, what (``norm``, ``now``, ``threshold``), width, norm.

    Args:
        n: Training examples.
    """
    x = _width_axis()
    base = (
        alt.Chart(ROWS)
        .transform_filter("datum.what == 'norm'")
        .encode(
            x=x,
            y=alt.Y(
                "norm:Q",
                title="|w|",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(tickCount=5, labelExpr=tick_labels.POWERS, grid=False),
            ),
            color=_solutions(),
            tooltip=[
                alt.Tooltip("solution:N", title="Solution"),
                alt.Tooltip("width:Q", title="Width", format=","),
                alt.Tooltip("norm:Q", title="|w|", format=".4~g"),
            ],
        )
    )
    return bare_spec(
        alt.LayerChart(
            layer=[
                *_threshold(x),
                base.mark_line(strokeWidth=2.2),
                base.mark_circle(size=36),
            ]
        ).properties(
            title=alt.TitleParams(
                "Length of the weight vector", subtitle="of both solutions", anchor="start"
            ),
            height=_HALF,
            description="Length of the weight vector of the minimum-norm solution and of ridge "
            f"against the number of features, on log axes; a dashed line marks width {n}.",
        )
    )


@lru_cache(maxsize=1)
def prediction_spec() -> Spec:
    """Predictions against targets of the test examples at one width.

    Rows: solution, target, prediction. The spec names no width: while it stays the same, a moved
    slider sends rows alone.
    """
    ends = [-4, 4]
    base = alt.Chart(ROWS)
    points = base.transform_filter("isValid(datum.solution)").encode(
        x=alt.X("target:Q", title="Target", scale=alt.Scale(domain=ends, nice=False)),
        y=alt.Y("prediction:Q", title="Prediction", scale=alt.Scale(domain=ends, nice=False)),
        color=_solutions(),
        tooltip=[
            alt.Tooltip("solution:N", title="Solution"),
            alt.Tooltip("target:Q", title="Target", format=".3f"),
            alt.Tooltip("prediction:Q", title="Prediction", format=".4~g"),
        ],
    )
    line = base.transform_filter("!isValid(datum.solution)").encode(x="target:Q", y="prediction:Q")
    dash = list(palette.THEORY_DASH)
    return bare_spec(
        alt.LayerChart(
            layer=[
                line.mark_line(color=palette.THEORY, strokeDash=dash),
                points.mark_circle(size=26, opacity=0.7, clip=True),
            ]
        ).properties(
            title=alt.TitleParams(
                "Predictions on the test set",
                subtitle="at the width chosen, first draw; dashed: perfect",
                anchor="start",
            ),
            height=_HALF,
            description="Prediction against target of 200 test examples at the width chosen, for "
            "the minimum-norm solution and for ridge; a dashed line where they would be equal.",
        )
    )


def _log_axis(field: str, title: str, low: float, high: float) -> alt.Y:
    decades = [10.0**k for k in range(round(math.log10(low)), round(math.log10(high)) + 1)]
    return alt.Y(
        field,
        title=title,
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(values=decades, labelExpr=tick_labels.POWERS, grid=False),
    )


def _width_axis() -> alt.X:
    return alt.X(
        "width:Q",
        title="Width (number of features)",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=list(_COUNTS), labelExpr=tick_labels.PLAIN, grid=False),
    )


def _solutions() -> alt.Color:
    return alt.Color(
        "solution:N",
        title=None,
        scale=alt.Scale(domain=list(SOLUTIONS), range=list(SOLUTIONS.values())),
        legend=alt.Legend(orient="top", symbolOpacity=1),
    )


def _threshold(x: alt.X) -> list[alt.Chart]:
    """Lines at width = n (dashed) and at the chosen width (dotted)."""
    base = alt.Chart(ROWS).encode(x=x)
    dash = list(palette.THEORY_DASH)
    return [
        base.transform_filter("datum.what == 'threshold'").mark_rule(
            color=palette.THEORY, strokeDash=dash, strokeWidth=2
        ),
        base.transform_filter("datum.what == 'now'").mark_rule(
            color=palette.MUTED, strokeDash=[2, 3], strokeWidth=1.5
        ),
    ]
