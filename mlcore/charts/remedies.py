"""Charts of networks that overfit, and of remedies: curves over steps, and results by seed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

Judge = Literal["loss", "accuracy"]

_AXES: Final[dict[Judge, str]] = {"loss": "Cross-entropy (nats)", "accuracy": "Accuracy"}
_FORMATS: Final[dict[Judge, str]] = {"loss": ".3f", "accuracy": ".2%"}


def spread_rows(points: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over the seeds.

    Args:
        points: One row per point of a run: arm, colour, kind, step, value.

    Returns:
        A row for each arm, kind and step: these, mean, low, high (over the seeds), seeds.
    """
    keys = ["arm", "colour", "kind", "step"]
    if not len(points):
        return pd.DataFrame(columns=[*keys, "mean", "low", "high", "seeds"])
    grouped = points.groupby(keys, sort=False)["value"]
    return grouped.agg(mean="mean", low="min", high="max", seeds="count").reset_index()


@lru_cache(maxsize=16)
def drift_spec(judge: Judge, steps: int, top: float) -> dict[str, Any]:
    """Training and validation curves; both axes stay while the curves grow.

    Rows: see ``spread_rows``, with kind ``training`` or ``validation``.

    Args:
        judge: What is drawn.
        steps: Where the horizontal axis ends.
        top: Upper end of the axis of losses; what lies above is cut off.
    """
    share = judge == "accuracy"
    scale = alt.Scale(domain=[0.6, 1.0] if share else [0, top], nice=False)
    axis = alt.Axis(format="%" if share else "~g", tickCount=6)
    x = alt.X(
        "step:Q",
        title="Optimizer steps",
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=alt.Axis(tickCount=6, grid=False),
    )
    base = alt.Chart(ROWS).encode(x=x, color=alt.Color("colour:N", scale=None))
    mean = alt.Y("mean:Q", title=_AXES[judge], scale=scale, axis=axis)
    low = alt.Y("low:Q", title=_AXES[judge], scale=scale, axis=axis)
    tips = [
        alt.Tooltip("arm:N", title="Remedy"),
        alt.Tooltip("kind:N", title="Images"),
        alt.Tooltip("step:Q", title="Steps", format=",.0f"),
        alt.Tooltip("mean:Q", title="Mean of the seeds", format=_FORMATS[judge]),
        alt.Tooltip("low:Q", title="Lowest", format=_FORMATS[judge]),
        alt.Tooltip("high:Q", title="Highest", format=_FORMATS[judge]),
        alt.Tooltip("seeds:Q", title="Seeds"),
    ]
    lines = base.encode(
        y=mean,
        detail=["arm:N", "kind:N"],
        opacity=alt.Opacity(
            "kind:N",
            scale=alt.Scale(
                domain=["training", "validation"],
                range=[palette.TRAIN_OPACITY, palette.TEST_OPACITY],
            ),
            legend=None,
        ),
    )
    layers: list[alt.Chart] = [
        base.transform_filter("datum.kind == 'validation'")
        .mark_area(opacity=palette.RAW_OPACITY, clip=True)
        .encode(y=low, y2="high:Q", detail="arm:N"),
        lines.mark_line(strokeWidth=2.2, clip=True),
        base.mark_point(size=120, opacity=0, filled=True, clip=True).encode(y=mean, tooltip=tips),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                f"{judge.capitalize()} of training and validation",
                subtitle=["faint: training; solid: validation", "band: lowest to highest seed"],
                anchor="start",
            ),
            height=300,
            description=f"{judge.capitalize()} over optimizer steps, the mean of the seeds: the "
            "training curve faint, the validation curve solid with a band over the seeds, for no "
            "remedy and for the remedy chosen.",
        )
    )


@lru_cache(maxsize=32)
def result_spec(judge: Judge, arms: tuple[str, ...]) -> dict[str, Any]:
    """The validation result of each remedy: each seed, the mean and its 95 % interval.

    Rows: arm, colour, kind (``seed`` or ``mean``), value, low, high (of the mean; missing where
    there are too few seeds), seed, seeds.

    Args:
        judge: What is drawn.
        arms: The remedies, top to bottom.
    """
    title = f"Validation {judge}"
    number = alt.Axis(format="~%" if judge == "accuracy" else "~g", tickCount=5)
    x = alt.X("value:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=number)
    base = alt.Chart(ROWS).encode(
        y=alt.Y("arm:N", title=None, sort=list(arms), scale=alt.Scale(domain=list(arms))),
        color=alt.Color("colour:N", scale=None),
    )
    seeds = base.transform_filter("datum.kind == 'seed'")
    means = base.transform_filter("datum.kind == 'mean'")
    seed_tips = [
        alt.Tooltip("arm:N", title="Remedy"),
        alt.Tooltip("seed:Q", title="Seed"),
        alt.Tooltip("value:Q", title=title, format=_FORMATS[judge]),
    ]
    mean_tips = [
        alt.Tooltip("arm:N", title="Remedy"),
        alt.Tooltip("value:Q", title="Mean", format=_FORMATS[judge]),
        alt.Tooltip("low:Q", title="95 % interval from", format=_FORMATS[judge]),
        alt.Tooltip("high:Q", title="to", format=_FORMATS[judge]),
        alt.Tooltip("seeds:Q", title="Seeds"),
    ]
    plain = (
        alt.Chart(ROWS)
        .transform_filter(f"datum.kind == 'mean' && datum.arm == '{arms[0]}'")
        .mark_rule(color=palette.MUTED, strokeDash=[2, 3], strokeWidth=1.5)
        .encode(x=x)
    )
    layers: list[alt.Chart] = [
        plain,
        means.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        seeds.mark_circle(size=40, opacity=0.6).encode(x=x, tooltip=seed_tips),
        means.mark_tick(thickness=3, size=18).encode(x=x, tooltip=mean_tips),
    ]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                f"{title} in the end",
                subtitle=["dots: seeds; bar: mean, with its 95 % interval", f"dotted: {arms[0]}"],
                anchor="start",
            ),
            height=120 + 26 * len(arms),
            description=f"{title} in the end for each remedy: a dot for each seed, a bar for the "
            "mean with its 95 % interval, and a dotted line at the mean without a remedy.",
        )
    )
