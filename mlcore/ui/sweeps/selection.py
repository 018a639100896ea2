"""The sweep that the page shows; its id is stored in the URL."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.charts.comparison import metric_title
from mlcore.core import MlcoreError
from mlcore.runs import open_store
from mlcore.sweeps import Sweep, get_sweep, list_sweeps
from mlcore.ui import page
from mlcore.ui.widget_state import changed_by_user, set_widget

PARAM: Final = "sweep"
OFFERED: Final = 50
"""Sweeps that the list offers: the newest ones."""

_KEPT: Final = "sweeps.shown"


def shown_sweep() -> Sweep | None:
    """The sweep of the URL, else the one shown before, else the newest; None if there is none.

    Raises:
        SweepNotFoundError: If the URL names one that does not exist.
        ValueError: If its experiment is not known here, or not as it was.
        TypeError: Likewise.
    """
    wanted: str | None = st.query_params.get(PARAM) or st.session_state.get(_KEPT)
    if wanted is not None:
        found = get_sweep(wanted, open_store())
    elif newest := list_sweeps(open_store(), limit=1):
        found = newest[0]
    else:
        return None
    return found if found.spec else None  # read now, so that what it raises is raised here


def show_sweep(sweep_id: str) -> None:
    """Make the page show a sweep."""
    st.session_state[_KEPT] = sweep_id
    if st.query_params.get(PARAM) != sweep_id:
        st.query_params[PARAM] = sweep_id


def forget() -> None:
    """Make the page show the newest sweep."""
    st.session_state.pop(_KEPT, None)
    if PARAM in st.query_params:
        del st.query_params[PARAM]


def choose(sweep: Sweep) -> None:
    """A list to choose another sweep."""
    offered = {one.id: one for one in list_sweeps(open_store(), limit=OFFERED)}
    options = list(dict.fromkeys([*offered, sweep.id]))
    names = {one.id: name_of(one) for one in (*offered.values(), sweep)}
    # a browser keeps the text of what is chosen, so another name wants another widget
    widget = set_widget("sweeps.chosen" + f".{sweep.name}" * bool(sweep.name), sweep.id)

    def pick() -> None:
        # after a renaming, here or elsewhere, a browser may send the old text, which is no option
        if changed_by_user(widget) and st.session_state[widget] in options:
            show_sweep(st.session_state[widget])

    st.selectbox(
        "Sweep",
        options,
        format_func=lambda sweep_id: names.get(sweep_id, sweep_id),
        key=widget,
        persist_state="session",
        on_change=pick,
    )


def name_of(sweep: Sweep) -> str:
    """A sweep's text in a list: its name, or its varied fields and objective.

    Ranges are left out: they may change, and a browser keeps the chosen entry's text.
    """
    try:
        labels = {spec.name: spec.label for spec in sweep.config.specs()}
    except MlcoreError:  # of another version, or of a user's script
        return f"{page.one_line(sweep.name)} {sweep.experiment} · {sweep.id}".strip()
    varied = ", ".join(labels[name] for name in sweep.space.fields)
    looked_for = " and ".join(metric_title(one.metric).lower() for one in sweep.objectives)
    name = page.one_line(sweep.name) or varied
    return f"{name} → {looked_for} · {sweep.experiment} · {sweep.id}"
