"""Charts of a batch of runs: final accuracy as a grid, training curves, layer statistics."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt

from mlcore.charts import palette, tick_labels
from mlcore.charts.specs import ROWS, bare_spec

CURVE_ENDS: Final = (0.02, 10.0)
"""Ends of the axis of training losses, in nats."""


@lru_cache(maxsize=32)
def outcome_spec(groups: tuple[str, ...], batch_size: int) -> dict[str, Any]:
    """The final accuracy of each run as a grid: learning rates across, networks down.

    Rows: group, lr (as text), order (of the rate), accuracy (missing until known), words, ink
    (their colour).

    Args:
        groups: The rows of the grid, in order.
        batch_size: What all runs of the grid share.
    """
    base = alt.Chart(ROWS).encode(
        x=alt.X(
            "lr:N",
            title="Learning rate",
            sort=alt.EncodingSortField("order", op="min"),
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y("group:N", title=None, sort=list(groups)),
        tooltip=[
            alt.Tooltip("group:N", title="Network"),
            alt.Tooltip("lr:N", title="Learning rate"),
            alt.Tooltip("accuracy:Q", title="Test accuracy", format=".1%"),
            alt.Tooltip("words:N", title="State"),
        ],
    )
    frames = base.mark_rect(filled=False, stroke=palette.MUTED, strokeWidth=0.5)
    known = base.transform_filter("isValid(datum.accuracy)")
    cells = known.mark_rect().encode(
        fill=alt.Fill(
            "accuracy:Q",
            scale=alt.Scale(domain=[0.1, 1], range=list(palette.SEQUENTIAL[:3]), clamp=True),
            legend=None,
        )
    )
    words = base.mark_text(fontSize=12).encode(text="words:N", color=alt.Color("ink:N", scale=None))
    layers: list[alt.Chart | alt.LayerChart] = [cells, frames, words]
    chart = alt.LayerChart(layer=layers).properties(
        title=alt.TitleParams(
            "Test accuracy in the end", subtitle=f"batches of {batch_size}", anchor="start"
        ),
        height=110 + 26 * len(groups),
        description="A grid of networks by learning rates: the test accuracy reached, or that the "
        f"run diverged. Batches of {batch_size}.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=16)
def race_curve_spec(title: str, steps: int, *, clipped: bool = False) -> dict[str, Any]:
    """Training loss of several runs; both axes stay while the curves grow.

    Rows: group, colour, step, value (the loss), shown (the same within the axis).

    Args:
        title: What all of them share, such as their learning rate.
        steps: Where the horizontal axis ends.
        clipped: Whether some loss is drawn at an end of the axis because it is beyond it.
    """
    base = alt.Chart(ROWS).encode(
        x=alt.X("step:Q", title="Optimizer steps", scale=alt.Scale(domain=[0, steps])),
        y=alt.Y(
            "shown:Q",
            title="Training loss (nats)",
            scale=alt.Scale(type="log", domain=list(CURVE_ENDS)),
            axis=alt.Axis(values=[0.02, 0.1, 0.5, 2, 10], labelExpr=tick_labels.PLAIN),
        ),
        color=alt.Color("colour:N", scale=None),
        detail="group:N",
        tooltip=[
            alt.Tooltip("group:N", title="Network"),
            alt.Tooltip("step:Q", title="Step"),
            alt.Tooltip("value:Q", title="Training loss", format=".4~g"),
        ],
    )
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=1.8),
        base.mark_point(opacity=0, size=120),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                title,
                subtitle="beyond 0.02 and 10 drawn there" if clipped else "",
                anchor="start",
                fontSize=13,
            ),
            height=210,
            description=f"Training loss over steps, a line for each network. {title}.",
        )
    )


@lru_cache(maxsize=4)
def layer_spread_spec(*, after: bool = True, clamped: bool = False) -> dict[str, Any]:
    """Spread of each layer's outputs, before training (faint) and after.

    Rows: group, colour, layer (its name), place (its number), std (at least 10⁻⁴), exact, mean,
    zero, when (``before``, ``after``).

    Args:
        after: Whether there are rows of trained networks.
        clamped: Whether some spread is drawn at 10⁻⁴ because it is smaller.
    """
    told = ["faint: before training", "solid: after training"] if after else ["before training"]
    told += ["smaller than 10⁻⁴ drawn at 10⁻⁴"] if clamped else []
    base = alt.Chart(ROWS).encode(
        x=alt.X(
            "layer:N",
            title=None,
            sort=alt.EncodingSortField("place", op="min"),
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y(
            "std:Q",
            title="Std of the outputs",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(tickCount=5, labelExpr=tick_labels.POWERS),
        ),
        color=alt.Color("colour:N", scale=None),
        detail=["group:N", "when:N"],
        opacity=alt.Opacity(
            "when:N",
            sort=["before", "after"],
            scale=alt.Scale(
                domain=["before", "after"], range=[palette.TRAIN_OPACITY, palette.TEST_OPACITY]
            ),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("group:N", title="Network"),
            alt.Tooltip("when:N", title="Training"),
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("mean:Q", title="Mean", format=".3~g"),
            alt.Tooltip("exact:Q", title="Standard deviation", format=".3~g"),
            alt.Tooltip("zero:Q", title="Units that are always 0", format=".1%"),
        ],
    )
    layers: list[alt.Chart | alt.LayerChart] = [
        base.mark_line(strokeWidth=2),
        base.mark_point(filled=True, size=45),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Spread of each layer's outputs, 500 test digits",
                subtitle=" · ".join(told),
                anchor="start",
            ),
            height=260,
            description="For each network the standard deviation of every layer's outputs, before "
            "and after training.",
        )
    )
