"""Learning curves for Jupyter notebooks and scripts: ``mlcore.charts.curves(df)``."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from mlcore.charts import palette
from mlcore.charts.comparison import (
    comparison_chart,
    comparison_rows,
    metric_title,
    parts_of,
    with_rows,
)
from mlcore.core import InputError


def curves(
    df: pd.DataFrame,
    *,
    metric: str | None = None,
    axis: str = "step",
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    colours: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Overlaid learning curves as an Altair chart, ready for Jupyter.

    Args:
        df: ``Comparison.curves`` (run, metric, x, value, low, high), ``Store.curves`` (run, step,
            time, value, low, high) or ``Run.metrics`` (step, name, value, time).
        metric: Which metric to draw, where the frame has several.
        axis: ``step`` or ``time`` for frames that have those columns; for a frame with x, what x
            measures: step, epoch, samples or time.
        smoothing: Weight of the past in a moving average, from 0 to below 1; raw stays, faint.
        log_x: Logarithmic x.
        log_y: Logarithmic values; an accuracy is drawn as 1 − accuracy then.
        colours: Hue of each run, by what the column ``run`` says; by default the palette's.

    Raises:
        ValueError: If the frame has several metrics and none is chosen, lacks a column, or
            ``smoothing`` is out of bounds.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> chart = mlcore.charts.curves(run.metrics(["loss"]))
        >>> type(chart).__name__
        'LayerChart'
    """
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing is {smoothing}, but must be from 0 to below 1.")
    frame = _one_metric(df, metric)
    x = "x" if "x" in frame else axis
    missing = [name for name in (x, "value") if name not in frame]
    if missing:
        raise InputError(
            f"The table has no column {missing[0]!r}; it has {', '.join(map(str, df.columns))}. "
            "Give Comparison.curves, Store.curves or Run.metrics."
        )
    frame = frame.assign(x=frame[x], run=frame["run"].astype(str) if "run" in frame else "")
    name = str(frame["metric"].iloc[0]) if len(frame) and "metric" in frame else metric or "value"
    runs = list(dict.fromkeys(frame["run"]))
    hues = colours or palette.run_colours({run: place for place, run in enumerate(runs)})
    labels = {run: run or metric_title(name) for run in runs}
    rows = comparison_rows(
        frame, labels, metric=name, smoothing=smoothing, log_x=log_x, log_y=log_y
    )
    chart = comparison_chart(
        {labels[run]: hues.get(run, palette.MUTED) for run in runs},
        metric=name,
        axis=axis,
        log_x=log_x,
        log_y=log_y,
        parts=parts_of(rows),
    )
    alone: alt.LayerChart = with_rows(chart, rows).properties(width=560)
    return alone


def _one_metric(df: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    frame = df.rename(columns={"name": "metric"}) if "metric" not in df else df
    if "metric" not in frame:
        return frame
    known = list(dict.fromkeys(frame["metric"]))
    if metric is None and len(known) > 1:
        raise InputError(
            f"The table holds {len(known)} metrics ({', '.join(known)}). Choose one, such as "
            f"metric={known[0]!r}."
        )
    if metric is not None and metric not in known:
        raise InputError(
            f"The table has no metric {metric!r}; it has {', '.join(known) or 'none at all'}."
        )
    return frame if metric is None else frame[frame["metric"] == metric]
