"""Redraws a part of a page periodically while a run on it is queued or running."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

from mlcore.runs import Run
from mlcore.ui import live_data, page


def poll(
    draw: Callable[[], bool], *, key: str, moving: bool, every: float = live_data.POLL_S
) -> None:
    """Draw a part of a page; while a run is live, redraw only it every ``every`` seconds.

    Each time the store's runs are tended first, and an error of mlcore is shown as a sentence.

    Args:
        draw: Draws the part. Returns whether the whole page must rerun, such as when a run ended.
        key: Key of the fragment, unique on the page.
        moving: Whether to poll at all, as of this run of the page.
        every: Seconds between two redraws.
    """

    @st.fragment(run_every=every if moving else None, key=key)
    def part() -> None:
        with page.sentences():
            live_data.tend_runs()
            if draw():
                st.rerun()

    part()


def any_moving(runs: Iterable[Run]) -> bool:
    """Whether a run is queued or running."""
    return any(run.status.moving for run in runs)
