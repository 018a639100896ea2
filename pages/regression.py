"""Regression by gradient descent: predicts what each learning rate will do, then checks it."""

from collections.abc import Callable

import streamlit as st

from mlcore.ui import page

page.header("Regression", "Why does one learning rate converge and a slightly larger one diverge?")

from mlcore.regression import DataError
from mlcore.ui import tasks
from mlcore.ui.regression import controls, panels, proof, rate, recorded, settings

TABS = ["Four views", "All rates at once", "Proof", "Tasks", "As a run"]


@st.fragment(key="regression.page")
def regression() -> None:
    """The page below its header; moving a control reruns only this part."""
    draft, refused = settings.load()
    left, right = page.columns()
    with left:
        of_rate = refused.pop("lr", None)
        for sentence in refused.values():
            page.error(sentence)
        source = controls.data_controls(draft)
        controls.model_controls(draft)
        config, problems = settings.check(draft)
        here = None
        if config is not None and source is not None:
            try:
                here = panels.prepare(config, source)
                if "lr" not in draft.texts and (better := panels.better_rate(here)) is not None:
                    draft = settings.choose_rate(draft, better)
                    here = panels.prepare(config.replace(lr=better), source)
            except DataError as problem:
                page.error(problem)
        controls.steps_control(draft)
        rate.rate_control(draft, here.verdict if here else None)
        if of_rate:
            page.error(of_rate)
        if here is not None:
            rate.three_button(here.verdict, here.config.steps)
            st.markdown(rate.rate_words(here.verdict, here.config))
            if settings.rate_was_chosen():
                st.caption("This learning rate was chosen from the curvature. Move the slider.")
            if panels.diverges(here):
                stable = panels.stable_rate(here, here.config)
                if stable is not None:
                    rate.use_stable(stable)
            st.caption(rate.curvature_words(here.verdict))
            if (held := panels.held_out_words(here)) is not None:
                st.caption(held)
            for note in here.data.notes[len(source.notes if source else ()) :]:
                st.caption(note)
        controls.edit_controls(draft, here.config if here else None)
        for sentence in problems.values():
            page.error(sentence)
    settings.save(draft)
    with right:
        tabs = st.tabs(TABS, key="tab", bind="query-params")
        if here is None:
            return
        own_file = draft.text(controls.SPECS["data"]) not in ("hours_scores", "made")
        parts: tuple[Callable[[], None], ...] = (
            lambda: panels.views(here),
            lambda: panels.all_rates(here),
            lambda: proof.proof(here),
            lambda: panels.tasks(here),
            lambda: recorded.recorded(here.config, own_file=own_file),
        )
        for tab, part in zip(tabs, parts, strict=True):
            if tab.open:
                with tab:
                    part()
    st.session_state["regression.points"] = here.data  # for the race on another page
    if len(here.shown) == 1:
        tasks.look("regression", panels.attempt_of(here))


regression()
page.explain("The formulas behind the verdict", "regression", key="regression.formulas")
