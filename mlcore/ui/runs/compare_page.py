"""The page *Compare*: the form on the left, the comparison on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from mlcore.course.compare import State
from mlcore.runs import Run, Status, Store, open_store
from mlcore.runs.analysis.comparison import Comparison, compare
from mlcore.ui import navigation, page, tasks
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import any_moving, poll
from mlcore.ui.runs import compare_form, export_menu, selection, spaces, tables, verdicts
from mlcore.ui.runs.lines import Lines
from mlcore.ui.widget_state import changed_by_user, set_widget

POINTS: Final = 600
"""Points a curve is thinned to at most; more are not told apart on a screen."""

POINTS_IN_ALL: Final = 4000
"""Points of all curves together, but at least ``FEWEST_POINTS`` each: a browser draws them all."""

FEWEST_POINTS: Final = 120
SUGGESTED: Final = 8
"""Runs that the page compares at first, when nobody has chosen any."""


def show() -> None:
    """Draw the page below its header."""
    store = open_store()
    runs, missing = compare_form.chosen_runs(store)
    if not runs and not missing and not compare_form.chosen_none():
        runs = suggested(store)
    controls, picture = page.columns()
    with controls, page.sentences():
        compare_form.choose_runs(store, runs)
        st.page_link(
            navigation.page("runs"), label="Choose in the table", icon=":material/table_rows:"
        )
        if runs:
            asked = compare_form.ask(runs)
            _baseline(runs)
    with picture, page.sentences():
        for run_id in missing:
            page.error(f"No run has the id {run_id}; it may have been deleted.")
        if not runs:
            _nothing_chosen()
            return
        _follow(store, asked)


def suggested(store: Store) -> list[Run]:
    """The newest finished runs of the experiment that was run last."""
    finished = store.list(status=Status.FINISHED, limit=10 * SUGGESTED)
    same = [run for run in finished if run.experiment == finished[0].experiment]
    return same[:SUGGESTED]


def _nothing_chosen() -> None:
    st.info(
        "Choose runs on the left, or select them in the table on the page Runs.",
        icon=":material/compare_arrows:",
    )


def _baseline(runs: Sequence[Run]) -> None:
    ids = [run.id for run in runs]
    pinned = selection.baseline()
    names = {run.id: compare_form.option_name(run) for run in runs}
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
        on_change=pin,
    )


def _follow(store: Store, asked: compare_form.CompareSettings) -> None:
    moving = any_moving(asked.runs)

    def draw() -> bool:
        if verdicts.queued_more():
            return True  # the click reached this fragment only, and the list of runs is outside
        comparison = _compare(store, asked)
        _draw(comparison, asked)
        now = comparison.runs
        grown = compare_form.metrics_of(now) != compare_form.metrics_of(asked.runs)
        # the settings outside of this fragment offer what there is
        return grown or any_moving(now) != moving

    poll(draw, key="compare.panel", moving=moving)


def _compare(store: Store, asked: compare_form.CompareSettings) -> Comparison:
    pinned = selection.baseline()
    return compare(
        asked.ids,
        metric=asked.metric,
        goal=asked.goal,
        measure=asked.measure,
        axis=asked.axis,
        points=max(FEWEST_POINTS, min(POINTS, POINTS_IN_ALL // len(asked.runs))),
        baseline=pinned if pinned in asked.ids else None,
        store=store,
    )


def _draw(comparison: Comparison, asked: compare_form.CompareSettings) -> None:
    clicks.show_refusal()
    verdicts.show(comparison)
    lines = Lines(comparison, asked.lines, asked.smoothing, asked.log_x, asked.log_y)
    rows = lines.rows
    if len(rows):
        st.vega_lite_chart(rows, lines.spec(), key="compare.curves", width="stretch")
        if words := lines.words():
            st.caption(words)
    else:
        st.info("None of these runs has points of this metric on this axis.")
    _progress(comparison)
    _tabs(comparison, lines)
    tasks.look("compare", State(comparison))


def _tabs(comparison: Comparison, lines: Lines) -> None:
    contents: dict[str, Callable[[], None]] = {
        "Numbers": lambda: tables.measures(comparison, lines.kind),
        "How sure": lambda: verdicts.sure_table(comparison),
        "What differs": lambda: tables.differences(comparison),
        "Settings": lambda: spaces.show(comparison),
        "Export": lambda: export_menu.of_comparison(comparison, lines),
    }
    older = st.query_params.get("view") == "Take along"  # the tab's name in older links
    first = "Export" if older else "Numbers"
    tabs = st.tabs(list(contents), default=first, key="view", bind="query-params")
    for tab, draw in zip(tabs, contents.values(), strict=True):
        if tab.open:
            with tab, page.sentences():
                draw()


def _progress(comparison: Comparison) -> None:
    moving = [run for run in comparison.runs if run.status.moving]
    if not moving:
        return
    waiting = sum(1 for run in moving if run.status == Status.QUEUED)
    share = sum(run.progress for run in comparison.runs if run.status.moving) / len(moving)
    text = f"{len(moving) - waiting} running, {waiting} waiting; the page updates by itself."
    st.progress(share, text=text)
