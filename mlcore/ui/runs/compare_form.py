"""The form of the page *Compare*: runs, metric, measure and chart options, stored in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from mlcore.charts.comparison import metric_title
from mlcore.core import MEASURED_METRICS
from mlcore.runs import Run, Status, Store
from mlcore.runs.analysis.axes import AXES, Axis
from mlcore.runs.analysis.measures import KINDS, Goal, default_goal
from mlcore.runs.store.run_table import run_table
from mlcore.ui import run_parts
from mlcore.ui.runs import selection
from mlcore.ui.runs.names import names_of
from mlcore.ui.widget_state import changed_by_user, set_widget

RUNS: Final = "runs"
"""Query parameter with the ids of the compared runs, separated by commas."""

_OFFERED: Final = 200
_SUGGESTED: Final = 8
"""Runs that are compared at first, when none are chosen."""
_KEPT: Final = "compare.ids"
_FIRST: Final = (
    "test_accuracy",
    "validation_accuracy",
    "test_loss",
    "validation_loss",
    "loss",
    "train_loss",
)
_BETTER: Final[dict[str, Goal | None]] = {"auto": None, "higher": "max", "lower": "min"}
_LINES: Final[dict[str, Literal["group", "run"]]] = {"seeds together": "group", "each run": "run"}
_HELP: Final = {
    "last": "the last value",
    "best": "the best value of the curve",
    "area": "the mean height of the curve",
    "time to": "seconds of work until the target is reached",
    "steps to": "optimizer steps until the target is reached",
    "epochs to": "epochs until the target is reached",
    "samples to": "samples seen until the target is reached",
}


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """What to compare and how to draw it.

    Attributes:
        runs: The compared runs, as they were read just now.
        metric: Name of the metric.
        goal: Which end of it is better.
        measure: As ``mlcore.runs.compare`` takes it: ``last``, ``time to 0.97``.
        axis: What x measures.
        lines: One line per run, or one for all runs that are equal but for the seed.
        smoothing: Weight of the past, from 0 to below 1.
        log_x: Logarithmic x.
        log_y: Logarithmic values.
    """

    runs: tuple[Run, ...]
    metric: str
    goal: Goal
    measure: str
    axis: Axis
    lines: Literal["group", "run"]
    smoothing: float
    log_x: bool
    log_y: bool

    @property
    def ids(self) -> list[str]:
        """Ids of the runs."""
        return [run.id for run in self.runs]


def chosen_runs(store: Store) -> tuple[list[Run], list[str]]:
    """The runs named by the URL or the session, and the ids that were not found."""
    wanted = _wanted()
    known = {run.id: run for run in store.get_many(wanted) if run.deleted is None}
    missing = [run_id for run_id in wanted if run_id not in known]
    return [known[run_id] for run_id in wanted if run_id in known], missing


def runs_to_compare(store: Store) -> tuple[list[Run], list[str]]:
    """The chosen runs, else the newest finished ones; and the ids that were not found."""
    runs, missing = chosen_runs(store)
    if not runs and not missing and not chosen_none():
        runs = _newest_of_one_experiment(store)
    return runs, missing


def _newest_of_one_experiment(store: Store) -> list[Run]:
    finished = store.list(status=Status.FINISHED, limit=10 * _SUGGESTED)
    same = [run for run in finished if run.experiment == finished[0].experiment]
    return same[:_SUGGESTED]


def remember(run_ids: Sequence[str]) -> None:
    """Store the compared runs in the URL and in the session."""
    st.session_state[_KEPT] = list(run_ids)
    text = ",".join(run_ids)
    if st.query_params.get(RUNS) != text:
        st.query_params[RUNS] = text


def choose_runs(store: Store, runs: Sequence[Run]) -> None:
    """A list to add runs to the comparison and remove them."""
    table = run_table(store).head(_OFFERED)
    offered = {run_id: f"{name} · {run_id}" for run_id, name in names_of(store, table).items()}
    names = {run.id: option_name(run) for run in runs} | offered
    ids = [run.id for run in runs]
    widget = set_widget("compare.runs", ids)

    def choose() -> None:
        if changed_by_user(widget):
            remember(st.session_state[widget])

    st.multiselect(
        "Runs to compare",
        list(names),
        format_func=lambda run_id: names.get(run_id, run_id),
        placeholder="Choose runs",
        key=widget,
        persist_state="session",
        on_change=choose,
    )
    remember(ids)


def choose_baseline(runs: Sequence[Run]) -> None:
    """A list to choose the run whose seed group all others are compared with."""
    ids = [run.id for run in runs]
    pinned = selection.baseline()
    names = {run.id: option_name(run) for run in runs}
    widget = set_widget("compare.baseline", pinned if pinned in ids else "")

    def pin() -> None:
        if changed_by_user(widget):
            selection.pin(st.session_state[widget] or None)

    st.selectbox(
        "Baseline",
        ["", *ids],
        format_func=lambda run_id: names.get(run_id, "none: every pair"),
        help="Compare every other group with the group of this run.",
        key=widget,
        persist_state="session",
        on_change=pin,
    )


def option_name(run: Run) -> str:
    """A run's text in a list."""
    return f"{run_parts.name_of(run)} · {run.id}"


def chosen_none() -> bool:
    """Whether the list was emptied on purpose, so that nothing is suggested."""
    return RUNS in st.query_params or _KEPT in st.session_state


def ask(runs: Sequence[Run]) -> CompareSettings:
    """Draw the form and return the settings.

    Args:
        runs: The compared runs; at least one.
    """
    metric = st.selectbox(
        "Metric",
        metrics_of(runs),
        key="metric",
        bind="query-params",
    )
    better, measure = st.columns(2)
    with better:
        word = st.selectbox(
            "Better is",
            list(_BETTER),
            help="auto: lower for a metric whose name says loss or error, else higher",
            key="better",
            bind="query-params",
        )
    with measure:
        kind = st.selectbox(
            "Measure",
            list(KINDS),
            help="; ".join(f"{kind}: {text}" for kind, text in _HELP.items()),
            key="measure",
            bind="query-params",
        )
    asked: str = kind
    if kind.endswith(" to"):
        target = st.number_input(
            "Target",
            value=_target(metric),
            step=None,
            format="%.6g",
            help=f"Of {metric_title(metric).lower()}",
            key="target",
            bind="query-params",
        )
        asked = f"{kind} {target!r}"
    axis: Axis = st.selectbox(
        "Over",
        list(AXES),
        help="Optimizer steps, epochs, samples seen, or seconds of work",
        key="axis",
        bind="query-params",
    )
    lines = st.segmented_control(
        "A line for",
        list(_LINES),
        default="seeds together",
        required=True,
        help="Runs that differ only in the seed become one line with its spread.",
        key="lines",
        bind="query-params",
        width="stretch",
    )
    smoothing = st.slider(
        "Smoothing",
        0.0,
        0.95,
        0.0,
        0.05,
        help="Weight of earlier points in a moving average; the raw curve stays visible, faint.",
        key="smoothing",
        bind="query-params",
    )
    with st.container(horizontal=True):
        log_x = st.toggle("Log x", key="logx", bind="query-params")
        log_y = st.toggle(
            "Log y",
            help="An accuracy is then drawn as 1 − accuracy.",
            key="logy",
            bind="query-params",
        )
    return CompareSettings(
        runs=tuple(runs),
        metric=metric,
        goal=_BETTER[word] or default_goal(metric),
        measure=asked,
        axis=axis,
        lines=_LINES[lines],
        smoothing=smoothing,
        log_x=log_x,
        log_y=log_y,
    )


def metrics_of(runs: Sequence[Run]) -> list[str]:
    """Metrics that at least one of the runs has, the most informative first."""
    found = {name for run in runs for name in run.last}
    ordered: list[str] = [name for name in _FIRST if name in found]
    ordered += sorted(found - {*ordered} - MEASURED_METRICS)
    return [*ordered, *sorted(found & MEASURED_METRICS)] or [_FIRST[0]]


def _wanted() -> list[str]:
    if RUNS in st.query_params:
        return list(dict.fromkeys(part for part in st.query_params[RUNS].split(",") if part))
    kept: list[str] = st.session_state.get(_KEPT, [])
    return kept


def _target(metric: str) -> float:
    return 0.97 if "accuracy" in metric else 0.1
