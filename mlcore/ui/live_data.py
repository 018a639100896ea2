"""The data drawn of live runs, computed once per new point and shared by all tabs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.charts.training_curves import Axis, Curve, Quantity, curve_rows
from mlcore.experiments import EXPERIMENTS
from mlcore.runs import Run, open_store, tend
from mlcore.runs.execution import supervisor
from mlcore.ui import run_parts
from mlcore.ui.live_curves import LiveCurves

if TYPE_CHECKING:
    import pandas as pd

_ACCURACY: Final = {
    "train": "train_accuracy",
    "validation": "validation_accuracy",
    "test": "test_accuracy",
}
METRICS: Final[Mapping[Quantity, Mapping[str, str]]] = MappingProxyType(
    {
        "loss": {"train": "train_loss", "validation": "validation_loss", "test": "test_loss"},
        "accuracy": _ACCURACY,
        "error_rate": _ACCURACY,
        "grad_norm": {"train": "grad_norm"},
        "lr": {"train": "lr"},
    }
)
"""Which metric of a run is which curve of a chart."""


POLL_S: Final = 0.7
"""How often a tab polls a run: on two cores, training lost 11 % of its speed to a
tab that asked so often, 20 % and more at 0.5 s; five tabs are each redrawn more than once a second.
"""

FIRST_POLL_S: Final = 0.2
FIRST_POLLS_FOR_S: Final = 5.0
"""How often a tab polls a run that has no point yet, and for how long after it was queued."""


def awaits_first_point(runs: Iterable[Run]) -> bool:
    """Whether one of these runs was queued a moment ago and has no point yet."""
    recent = datetime.now(UTC) - timedelta(seconds=FIRST_POLLS_FOR_S)
    return any(
        run.status.moving and not run.total and run.queued is not None and run.queued > recent
        for run in runs
    )


def chart_rows(
    runs: Sequence[Run],
    labels: Mapping[str, str],
    quantity: Quantity,
    *,
    axis: Axis = "step",
    smoothing: float = 0.0,
) -> pd.DataFrame:
    """The rows of a chart of several runs (see ``mlcore.charts.training_curves.curve_rows``).

    Tabs that look at the same runs with the same settings share the frame: do not change it.
    """
    splits = tuple(METRICS[quantity].items())
    return _rows_of(runs, labels, splits, axis, smoothing, quantity == "error_rate")


def metric_rows(
    runs: Sequence[Run],
    labels: Mapping[str, str],
    metric: str,
    *,
    axis: Axis = "step",
    smoothing: float = 0.0,
    positive: bool = False,
) -> pd.DataFrame:
    """The rows of the chart of one metric of any name, as ``chart_rows`` gives them.

    With ``positive``, values of 0 and below are gaps, as a logarithmic scale has no place for them.
    """
    rows = _rows_of(runs, labels, (("train", metric),), axis, smoothing)
    if positive:
        values = rows[["value", "low", "high"]]
        rows = rows.assign(**values.where(values > 0))
    return rows


def any_metric(run: Run) -> bool:
    """Whether a run's metrics have names of its own, so that ``METRICS`` says nothing of them."""
    return run.experiment not in EXPERIMENTS


def curves_of(run: Run) -> tuple[str, dict[str, Curve]]:
    """All curves of a run, read once for all tabs (see ``LiveCurves.state``)."""
    return _live_curves(run.store.url, run.id, any_metric(run)).state(run)


def seconds(run: Run) -> float:
    """Estimated total seconds of a run, from its progress so far."""
    return run.elapsed / run.progress if run.status.moving and run.progress else run.elapsed


def tend_runs() -> None:
    """Mark dead runs lost and start workers for queued ones, at most once a second."""
    _tend(open_store().url)


def trouble() -> str | None:
    """Why queued runs are not executed, as a sentence; None if all is well."""
    return _trouble(open_store().url)


class _RunState:
    """A run at one moment; equal to another one if nothing new is to be drawn."""

    def __init__(self, run: Run, label: str, colour: str) -> None:
        self.run, self.label, self.colour = run, label, colour
        shown = (run.status.moving, label, colour)
        self._key = (run.store.url, run.id, run.step, run.done, run.elapsed, *shown)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _RunState) and self._key == other._key


def _rows_of(
    runs: Sequence[Run],
    labels: Mapping[str, str],
    splits: tuple[tuple[str, str], ...],
    axis: Axis,
    smoothing: float,
    error_rate: bool = False,
) -> pd.DataFrame:
    colours = run_parts.colours_of(runs)
    end = max((run.total if axis == "step" else seconds(run) for run in runs), default=0.0) or 1.0
    looks = tuple(_RunState(run, labels[run.id], colours[run.id]) for run in runs)
    return _chart_rows(looks, splits, axis, smoothing, end, error_rate)


@lru_cache(maxsize=64)
def _chart_rows(
    looks: tuple[_RunState, ...],
    splits: tuple[tuple[str, str], ...],
    axis: Axis,
    smoothing: float,
    end: float,
    error_rate: bool,
) -> pd.DataFrame:
    curves: dict[tuple[str, str], Curve] = {}
    for look in looks:
        _, known = curves_of(look.run)
        for split, metric in splits:
            if metric in known:
                curves[look.run.id, split] = known[metric]
    return curve_rows(
        curves,
        {look.run.id: look.colour for look in looks},
        {look.run.id: look.label for look in looks},
        end=end,
        axis=axis,
        smoothing=smoothing,
        error_rate=error_rate,
    )


@lru_cache(maxsize=64)
def _live_curves(_url: str, _run_id: str, any_metric: bool) -> LiveCurves:
    if any_metric:
        return LiveCurves(None)
    return LiveCurves(
        dict.fromkeys(name for splits in METRICS.values() for name in splits.values())
    )


@st.cache_data(ttl=1.0, max_entries=8, show_spinner=False)
def _tend(url: str) -> None:
    tend(open_store(url))


@st.cache_data(ttl=3.0, max_entries=8, show_spinner=False)
def _trouble(url: str) -> str | None:
    return supervisor.trouble(open_store(url))
