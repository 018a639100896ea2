"""The comparison on the page *Compare*: verdict, curves, tables and exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from mlcore.course.compare import State
from mlcore.runs import Status, Store
from mlcore.runs.analysis.comparison import Comparison, compare
from mlcore.ui import page, tasks
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import any_moving, poll
from mlcore.ui.runs import compare_form, export_menu, selection, spaces, tables, verdicts
from mlcore.ui.runs.lines import Lines

POINTS: Final = 600
"""Maximum number of points of a downsampled curve; a screen shows no more."""

POINTS_IN_ALL: Final = 4000
"""Points of all curves together, but at least ``FEWEST_POINTS`` each: a browser draws them all."""

FEWEST_POINTS: Final = 120


def show(store: Store, asked: compare_form.CompareSettings) -> None:
    """Draw the verdict, the curves and the tables; redrawn while one of the runs is live."""
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
    for sentence in comparison.test_set:
        st.caption(f":material/lock: {page.plain(sentence)}")
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
