"""Learning curves of several runs: train faint, test and validation solid, one hue per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlcore.charts import palette
from mlcore.charts.comparison import is_share
from mlcore.runs.analysis.smoothing import smoothed
from mlcore.runs.non_finite import codes, finite, word

Quantity = Literal["loss", "accuracy", "error_rate", "grad_norm", "lr"]
Axis = Literal["step", "time"]

TIPS_A_CURVE: Final = 60
"""Points of a curve that answer to the mouse; more would slow the browser and add nothing."""

_Y_TITLES: Final[Mapping[Quantity, str]] = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "error_rate": "Error rate (1 − accuracy)",
    "grad_norm": "Gradient norm",
    "lr": "Learning rate",
}
_X_TITLES: Final[Mapping[Axis, str]] = {"step": "Optimizer steps", "time": "Seconds of work"}
_HEIGHT: Final = 270
_LONGEST: Final = 60
_DATA: Final = alt.NamedData("curves")
_HELD_OUT: Final = "datum.kind == 'test' || datum.kind == 'validation'"

Floats = NDArray[np.float64]


_UNKNOWN: Final[Floats] = np.empty(0)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one metric in order of step, perhaps downsampled; all arrays of one length.

    Attributes:
        step: Optimizer steps.
        time: Seconds of work.
        value: The value, or the mean of those that were thinned to one point.
        low: The lowest of them.
        high: The highest of them.
        odd: Not 0 where a value is not finite (``mlcore.runs.non_finite``), and then the others
            are finite or NaN; found out from ``value`` if not given.
    """

    step: Floats
    time: Floats
    value: Floats
    low: Floats
    high: Floats
    odd: Floats = field(default_factory=lambda: _UNKNOWN)

    def __post_init__(self) -> None:
        if self.odd is _UNKNOWN:
            object.__setattr__(self, "odd", codes(self.value).astype(np.float64))
            for name in ("value", "low", "high"):
                object.__setattr__(self, name, finite(getattr(self, name)))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the arrays, in order."""
        return tuple(one.name for one in fields(cls))

    def __add__(self, later: Curve) -> Curve:
        """Concatenate the points of both."""
        pairs = ((getattr(self, name), getattr(later, name)) for name in self.columns())
        return Curve(*(np.concatenate(pair) for pair in pairs))


def curve_rows(
    curves: Mapping[tuple[str, str], Curve],
    colours: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    end: float,
    axis: Axis = "step",
    smoothing: float = 0.0,
    error_rate: bool = False,
) -> pd.DataFrame:
    """The rows that ``curve_chart`` draws.

    Args:
        curves: By run and split (``train``, ``validation`` or ``test``).
        colours: Hue of each run, in order; past as many as there are hues they are dashed.
        labels: What to call each run in a tooltip.
        end: Where the horizontal axis ends, so that it stays while the curves grow.
        axis: What the horizontal axis measures.
        smoothing: Weight of ``mlcore.runs.analysis.smoothing.smoothed`` for the train curves;
            the raw ones stay, faint.
        error_rate: Draw 1 − value, for accuracies on a logarithmic scale.

    Returns:
        One row per point: run, colour, dash (a place in ``palette.RUN_DASHES``, as text), kind
        (for a value that is not finite: which of NaN, ∞, −∞), x, value, low, high, tip.
    """
    rows = _Rows()
    dashes = {run: str(palette.run_dash(place)) for place, run in enumerate(colours)}
    rows.add(
        kind="end", run="", colour=palette.MUTED, dash="0", x=np.array([end], dtype=np.float64)
    )
    if not curves:  # a line of one point is not drawn, but it gives the axis an extent
        rows.add(
            kind="raw", run="", colour=palette.MUTED, dash="0", x=np.zeros(1), value=np.ones(1)
        )
    for (run, split), curve in curves.items():
        x = curve.step if axis == "step" else curve.time
        value, low, high = curve.value, curve.low, curve.high
        if error_rate:
            value, low, high = 1 - value, 1 - high, 1 - low
        named: dict[str, Any] = {
            "run": labels[run],
            "colour": colours[run],
            "dash": dashes[run],
            "x": x,
        }
        if split == "train" and bool((high > low).any()):
            rows.add(kind="band", value=value, low=low, high=high, **named)
        if split == "train" and smoothing > 0:
            rows.add(kind="raw", value=value, **named)
            value = smoothed(value, smoothing)
        every = 1 if split != "train" else max(1, -(-len(x) // TIPS_A_CURVE))
        tip = np.arange(len(x)) % every == (len(x) - 1) % every
        rows.add(kind=split, value=value, low=low, high=high, tip=tip, **named)
        for code in np.unique(curve.odd[curve.odd > 0]).tolist():
            rows.add(kind=word(int(code)), **named | {"x": x[curve.odd == code]})
    return rows.frame()


class _Rows:
    """Columns that grow part by part, much faster than one frame per part."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Any]] = []

    def add(self, *, x: Floats, **columns: Any) -> None:
        nothing = np.full(len(x), np.nan)
        part = {"value": nothing, "low": nothing, "high": nothing, "tip": False, **columns}
        self._parts.append({"x": x, **{k: _column(v, len(x)) for k, v in part.items()}})

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(
            {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        )


def _column(value: Any, length: int) -> np.ndarray[Any, Any]:
    if isinstance(value, np.ndarray):
        return value
    kind = np.bool_ if isinstance(value, bool) else np.object_
    return np.full(length, value, dtype=kind)


def curve_chart(
    quantity: Quantity, *, axis: Axis = "step", log: bool = False, train_only: bool = False
) -> alt.LayerChart:
    """A chart for the rows of ``curve_rows``, which it expects as its data.

    The chart says nothing of the runs it draws: colours and the end of the axis are in the rows,
    so that one spec serves every moment of a live run, and only rows have to be sent.

    Args:
        quantity: What is drawn, for titles, formats and bounds.
        axis: What the horizontal axis measures.
        log: Draw the values on a logarithmic scale.
        train_only: The quantity is measured while training only, so no need to tell curves apart.
    """
    scale = alt.Scale(type="log", nice=True) if log else alt.Scale(zero=True)
    if quantity == "accuracy" and not log:
        scale = alt.Scale(domain=[0, 1])
    percent = quantity in ("accuracy", "error_rate")
    return _layered(_Y_TITLES[quantity], axis, scale, percent=percent, train_only=train_only)


def metric_chart(metric: str, *, axis: Axis = "step", log: bool = False) -> alt.LayerChart:
    """A chart for the rows of ``curve_rows`` of one metric of any name, as split ``train``.

    Args:
        metric: Its name; a share of 1 (``mlcore.charts.comparison.is_share``) is in percent.
        axis: What the horizontal axis measures.
        log: Draw the values on a logarithmic scale.
    """
    scale = alt.Scale(type="log", nice=True) if log else alt.Scale(zero=False, nice=True)
    title = " ".join(metric.split())
    title = title if len(title) <= _LONGEST else f"{title[:_LONGEST]}…"
    return _layered(title, axis, scale, percent=is_share(metric), train_only=True)


def _layered(
    title: str, axis: Axis, scale: alt.Scale, *, percent: bool, train_only: bool
) -> alt.LayerChart:
    x = alt.X(
        "x:Q",
        title=_X_TITLES[axis],
        axis=alt.Axis(tickMinStep=1) if axis == "step" else alt.Axis(),
        scale=alt.Scale(nice=False, zero=True),
    )
    y = alt.Y(
        "value:Q",
        title=title,
        scale=scale,
        axis=alt.Axis(format="%", tickCount=5) if percent else alt.Axis(tickCount=5),
    )
    colour = alt.Color("colour:N", scale=None)
    dash = alt.StrokeDash(
        "dash:N",
        legend=None,
        scale=alt.Scale(
            domain=[str(place) for place in range(len(palette.RUN_DASHES))],
            range=[list(dash) for dash in palette.RUN_DASHES],
        ),
    )
    tooltip = [
        alt.Tooltip("run:N", title="Run"),
        *([] if train_only else [alt.Tooltip("kind:N", title="Images")]),
        alt.Tooltip("x:Q", title=_X_TITLES[axis], format=",.4~f" if axis == "time" else ","),
        alt.Tooltip("value:Q", title=title, format=".2%" if percent else ".4~g"),
    ]
    base = alt.Chart(_DATA).encode(x=x, y=y, color=colour, detail="run:N")

    def only(condition: str) -> alt.Chart:
        return base.transform_filter(condition)

    odd_tooltip = [tooltip[0], tooltip[-2], alt.Tooltip("kind:N", title=title)]
    odd_layers = [
        only(condition)
        .mark_point(shape=shape, angle=angle, size=70, strokeWidth=2, filled=False)
        .encode(y=alt.value(place), tooltip=odd_tooltip)
        for condition, shape, angle, place in (
            ("datum.kind == '∞'", "triangle-up", 0, 0),
            ("datum.kind == '−∞'", "triangle-down", 0, "height"),
            ("test(/NaN|,/, datum.kind)", "cross", 45, "height"),  # turned: ×
        )
    ]
    layers = [
        alt.Chart(_DATA).mark_rule(opacity=0).transform_filter("datum.kind == 'end'").encode(x=x),
        only("datum.kind == 'band'")
        .mark_area(opacity=palette.RAW_OPACITY)
        .encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        only("datum.kind == 'raw'").mark_line(opacity=palette.RAW_OPACITY, strokeWidth=1),
        only("datum.kind == 'train'")
        .mark_line(
            opacity=palette.TEST_OPACITY if train_only else palette.TRAIN_OPACITY,
            strokeWidth=2,
        )
        .encode(strokeDash=dash),
        only(_HELD_OUT)
        .mark_line(opacity=palette.TEST_OPACITY, strokeWidth=2.5)
        .encode(strokeDash=dash, detail=["run:N", "kind:N"]),
        only(_HELD_OUT)
        .mark_point(filled=True, size=45, opacity=palette.TEST_OPACITY)
        .encode(tooltip=tooltip),
        only("datum.kind == 'train' && datum.tip")
        .mark_point(size=250, opacity=0, filled=True)
        .encode(tooltip=tooltip),
        *odd_layers,
    ]
    return alt.LayerChart(layer=layers).properties(
        title=title,
        height=_HEIGHT,
        description=_described(title, axis),
    )


def description(quantity: Quantity, axis: Axis = "step") -> str:
    """The chart in words, as its alt text."""
    return _described(_Y_TITLES[quantity], axis)


def metric_description(metric: str, axis: Axis = "step") -> str:
    """The chart of ``metric_chart`` in words, as its alt text."""
    return _described(metric, axis)


def _described(title: str, axis: Axis) -> str:
    return f"{title} over {_X_TITLES[axis].lower()}, a curve for each run."


@lru_cache(maxsize=64)
def curve_spec(
    quantity: Quantity, *, axis: Axis = "step", log: bool = False, train_only: bool = False
) -> dict[str, Any]:
    """``curve_chart`` as a Vega-Lite dict without data; built once, do not change it."""
    return _bare(curve_chart(quantity, axis=axis, log=log, train_only=train_only))


@lru_cache(maxsize=256)
def metric_spec(metric: str, *, axis: Axis = "step", log: bool = False) -> dict[str, Any]:
    """``metric_chart`` as a Vega-Lite dict without data; built once, do not change it."""
    return _bare(metric_chart(metric, axis=axis, log=log))


def _bare(chart: alt.LayerChart) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict(validate=True)
    spec.pop("config", None)  # Altair's own defaults would override the app's theme
    spec.pop("data", None)
    spec.pop("description")  # given to Streamlit as the chart's alternative text
    return spec
