"""Charts of a cross-validation: the fold of each sample, a curve a fold, and the estimate."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

MOST: Final = len(palette.CLASS_COLOURS)
"""Folds that have a hue of their own."""
_NUMBERED: Final = 200
"""Samples up to which each cell has room for its fold's number."""
_ACCURACY: Final = "Accuracy"


def fold_colours(folds: int) -> dict[str, str]:
    """The hue of each fold, by its name in legends."""
    return {f"fold {k + 1}": palette.CLASS_COLOURS[k % MOST] for k in range(folds)}


@lru_cache(maxsize=32)
def fold_map_spec(samples: int) -> dict[str, Any]:
    """Which sample is in which fold: a row for each class, a cell for each sample.

    Rows: class (its name), place (from 1, within the class), number (of the image in the data
    set), fold, colour, chosen (whether its fold is the one that stands out).

    Args:
        samples: How many there are.
    """
    axis = alt.Axis(labelAngle=0, ticks=False, domain=False, labelOverlap=True)
    base = alt.Chart(ROWS).encode(
        x=alt.X("place:O", title="Images of the class", axis=axis, scale=alt.Scale(padding=0.1)),
        y=alt.Y(
            "class:N", title="Class", axis=alt.Axis(ticks=False, domain=False, labelOverlap=False)
        ),
        tooltip=[
            alt.Tooltip("fold:Q", title="Fold"),
            alt.Tooltip("class:N", title="Class"),
            alt.Tooltip("number:Q", title="Training image", format=","),
        ],
    )
    chosen = "datum.chosen"
    cells = base.mark_rect(cornerRadius=1).encode(
        color=alt.Color("colour:N", scale=None),
        opacity=alt.condition(chosen, alt.value(1), alt.value(palette.TRAIN_OPACITY)),
    )
    layers: list[alt.Chart] = [cells]
    if samples <= _NUMBERED:
        held = base.transform_filter(chosen).mark_text(fontSize=10, color="#ffffff")
        layers.append(held.encode(text="fold:Q"))
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "The fold of each image",
                subtitle="strong: the held-out fold; pale: the others",
                anchor="start",
            ),
            height=300,
            description=f"A row of cells for each class, a cell for each of {samples} images in "
            "the colour of its fold; those of the held-out fold are strong.",
        )
    )


@lru_cache(maxsize=16)
def fold_curve_spec(
    steps: int, x_title: str = "Steps of gradient descent", *, truth: bool = True
) -> dict[str, Any]:
    """Validation accuracy of each fold while the models are trained; the axes stay.

    Rows: kind (``fold`` or ``fresh``), fold (missing for ``fresh``), colour, step, accuracy,
    chosen (whether its fold is the one that stands out).

    Args:
        steps: Where the horizontal axis ends.
        x_title: Of the horizontal axis.
        truth: Whether there are rows of kind ``fresh``.
    """
    told = "; dashed: mean on images in no fold" if truth else ""
    base = alt.Chart(ROWS).encode(
        x=alt.X(
            "step:Q",
            title=x_title,
            scale=alt.Scale(domain=[0, steps], nice=False),
            axis=alt.Axis(tickCount=6, grid=False, tickMinStep=1),
        ),
        y=alt.Y(
            "accuracy:Q",
            title=_ACCURACY,
            scale=alt.Scale(domain=[0.4, 1], nice=False),
            axis=alt.Axis(format="%", tickCount=6),
        ),
    )
    folds = base.transform_filter("datum.kind == 'fold'").encode(
        color=alt.Color("colour:N", scale=None), detail="fold:N"
    )
    tips = [
        alt.Tooltip("fold:Q", title="Fold"),
        alt.Tooltip("step:Q", title=x_title),
        alt.Tooltip("accuracy:Q", title=_ACCURACY, format=".1%"),
    ]
    chosen = "datum.chosen"
    layers: list[alt.Chart] = [
        base.transform_filter("datum.kind == 'fresh'").mark_line(
            color=palette.THEORY, strokeDash=list(palette.THEORY_DASH), strokeWidth=2.5, clip=True
        ),
        folds.mark_line(clip=True, strokeWidth=1.8).transform_filter(f"!({chosen})"),
        folds.mark_line(clip=True, strokeWidth=3.5).transform_filter(chosen),
        folds.mark_point(opacity=0, size=120, clip=True).encode(tooltip=tips),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Validation accuracy of each fold",
                subtitle=f"thick: the held-out fold{told}",
                anchor="start",
            ),
            height=220,
            description="Validation accuracy over training, a line for each fold" + told + ".",
        )
    )


@lru_cache(maxsize=16)
def estimate_spec(ways: tuple[str, ...]) -> dict[str, Any]:
    """Estimates of the accuracy: each fold, the mean ± standard error, and the truth.

    Rows: way, kind (``fold``, ``mean`` or ``truth``), value, low, high, fold, colour.

    Args:
        ways: Ways of cross-validating, top to bottom.
    """
    x = alt.X(
        "value:Q",
        title="Accuracy in the end",
        scale=alt.Scale(domain=[0.6, 1], nice=False),
        axis=alt.Axis(format="%", tickCount=6),
    )
    base = alt.Chart(ROWS).encode(
        y=alt.Y("way:N", title=None, sort=list(ways), scale=alt.Scale(domain=list(ways)))
    )

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(f"datum.kind == '{kind}'")

    mean_tips = [
        alt.Tooltip("way:N", title="Leak"),
        alt.Tooltip("value:Q", title="Mean over folds", format=".2%"),
        alt.Tooltip("low:Q", title="Less one standard error", format=".2%"),
        alt.Tooltip("high:Q", title="Plus one standard error", format=".2%"),
    ]
    layers: list[alt.Chart] = [
        only("fold")
        .mark_circle(size=60, opacity=0.8, clip=True)
        .encode(
            x=x,
            color=alt.Color("colour:N", scale=None),
            tooltip=[
                alt.Tooltip("way:N", title="Leak"),
                alt.Tooltip("fold:Q", title="Fold"),
                alt.Tooltip("value:Q", title=_ACCURACY, format=".2%"),
            ],
        ),
        only("mean").mark_rule(strokeWidth=3, color=palette.VALUE).encode(x="low:Q", x2="high:Q"),
        only("mean")
        .mark_tick(thickness=3, size=24, color=palette.VALUE)
        .encode(x=x, tooltip=mean_tips),
        only("truth")
        .mark_tick(thickness=2, size=34, color=palette.THEORY, strokeDash=[4, 3])
        .encode(
            x=x,
            tooltip=[
                alt.Tooltip("way:N", title="Leak"),
                alt.Tooltip("value:Q", title="On images in no fold", format=".2%"),
            ],
        ),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Estimate and truth",
                subtitle=[
                    "dots: folds; blue: mean ± standard error",
                    "dashed: on images in no fold",
                ],
                anchor="start",
            ),
            height=110 + 44 * len(ways),
            description="For each way of cross-validating a dot for each fold's accuracy, the mean "
            "with its standard error, and a dashed line at the accuracy on images in no fold.",
        )
    )
