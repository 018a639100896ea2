"""The curves of runs as Vega-Lite, small enough to be sent to a notebook again and again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.notebook.tables import Bundle
from mlcore.runs.headline import headline

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from mlcore.charts.training_curves import Quantity
    from mlcore.runs import Run

MIME: Final = "application/vnd.vegalite.v5+json"
"""Every JupyterLab 4 and VS Code draw this one; Altair's own names a later version."""

POINTS: Final = 150
"""Points of a curve while it is live."""
POINTS_AT_LAST: Final = 300
"""Points of a curve that stays."""
MOST_CURVES: Final = 12
"""Curves of a list or a comparison."""

TITLE: Final = {"anchor": "start", "subtitleColor": "#7d8590"}
"""How the words above a chart stand there; grey as ``palette.MUTED``."""

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_SPLITS: Final = ("train", "validation", "test")
_HEIGHT: Final = 220
_WIDTHS: Final = {1: 560, 2: 330}
_LOG_FROM: Final = 100.0
"""From this ratio of the largest value to the smallest on, the axis is logarithmic."""


def bundle(spec: Mapping[str, Any], words: str, *, still: bool) -> Bundle:
    """A chart for a notebook.

    Args:
        spec: Vega-Lite, with its data.
        words: What a front end shows that draws nothing.
        still: It will not change: add a PNG for those that draw no Vega-Lite, such as GitHub.
    """
    found: Bundle = {MIME: dict(spec), "text/plain": words}
    if still:
        import vl_convert

        # the bytes: the kernel encodes them
        found["image/png"] = vl_convert.vegalite_to_png(dict(spec))
    return found


def run_spec(run: Run, title: str, lines: Sequence[str], points: int) -> dict[str, Any] | None:
    """The curves of one run: its loss and its accuracy, or its first metric; None without points.

    Args:
        run: As it was just read.
        title: Above the chart.
        lines: Below the title.
        points: Of a curve at most, about.
    """
    chosen = _panels_of(run.last)
    width = _WIDTHS[2 if len(chosen) > 1 else 1]
    views = [
        view
        for quantity, metrics in chosen
        if (view := _panel(run, quantity, metrics, points, width)) is not None
    ]
    if not views:
        return None
    return {
        "$schema": _SCHEMA,
        "title": {"text": title, "subtitle": list(lines), **TITLE},
        "description": f"{title}: {' and '.join(str(view['title']) for view in views)} over steps.",
        "background": "white",
        "hconcat": views,
    }


def chart_spec(chart: alt.TopLevelMixin, title: str = "") -> dict[str, Any]:
    """An Altair chart that holds its data.

    Args:
        chart: Of ``mlcore.charts``.
        title: Instead of its own.
    """
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("config", None)
    named = {"title": {"text": title, **TITLE}} if title else {}
    return {**spec, "$schema": _SCHEMA, "background": "white", **named}


def filled(spec: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """A spec of ``mlcore.charts`` without data, and the rows for it."""
    data = {"values": records(rows)}
    return {**spec, "$schema": _SCHEMA, "background": "white", "width": 560, "data": data}


def main_metric(runs: Iterable[Run]) -> str | None:
    """The metric by which these runs are compared: their accuracy, else their loss or first."""
    lasts = [run.last for run in runs]
    known = list(dict.fromkeys(name for last in lasts for name in last))
    best = headline(dict.fromkeys(known, 0.0))
    if best is not None:
        return best[0]
    return next((name for name in known if "loss" in name), known[0] if known else None)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON: NaN and False left out, floats with six digits."""
    names = [str(name) for name in rows.columns]
    return [
        {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in zip(names, row, strict=True)
            if value is not False and not (isinstance(value, float) and not math.isfinite(value))
        }
        for row in zip(*(rows[name].tolist() for name in names), strict=True)
    ]


def _panels_of(last: Mapping[str, float]) -> list[tuple[Quantity | None, dict[str, str]]]:
    """What is drawn: a quantity with its metric for each split, or any one metric."""
    panels: list[tuple[Quantity | None, dict[str, str]]] = []
    quantities: tuple[Quantity, ...] = ("loss", "accuracy")
    for quantity in quantities:
        splits = {split: f"{split}_{quantity}" for split in _SPLITS}
        known = {split: name for split, name in splits.items() if name in last}
        if known:
            panels.append((quantity, known))
            continue
        one = next((name for name in last if quantity in name), None)
        if one is not None:
            panels.append((None, {"train": one}))
    if not panels and last:
        panels.append((None, {"train": next(iter(last))}))
    return panels


def _panel(
    run: Run, quantity: Quantity | None, metrics: Mapping[str, str], points: int, width: int
) -> dict[str, Any] | None:
    from mlcore.charts import palette
    from mlcore.charts.training_curves import Curve, curve_rows, curve_spec, metric_spec

    curves: dict[tuple[str, str], Curve] = {}
    for split, metric in metrics.items():
        found = run.store.curves([run.id], metric, points)
        if len(found):
            names = Curve.columns()
            arrays = (found[name].to_numpy("float64") for name in names)
            curves[run.id, split] = Curve(*arrays)
    if not curves:
        return None
    last = max(float(curve.step[-1]) for curve in curves.values())
    rows = curve_rows(
        curves,
        {run.id: palette.VALUE},
        {run.id: run.name or run.id},
        end=max(run.total, last) if run.status.moving else last,
    )
    low, high = rows["value"].min(), rows["value"].max()
    log = quantity != "accuracy" and low > 0 and high / low >= _LOG_FROM
    if log:
        rows["low"] = rows["low"].where(rows["low"] > 0, rows["value"])
    if quantity is None:
        spec = metric_spec(metrics["train"], log=log)
    else:
        spec = curve_spec(quantity, log=log, train_only=set(metrics) == {"train"})
    bare = {name: value for name, value in spec.items() if name != "$schema"}
    return {**bare, "width": width, "height": _HEIGHT, "data": {"values": records(rows)}}
