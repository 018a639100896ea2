"""Charts of normalization: spreads, memory, influence. Each gives a spec built once.

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
    """Sideways histograms, before to the left and after to the right of each part's line.

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
        y=alt.Y("low:Q", title="Value of a cell"),
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
        title=alt.TitleParams(f"The cells of each {by}, before and after the norm", anchor="start"),
        height=330,
        description=f"For each {by} two histograms back to back: its cells before the norm and "
        "after it.",
    )
    return bare_spec(chart)


@lru_cache(maxsize=2)
def running_spec(title: str, unit: str) -> Spec:
    """A running statistic of one channel, batch after batch.

    Rows: batch (0 is before the first), value, kind (``running``, ``rule``, ``batch``, …).
    """
    kinds = ["running (module)", "momentum rule", "batch, unbiased", "batch, biased", "batch"]
    hues = [palette.VALUE, palette.THEORY, palette.GRADIENT, palette.MUTED, palette.GRADIENT]
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
                subtitle="blue: the module's running statistic · grey dashed: the momentum rule · "
                "orange: each batch's own",
                anchor="start",
            ),
            height=230,
            description=f"{title}: the module's line lies on the momentum rule's, and follows the "
            "batches' points.",
        )
    )


@lru_cache(maxsize=1)
def influence_spec() -> Spec:
    """How far each sample's output moved when one sample changed.

    Rows: norm, sample, moved (largest |change|), changed (whether it is the changed sample).
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
            scale=alt.Scale(type="symlog", constant=0.01, range=["#00000000", palette.GRADIENT]),
        )
    )
    words = base.mark_text(fontSize=12).encode(
        text=alt.Text("moved:Q", format=".2~g"),
        color=alt.condition("datum.moved > 0.3", alt.value("#ffffff"), alt.value(palette.MUTED)),
    )
    layers: list[alt.Chart | alt.LayerChart] = [cells, words]
    return bare_spec(
        alt.LayerChart(layer=layers).properties(
            title=alt.TitleParams(
                "Whose output moves when one sample changes",
                subtitle="max|Δy| in each sample; 0 means not a bit of it",
                anchor="start",
            ),
            height=270,
            description="A grid of norms by samples: only BatchNorm in train mode lets one sample "
            "move the others.",
        )
    )
