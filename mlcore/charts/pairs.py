"""Charts of paired experiments: two arms over the epochs, with the spread of the seeds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

Field = Literal["error_rate", "grad_norm", "loss"]

_Y_TITLES: Final[dict[Field, str]] = {
    "error_rate": "Error rate",
    "grad_norm": "Norm",
    "loss": "Loss",
}
_SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

ARM_COLOURS: Final = (palette.GRADIENT, palette.VALUE)
"""Hues of the first and the second arm, on every chart of a pair."""

_TITLES: Final[dict[Field, str]] = {
    "error_rate": "Test error rate (1 − accuracy)",
    "grad_norm": "Gradient norm of a batch",
    "loss": "Test loss",
}


def arm_rows(points: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over the seeds.

    Args:
        points: One row per point of a run: arm, seed, epoch, value.

    Returns:
        A row an arm and epoch: arm, epoch, mean, low, high (over the seeds), seeds (how many).
    """
    if not len(points):
        return pd.DataFrame(columns=["arm", "epoch", "mean", "low", "high", "seeds"])
    grouped = points.groupby(["arm", "epoch"], sort=True)["value"]
    return grouped.agg(mean="mean", low="min", high="max", seeds="count").reset_index()


@lru_cache(maxsize=16)
def pair_spec(field: Field, arms: tuple[str, str], epochs: int) -> dict[str, Any]:
    """Two arms over the epochs. Rows: see ``arm_rows``.

    Args:
        field: What is drawn.
        arms: The two arms, in order of their hues.
        epochs: Where the horizontal axis ends, so that it stays while the runs go on.
    """
    title = _TITLES[field]
    share = field == "error_rate"
    x = alt.X(
        "epoch:Q",
        title="Epochs",
        scale=alt.Scale(domain=[0, epochs]),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )
    scale = alt.Scale(type="log", domain=[0.01, 1], clamp=True) if share else alt.Scale(zero=True)
    axis = alt.Axis(format="%", values=list(_SHARES)) if share else alt.Axis(tickCount=5)
    colour = alt.Color(
        "arm:N",
        title=None,
        sort=None,
        scale=alt.Scale(domain=list(arms), range=list(ARM_COLOURS)),
        legend=None,
    )
    form = ".2%" if share else ".4~g"
    tips = [
        alt.Tooltip("arm:N", title="Arm"),
        alt.Tooltip("epoch:Q", title="Epochs", format=".3~g"),
        alt.Tooltip("mean:Q", title="Mean of the seeds", format=form),
        alt.Tooltip("low:Q", title="Lowest", format=form),
        alt.Tooltip("high:Q", title="Highest", format=form),
        alt.Tooltip("seeds:Q", title="Seeds"),
    ]
    base = alt.Chart(ROWS).encode(x=x, color=colour)
    mean = alt.Y("mean:Q", title=_Y_TITLES[field], scale=scale, axis=axis)
    band = alt.Y("low:Q", title=_Y_TITLES[field], scale=scale, axis=axis)
    layers: list[alt.Chart] = [
        base.mark_area(opacity=palette.RAW_OPACITY).encode(y=band, y2="high:Q"),
        base.mark_line(strokeWidth=2.2).encode(y=mean),
        base.mark_point(size=90, opacity=0, filled=True).encode(y=mean, tooltip=tips),
    ]
    if field != "grad_norm":  # one point an epoch
        layers.append(base.mark_point(size=45, filled=True, opacity=1).encode(y=mean, tooltip=tips))
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                title, subtitle="line: mean of the seeds · band: lowest to highest", anchor="start"
            ),
            height=240,
            description=f"{title} of {arms[0]} and of {arms[1]} over the epochs, the mean of the "
            "seeds with a band from the lowest to the highest.",
        )
    )
