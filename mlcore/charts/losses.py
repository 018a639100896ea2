"""Charts of logits: probabilities, gradients with respect to each logit, losses along one logit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from mlcore.charts import palette, tick_labels
from mlcore.charts.specs import ROWS, bare_spec


@lru_cache(maxsize=16)
def probability_spec(temperature: str) -> dict[str, Any]:
    """The softmax as bars. Rows: class, probability, right (whether it is the true class)."""
    bars: alt.Chart = alt.Chart(ROWS).mark_bar()
    chart = bars.encode(
        x=alt.X("class:O", title="Class", axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "probability:Q",
            title="Probability",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        color=alt.condition("datum.right", alt.value(palette.VALUE), alt.value(palette.MUTED)),
        tooltip=[
            alt.Tooltip("class:O", title="Class"),
            alt.Tooltip("probability:Q", title="Probability", format=".3~%"),
        ],
    ).properties(
        title=alt.TitleParams(
            "Softmax", subtitle=f"temperature {temperature} · blue: the right class", anchor="start"
        ),
        height=210,
        description=f"Bars: the probability of each class at temperature {temperature}.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=1)
def gradient_spec() -> dict[str, Any]:
    """The gradient with respect to each logit. Rows: class, gradient, loss (its name), colour."""
    bars: alt.Chart = alt.Chart(ROWS).mark_bar()
    chart = bars.encode(
        x=alt.X("class:O", title="Logit of class", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("loss:N", sort=None),
        y=alt.Y(
            "gradient:Q",
            title="∂ loss / ∂ logit",
            axis=alt.Axis(tickCount=5, labelExpr=tick_labels.PLAIN),
        ),
        color=alt.Color("colour:N", scale=None),
        tooltip=[
            alt.Tooltip("loss:N", title="Loss"),
            alt.Tooltip("class:O", title="Class"),
            alt.Tooltip("gradient:Q", title="Gradient", format=".4~g"),
        ],
    ).properties(
        title=alt.TitleParams(
            "Gradient of each loss",
            subtitle="below 0: a step of gradient descent raises the logit",
            anchor="start",
        ),
        height=210,
        description="Bars: the gradient of each loss with respect to each logit.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=2)
def sweep_spec(field: str) -> dict[str, Any]:
    """A loss, or its gradient, along the true class's logit.

    Rows: logit, loss, gradient, name, colour, now (where the logit stands).
    """
    titles = {"loss": "Loss", "gradient": "∂ loss / ∂ right logit"}
    domain = {"loss": [0, 12], "gradient": [-3, 3]}[field]
    x = alt.X("logit:Q", title="Logit of the right class")
    base = alt.Chart(ROWS).encode(
        x=x,
        y=alt.Y(f"{field}:Q", title=titles[field], scale=alt.Scale(domain=domain)),
        color=alt.Color("colour:N", scale=None),
        detail="name:N",
        tooltip=[
            alt.Tooltip("name:N", title="Loss"),
            alt.Tooltip("logit:Q", title="Logit of the right class", format=".2f"),
            alt.Tooltip("loss:Q", title="Value", format=".4~g"),
            alt.Tooltip("gradient:Q", title="Gradient", format=".4~g"),
        ],
    )
    now = alt.Chart(ROWS).mark_rule(color=palette.MUTED, strokeDash=[2, 3])
    layers: list[alt.Chart | alt.LayerChart] = [
        now.encode(x=alt.X("mean(now):Q", title="Logit of the right class")),
        base.mark_line(strokeWidth=2.2, clip=True, interpolate="monotone"),
        base.mark_point(opacity=0, size=80, clip=True),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                titles[field], subtitle="as the right class's logit moves", anchor="start"
            ),
            height=230,
            description=f"{titles[field]} of three losses while the logit of the right class goes "
            "from −10 to 10; a dotted line marks where it stands.",
        )
    )
