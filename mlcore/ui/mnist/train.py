"""The tab *Train*: the form, and live curves of the runs it starts."""

import streamlit as st

from mlcore.core import RunNotFoundError
from mlcore.course.mnist import State
from mlcore.runs import open_store
from mlcore.ui import form, live, page, run_parts, tasks
from mlcore.ui.mnist import cross_validation
from mlcore.ui.mnist.selection import CHOSEN, FORM, MNISTConfig


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        _form()
    with picture, page.sentences():
        offered = CHOSEN.newest()
        if not offered:
            st.info(
                "No network has been trained on these digits yet. Press **Start training**: the "
                "course's network takes a few seconds.",
                icon=":material/play_arrow:",
            )
            live.empty_view(key="mnist.live")
            return
        chosen = CHOSEN.choose(offered)
        found = cross_validation.results(chosen)
        live.live_view(chosen, key="mnist.live")
        for result in found:
            cross_validation.details(result)
        in_folds = {run.id for result in found for run in result.runs}
        _codes([run_id for run_id in chosen if run_id not in in_folds])
        tasks.look("mnist", State(offered))


@st.fragment(key="mnist.form")
def _form() -> None:
    presets_and_start = st.container(key="mnist.start.place")
    config = form.config_form(
        MNISTConfig,
        key=FORM,
        open_groups=("Loss and optimizer",),
        presets_in=presets_and_start,
        unless_set=cross_validation.FIELDS,
    )
    with presets_and_start, page.sentences():
        afresh = st.toggle(
            "Train again even if it was run before",
            help="A config that was run before returns its stored result at once; this trains it "
            "again.",
            key="mnist.afresh",
        )
        config, repeats = cross_validation.switch(config)
        if repeats is not None:
            runs = cross_validation.start_button(
                config, repeats, key="mnist.cv.start", force=afresh
            )
            if runs is not None:
                CHOSEN.show_only([run.id for run in runs])
                st.rerun()
        else:
            run = run_parts.start_button(
                config, "Start training", key="mnist.start", force=afresh, stretch=True
            )
            if run is not None:
                CHOSEN.show(run.id)
                st.rerun()
    if config is not None and repeats is not None:
        cross_validation.code(config, repeats, key="mnist.form.code")
    elif config is not None:
        page.config_as_code(config, key="mnist.form.code")


def _codes(run_ids: list[str]) -> None:
    for run_id in run_ids:
        try:
            run = open_store().get(run_id)
        except RunNotFoundError:
            continue  # the live view has named it
        config = run_parts.config_of(run)
        if config is not None:
            label = f"Run {run.id} as code · {page.plain(run_parts.name_of(run))}"
            with st.expander(label, icon=":material/code:", key=f"mnist.code.{run.id}"):
                page.config_as_code(config, key=f"mnist.code.{run.id}.tabs")
