"""Reads the curves of runs for every tab at once: by cursor, thinned, each moment only once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pandas as pd
import streamlit as st

from mlcore.charts.curves import Axis, Quantity, curve_rows
from mlcore.runs import Run, open_store, tend
from mlcore.ui import run_parts

POINTS: Final = 600
"""Points a curve is thinned to; more are no longer told apart on a screen."""

METRICS: Final[Mapping[Quantity, Mapping[str, str]]] = MappingProxyType(
    {
        "loss": {"train": "train_loss", "test": "test_loss"},
        "accuracy": {"train": "train_accuracy", "test": "test_accuracy"},
        "error_rate": {"train": "train_accuracy", "test": "test_accuracy"},
        "grad_norm": {"train": "grad_norm"},
        "lr": {"train": "lr"},
    }
)
"""Which metric of a run is which curve of a chart."""


def chart_rows(
    runs: Sequence[Run],
    labels: Mapping[str, str],
    quantity: Quantity,
    *,
    axis: Axis = "step",
    smoothing: float = 0.0,
) -> pd.DataFrame:
    """The rows of a chart of several runs (see ``mlcore.charts.curves.curve_rows``).

    Tabs that look at the same runs with the same settings share the work: reading, thinning and
    smoothing happen once for each new point, however many watch.
    """
    moments = tuple((run.id, run.step, run.status.moving) for run in runs)
    colours = tuple(run_parts.colours_of(runs).items())
    end = max((run.total if axis == "step" else _seconds(run) for run in runs), default=0.0)
    names = tuple(labels[run.id] for run in runs)
    url = open_store().url
    return _chart_rows(url, moments, colours, names, quantity, axis, smoothing, end)


def look_after_runs() -> None:
    """Mark dead runs lost and start workers for waiting ones, at most once a second."""
    _tend(open_store().url)


@st.cache_data(max_entries=64, show_spinner=False)
def _chart_rows(
    url: str,
    moments: tuple[tuple[str, int, bool], ...],
    colours: tuple[tuple[str, str], ...],
    names: tuple[str, ...],
    quantity: Quantity,
    axis: Axis,
    smoothing: float,
    end: float,
) -> pd.DataFrame:
    parts = [
        _curve(url, run_id, metric, step, moving).assign(run=run_id, split=split)
        for run_id, step, moving in moments
        for split, metric in METRICS[quantity].items()
    ]
    ids = [run_id for run_id, _, _ in moments]
    return curve_rows(
        pd.concat(parts, ignore_index=True),
        dict(colours),
        dict(zip(ids, names, strict=True)),
        end=end,
        axis=axis,
        smoothing=smoothing,
        error_rate=quantity == "error_rate",
    )


def _curve(url: str, run_id: str, metric: str, step: int, moving: bool) -> pd.DataFrame:
    if not moving:
        return _history(url, run_id, metric, (0, step))
    past = _history(url, run_id, metric, _chunk(step))
    seen = int(past["step"].max()) if len(past) else None
    return pd.concat([past, open_store(url).curves([run_id], metric, POINTS, after=seen)])


@st.cache_data(max_entries=512, show_spinner=False)
def _history(
    url: str,
    run_id: str,
    metric: str,
    moment: tuple[int, int],  # noqa: ARG001 - names what is cached
) -> pd.DataFrame:
    return open_store(url).curves([run_id], metric, POINTS)


def _chunk(step: int) -> tuple[int, int]:
    """Names a stretch of steps an eighth to a sixteenth as long as all before it.

    The history is read again when a new stretch begins, so a run is read whole a few times for
    each doubling of its length, and otherwise by cursor from where the last stretch ended.
    """
    bits = max(0, step.bit_length() - 4)
    return bits, step >> bits


@st.cache_data(ttl=1.0, max_entries=8, show_spinner=False)
def _tend(url: str) -> None:
    tend(open_store(url))


def _seconds(run: Run) -> float:
    """How long a run will have worked, judged by what it did so far."""
    return run.elapsed / run.progress if run.status.moving and run.progress else run.elapsed
