"""Charts of normalization: histograms, running statistics, influence of a sample.

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
def spread_spec(by: str) -> Spec:
    """Sideways histograms per part: before to the left of its line, after to the right.

    Rows: part (its number), low, high (of the bin), edge (where the bar ends, within 0.45 of the
    part), share (of the part's cells), when (``before``, ``after``).

    Args:
        by: What a part is: ``channel`` or ``sample``.
    """
    whens = ["before", "after"]
    bars: alt.Chart = alt.Chart(ROWS).mark_rect()
    chart = bars.encode(
        x=alt.X(
            "part:Q",
            title=by.capitalize(),
            scale=alt.Scale(padding=10, nice=False),
            axis=alt.Axis(values=list(range(8)), format="d", grid=False),
        ),
        x2="edge:Q",
        y=alt.Y("low:Q", title="Value"),
        y2="high:Q",
        color=alt.Color(
            "when:N",
            title=None,
            scale=alt.Scale(domain=whens, range=[palette.MUTED, palette.VALUE]),
            legend=alt.Legend(orient="top", direction="horizontal"),
        ),
        tooltip=[
            alt.Tooltip("part:Q", title=by.capitalize()),
            alt.Tooltip("when:N", title="When"),
            alt.Tooltip("low:Q", title="From", format=".3~g"),
            alt.Tooltip("high:Q", title="To", format=".3~g"),
            alt.Tooltip("share:Q", title="Share of its cells", format=".1%"),
        ],
    ).properties(
        title=alt.TitleParams(f"Values in each {by}, before and after the norm", anchor="start"),
        height=330,
        description=f"For each {by} two histograms back to back: its cells before the norm and "
        "after it.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=2)
def running_spec(title: str, unit: str, batches: tuple[str, ...] = ("batch",)) -> Spec:
    """A running statistic of one channel, batch by batch.

    Rows: batch (0 is before the first), value, kind (``running (module)``, ``momentum rule`` or
    one of ``batches``).

    Args:
        title: Of the chart.
        unit: Name of the vertical axis.
        batches: Kinds that are a batch's own statistic.
    """
    kinds = ["running (module)", "momentum rule", "batch, unbiased", "batch, biased", "batch"]
    hues = [palette.VALUE, palette.THEORY, palette.GRADIENT, palette.MUTED, palette.GRADIENT]
    points_told = {
        "batch": "orange: each batch's own",
        "batch, unbiased": "orange: each batch's own, divisor n − 1",
        "batch, biased": "grey: divisor n",
    }
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
                subtitle=[
                    "blue line: the module's running statistic · dashed: the momentum rule",
                    "dots: " + " · ".join(points_told[kind] for kind in batches),
                ],
                anchor="start",
            ),
            height=230,
            description=f"{title} after each batch: the module's value as a line, the momentum "
            "rule's as a dashed line on it, and each batch's own statistic as dots.",
        )
    )


@lru_cache(maxsize=2)
def influence_spec(ink: str) -> Spec:
    """How far each sample's output moved when one sample changed.

    Rows: norm, sample, moved (largest |change|).

    Args:
        ink: Colour of the numbers, that of text in the theme shown.
    """
    base = alt.Chart(ROWS).encode(
        x=alt.X("sample:O", title="Sample", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("norm:N", title=None, sort=None, axis=alt.Axis(labelOverlap=False)),
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
            scale=alt.Scale(
                type="symlog",
                constant=0.01,
                range=[f"{palette.GRADIENT}00", f"{palette.GRADIENT}90"],
            ),
        )
    )
    words = base.mark_text(fontSize=12, color=ink).encode(text=alt.Text("moved:Q", format=".2~g"))
    layers: list[alt.Chart | alt.LayerChart] = [cells, words]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Whose output moves when one sample changes",
                subtitle="max|Δy| in each sample; 0: the output is the same to the last bit",
                anchor="start",
            ),
            height=270,
            description="A grid of norms by samples: only BatchNorm in train mode lets one sample "
            "move the others.",
        )
    )
