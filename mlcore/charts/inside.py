"""Charts of a trained network: mistakes, calibration, and features in a plane."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.digits import confusion_chart
from mlcore.charts.specs import ROWS, bare_spec

CELL: Final = "cell"
"""Name of the selection in ``clickable_confusion``."""

_SIZE: Final = 460


def clickable_confusion(rows: pd.DataFrame, ink: str, *, images: str = "test") -> alt.LayerChart:
    """``digits.confusion_chart`` with selectable cells (selection ``CELL``)."""
    chart = confusion_chart(rows, ink, images=images)
    cell = alt.selection_point(name=CELL, fields=["true", "predicted"], empty=False, toggle=False)
    # on top of all, so that a number does not catch the click meant for its cell
    frame = (
        alt.Chart(rows)
        .mark_rect(fill="transparent", cursor="pointer")
        .encode(
            x=chart.layer[0].encoding.x,
            y=chart.layer[0].encoding.y,
            tooltip=chart.layer[0].encoding.tooltip,
            stroke=alt.condition(cell, alt.value(ink), alt.value("transparent")),
            strokeWidth=alt.condition(cell, alt.value(2.5), alt.value(0)),
        )
        .add_params(cell)
    )
    return alt.LayerChart(data=rows, layer=[*chart.layer, frame]).properties(
        title="Confusion matrix: click a cell to see its digits",
        height=chart.height,
        description=chart.description,
    )


@lru_cache(maxsize=1)
def class_accuracy_spec() -> dict[str, Any]:
    """Accuracy per class. Rows: class, place, images, right, accuracy, low, high."""
    x = alt.X("class:N", title="True class", sort=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y(
        "accuracy:Q",
        title="Accuracy",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(format=".0%", tickCount=6),
    )
    tips = [
        alt.Tooltip("class:N", title="Class"),
        alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("right:Q", title="Right", format=","),
        alt.Tooltip("images:Q", title="Images", format=","),
    ]
    base = alt.Chart(ROWS).encode(x=x, tooltip=tips)
    layers = [
        base.mark_rule(color=palette.VALUE, strokeWidth=3, opacity=palette.TRAIN_OPACITY).encode(
            y=alt.Y("low:Q", title="Accuracy", scale=alt.Scale(zero=False, nice=True)), y2="high:Q"
        ),
        base.mark_point(filled=True, size=80, color=palette.VALUE, opacity=1).encode(y=y),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Accuracy of each class", subtitle="bar: Wilson's 95 % interval", anchor="start"
            ),
            height=260,
            description="A point for each class: its accuracy on the test images, with a bar for "
            "the 95 % interval.",
        )
    )


@lru_cache(maxsize=1)
def reliability_spec() -> dict[str, Any]:
    """Accuracy against confidence. Rows: from, to, images, confidence, accuracy, low, high."""
    unit = alt.Scale(domain=[0, 1])
    x = alt.X(
        "confidence:Q", title="Confidence", scale=unit, axis=alt.Axis(format="%", tickCount=5)
    )
    y = alt.Y("accuracy:Q", title="Accuracy", scale=unit, axis=alt.Axis(format="%", tickCount=5))
    tips = [
        alt.Tooltip("from:Q", title="Confidence above", format=".1%"),
        alt.Tooltip("to:Q", title="up to", format=".1%"),
        alt.Tooltip("images:Q", title="Images", format=","),
        alt.Tooltip("confidence:Q", title="Mean confidence", format=".2%"),
        alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%"),
    ]
    diagonal = alt.Chart(ROWS).mark_rule(
        color=palette.THEORY, strokeDash=[*palette.THEORY_DASH], aria=False
    )
    base = alt.Chart(ROWS).transform_filter("datum.images > 0")
    layers = [
        diagonal.encode(
            x=alt.XDatum(0, title="Confidence", scale=unit),
            x2=alt.X2Datum(1),
            y=alt.YDatum(0, title="Accuracy", scale=unit),
            y2=alt.Y2Datum(1),
        ),
        base.mark_rule(color=palette.GRADIENT, strokeWidth=2).encode(
            x=x, y=y, y2="confidence:Q", tooltip=tips
        ),
        base.mark_rule(color=palette.VALUE, strokeWidth=3, opacity=palette.TRAIN_OPACITY).encode(
            x=x, y=alt.Y("low:Q", title="Accuracy", scale=unit), y2="high:Q"
        ),
        base.mark_line(color=palette.VALUE, strokeWidth=1.5).encode(x=x, y=y),
        base.mark_point(filled=True, color=palette.VALUE, opacity=1).encode(
            x=x,
            y=y,
            size=alt.Size("images:Q", scale=alt.Scale(type="sqrt", range=[20, 300]), legend=None),
            tooltip=tips,
        ),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Reliability: is it right as often as it says?",
                subtitle="dashed: perfect calibration · orange: the gap · dot size: images",
                anchor="start",
            ),
            height=320,
            description="Accuracy against mean confidence for bins of equal width, beside the "
            "dashed diagonal on which both are equal.",
        )
    )


@lru_cache(maxsize=16)
def plane_spec(x_title: str, y_title: str, title: str) -> dict[str, Any]:
    """Images in a plane, each as the digit of its class.

    Rows: x, y, sign, colour, class, guess, right, place, kind (``test``, ``own``), image (a PNG
    as a data URL, which Vega's tooltip draws).
    """
    x = alt.X("x:Q", title=x_title, scale=alt.Scale(zero=False, nice=True))
    y = alt.Y("y:Q", title=y_title, scale=alt.Scale(zero=False, nice=True))
    tips = [
        alt.Tooltip("image:N"),
        alt.Tooltip("words:N", title="Digit"),
        alt.Tooltip("class:N", title="True class"),
        alt.Tooltip("guess:N", title="Taken for"),
        alt.Tooltip("confidence:Q", title="Confidence", format=".1%"),
    ]
    base = alt.Chart(ROWS).encode(x=x, y=y)
    colour = alt.Color("colour:N", scale=None)
    test = base.transform_filter("datum.kind == 'test'")
    layers = [
        test.transform_filter("!datum.right").mark_point(
            filled=False, size=190, strokeWidth=2, color=palette.BAD, opacity=1
        ),
        test.mark_text(fontSize=11, fontWeight="bold").encode(
            text="sign:N", color=colour, tooltip=tips
        ),
        base.transform_filter("datum.kind == 'own'")
        .mark_point(
            shape="diamond", filled=True, size=330, stroke="#ffffff", strokeWidth=1.5, opacity=1
        )
        .encode(color=alt.value(palette.GRADIENT), tooltip=tips),
        base.transform_filter("datum.kind == 'own'")
        .mark_text(fontSize=11, fontWeight="bold", color="#ffffff")
        .encode(text="sign:N"),
    ]
    spec = bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                title,
                subtitle=[
                    "each sign is a test image of that class",
                    "red ring: wrong prediction · diamond: your digit",
                ],
                anchor="start",
            ),
            height=_SIZE + 60,
            description=f"{title}: each test digit as the sign of its true class; wrong ones are "
            "ringed in red, your own digits are orange diamonds.",
        )
    )
    # thousands of signs are drawn at once on a canvas, where as SVG each would be an element
    spec["usermeta"] = {"embedOptions": {"renderer": "canvas"}}
    spec["config"]["mark"] = {"aria": False}
    return spec


@lru_cache(maxsize=8)
def history_spec(layers: tuple[str, ...]) -> dict[str, Any]:
    """How far weights moved. Rows: epoch, layer, norm, moved, largest."""
    colours = [palette.run_colour(place) for place in range(len(layers))]
    title = "How far each layer went from its start"
    lines: alt.Chart = alt.Chart(ROWS).mark_line(point=alt.OverlayMarkDef(size=45), strokeWidth=2)
    chart = lines.encode(
        x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("moved:Q", title="‖W − W₀‖ / ‖W₀‖"),
        color=alt.Color(
            "layer:N",
            title=None,
            sort=None,
            scale=alt.Scale(domain=list(layers), range=colours),
            legend=alt.Legend(orient="right", symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip("norm:Q", title="‖W‖", format=".4~g"),
            alt.Tooltip("moved:Q", title="‖W − W₀‖ / ‖W₀‖", format=".4~g"),
            alt.Tooltip("largest:Q", title="max |w|", format=".4~g"),
        ],
    ).properties(
        title=alt.TitleParams(title, subtitle="length of the change against ‖W₀‖", anchor="start"),
        height=230,
        description=f"{title}, one line per layer, over the epochs.",
    )
    return bare_spec(chart)
