"""Charts that overlay the curves of several runs or seed groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

import altair as alt
import numpy as np
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.specs import ROWS
from mlcore.runs.analysis.smoothing import smoothed
from mlcore.runs.non_finite import codes, finite, word

Axis = Literal["step", "epoch", "samples", "time"]
Band = Literal["thinned", "spread"]
Part = Literal["band", "raw", "odd", "lone"]

TIPS_A_CURVE: Final = 60
"""Points of a curve that answer to the mouse; more would slow the browser and add nothing."""

TIPS_IN_ALL: Final = 240
"""Such points of all curves together, but at least ``FEWEST_TIPS`` each."""

FEWEST_TIPS: Final = 8

ODD_MARKS: Final = "Marks at the edge are values that are NaN (×), ∞ (▵) or −∞ (▿)."
"""What the marks of values that are not finite mean."""

_X_TITLES: Final[Mapping[str, str]] = {
    "step": "Optimizer steps",
    "epoch": "Epochs",
    "samples": "Samples seen",
    "time": "Work (s)",
}
_COLUMNS: Final[Mapping[Part, str]] = {"band": "low", "raw": "raw", "odd": "odd", "lone": "lone"}
_NO_ROWS: Final = pd.DataFrame({"label": [], "x": [], "value": [], "tip": []})
_HEIGHT: Final = 330
_LEGEND_ROW: Final = 20
_FAINT: Final = 0.12


def metric_title(metric: str, *, as_error: bool = False) -> str:
    """A metric's axis title: ``test_accuracy`` → ``Test accuracy``."""
    words = metric.replace("_", " ").strip()
    return f"1 − {words}" if as_error else words[:1].upper() + words[1:]


def is_share(metric: str) -> bool:
    """Whether a metric is a share of 1, such as an accuracy: percent, and 1 − it on a log axis."""
    return "accuracy" in metric


def comparison_rows(
    curves: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    metric: str = "",
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
) -> pd.DataFrame:
    """The rows that ``comparison_chart`` draws.

    Args:
        curves: Columns run (id of a run or a group), x, value and perhaps low and high, in order
            of x; ``low < high`` draws a band.
        labels: What to call each run; runs that it does not name are left out.
        metric: Its name: a share of 1 (``is_share``) turns into 1 − value with ``log_y``.
        smoothing: Weight of ``mlcore.runs.analysis.smoothing.smoothed``, from 0 to below 1; the
            raw curve stays, faint.
        log_x: Leave out what a logarithmic axis cannot show: x of 0.
        log_y: Likewise values of 0 and below.

    Returns:
        One row per point: label, x, value (smoothed; NaN where it is not finite), tip (whether it
        answers to the mouse); low and high if there is a band, raw if there is smoothing, odd if
        there are values that are not finite (which of NaN, ∞ and −∞), lone if a point has no
        neighbour that a line could lead to.
    """
    as_error = log_y and is_share(metric)
    tips = min(TIPS_A_CURVE, max(FEWEST_TIPS, TIPS_IN_ALL // max(1, len(labels))))
    parts = [_NO_ROWS]
    for run, label in labels.items():
        mine = curves[curves["run"] == run]
        if log_x:
            mine = mine[mine["x"] > 0]
        x, value = (mine[name].to_numpy("float64") for name in ("x", "value"))
        odd = mine["odd"].to_numpy() if "odd" in mine else codes(value)
        value = finite(value)
        low, high = (finite(mine[name]) if name in mine else value for name in ("low", "high"))
        if as_error:
            value, low, high = 1 - value, 1 - high, 1 - low
        if log_y:
            value, high = (np.where(one > 0, one, np.nan) for one in (value, high))
            low = np.where(low > 0, low, value)
        part = pd.DataFrame({"label": label, "x": x, "value": value})
        if bool((high > low).any()):
            part["low"], part["high"] = low, high
        if smoothing > 0:
            part["raw"], part["value"] = value, smoothed(value, smoothing)
        if odd.any():
            part["odd"] = [word(code) for code in odd.tolist()]
        if (lone := _lone(part["value"].to_numpy())).any():
            part["lone"] = lone
        every = max(1, -(-len(x) // tips))
        part["tip"] = np.arange(len(x)) % every == (len(x) - 1) % every
        parts.append(part)
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _lone(value: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Isolated points between gaps, which a line alone would not show."""
    there = np.isfinite(value)
    beside = np.zeros_like(there)
    beside[1:] |= there[:-1]
    beside[:-1] |= there[1:]
    return np.asarray(there & ~beside, dtype=np.bool_)


def parts_of(rows: pd.DataFrame) -> tuple[Part, ...]:
    """The chart layers that rows need besides the curves themselves."""
    return tuple(part for part, column in _COLUMNS.items() if column in rows)


def comparison_chart(
    colours: Mapping[str, str],
    *,
    metric: str,
    axis: str = "step",
    log_x: bool = False,
    log_y: bool = False,
    band: Band = "thinned",
    legend_columns: int = 2,
    parts: Collection[Part] = ("band", "raw"),
) -> alt.LayerChart:
    """A chart for the rows of ``comparison_rows``, which it expects as its data.

    A click in the legend lifts a curve out of the others; a second one puts it back.

    Args:
        colours: Hue of each label, in the order of the legend.
        metric: Name of the metric, for titles and formats.
        axis: What x measures: step, epoch, samples or time.
        log_x: Draw x on a logarithmic scale.
        log_y: Draw the values on a logarithmic scale, a share of 1 as 1 − value.
        band: What a band spans: the values thinned to one point, or runs of different seeds.
        legend_columns: Columns of the legend.
        parts: What the rows hold besides (``parts_of``); a layer less is drawn sooner.
    """
    as_error, share = log_y and is_share(metric), is_share(metric)
    title = metric_title(metric, as_error=as_error)
    x_title = _X_TITLES.get(axis, axis)
    x = alt.X(
        "x:Q",
        title=x_title,
        axis=alt.Axis(tickMinStep=1) if axis in ("step", "samples") else alt.Axis(),
        scale=alt.Scale(type="log", nice=False)
        if log_x
        else alt.Scale(nice=False, zero=axis != "time"),
    )
    y_scale = alt.Scale(type="log", nice=True) if log_y else alt.Scale(zero=False, nice=True)
    number = ".2%" if share else ".5~g"
    y = alt.Y(
        "value:Q",
        title=title,
        scale=y_scale,
        axis=alt.Axis(format="~%", tickCount=6) if share else alt.Axis(tickCount=6),
    )
    colour = alt.Color(
        "label:N",
        title=None,
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(
            orient="bottom",
            columns=legend_columns,
            labelLimit=520 // legend_columns,
            symbolType="stroke",
            symbolOpacity=1,
            symbolStrokeWidth=3,
        ),
    )
    dashes = [list(palette.RUN_DASHES[palette.run_dash(place)]) for place in range(len(colours))]
    dash = alt.StrokeDash(
        "label:N", title=None, scale=alt.Scale(domain=list(colours), range=dashes)
    )
    picked = alt.selection_point(name="picked", fields=["label"], bind="legend")
    base = alt.Chart(ROWS).encode(x=x, y=y, color=colour, detail="label:N")

    def strength(full: float) -> Any:
        return alt.condition(picked, alt.value(full), alt.value(full * _FAINT))

    tooltip = [
        alt.Tooltip("label:N", title="Run" if band == "thinned" else "Group"),
        alt.Tooltip("x:Q", title=x_title, format=",.6~g"),
        alt.Tooltip("value:Q", title=title, format=number),
    ]
    layers = []
    if "band" in parts:
        low = alt.Y("low:Q", scale=y_scale)
        # behind a raw line the band must not cover what was smoothed
        opacity = palette.RAW_OPACITY / (2 if "raw" in parts else 1)
        layers.append(base.mark_area().encode(y=low, y2="high:Q", opacity=strength(opacity)))
    if "raw" in parts:
        raw = alt.Y("raw:Q", scale=y_scale)
        faint = base.mark_line(strokeWidth=1)
        layers.append(faint.encode(y=raw, opacity=strength(2 * palette.RAW_OPACITY)))
    line = base.mark_line(strokeWidth=2)
    layers.append(line.encode(opacity=strength(1.0), strokeDash=dash).add_params(picked))
    if "lone" in parts:
        dots = base.transform_filter("datum.lone").mark_point(size=40, filled=True)
        layers.append(dots.encode(opacity=strength(1.0)))
    if "odd" in parts:
        layers += _odd_marks(base, x_title, title, "Run" if band == "thinned" else "Group")
    answering = base.transform_filter("datum.tip").mark_point(size=250, opacity=0, filled=True)
    layers.append(answering.encode(tooltip=tooltip))
    rows = -(-len(colours) // legend_columns)
    return alt.LayerChart(layer=layers).properties(
        title=title,
        height=_HEIGHT + _LEGEND_ROW * rows,
        description=comparison_description(metric, axis, len(colours), band)
        + (f" {ODD_MARKS}" if "odd" in parts else ""),
    )


def _odd_marks(base: alt.Chart, x_title: str, title: str, what: str) -> list[alt.Chart]:
    """Marks at the chart's edge for non-finite values: ∞ above, NaN and −∞ below."""
    tooltip = [
        alt.Tooltip("label:N", title=what),
        alt.Tooltip("x:Q", title=x_title, format=",.6~g"),
        alt.Tooltip("odd:N", title=title),
    ]
    return [
        base.transform_filter(f"datum.odd && {condition}")
        .mark_point(shape=shape, angle=angle, size=70, strokeWidth=2, filled=False, clip=False)
        .encode(y=alt.value(y), tooltip=tooltip)
        for condition, shape, angle, y in (
            ("datum.odd == '∞'", "triangle-up", 0, 0),
            ("datum.odd == '−∞'", "triangle-down", 0, "height"),
            ("datum.odd != '∞' && datum.odd != '−∞'", "cross", 45, "height"),  # × as in ODD_MARKS
        )
    ]


def comparison_description(metric: str, axis: str, count: int, band: Band = "thinned") -> str:
    """The chart in words, as its alt text."""
    what = "a curve for each of" if band == "thinned" else "the mean and its band for each of"
    things = "runs" if band == "thinned" else "groups"
    over = _X_TITLES.get(axis, axis).lower()
    return f"{metric_title(metric)} over {over}: {what} {count} {things}."


def with_rows(chart: alt.LayerChart, rows: pd.DataFrame) -> alt.LayerChart:
    """The chart with its rows embedded, so that it works in a file or in Jupyter.

    Rows are written into the spec as they are, however many there are: Altair's own limit of
    5,000 rows guards against large frames, and these are thinned.
    """
    plain = rows.astype(object).where(rows.notna(), None)
    names = [str(name) for name in plain.columns]
    values = [dict(zip(names, row, strict=True)) for row in plain.itertuples(index=False)]
    whole: alt.LayerChart = chart.properties(data=alt.InlineData(values=values))
    return whole
