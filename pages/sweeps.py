"""Sweeps: run one config with many settings, to see which settings matter and which are best."""

import streamlit as st

from mlcore.ui import page

page.header("Sweeps", "Which settings matter, and which are best?")

from mlcore.core import MlcoreError
from mlcore.ui.sweeps import panel, selection, start_form

controls, picture = page.columns()
with controls:
    start_form.show()
with picture, page.sentences():
    try:
        sweep = selection.shown_sweep()
    except MlcoreError as unreadable:
        page.error(unreadable)
    else:
        if sweep is None:
            st.info(
                "There is no sweep yet. Press **Start the sweep**: twelve learning rates for one "
                "linear layer take a few seconds.",
                icon=":material/play_arrow:",
            )
            page.prose("sweeps")
        else:
            panel.show(sweep)
            page.as_code(
                f"{sweep.config.imports()}\n\nsweep = {sweep.as_python()}",
                sweep.as_command(),
                key="code",
            )
            page.explain("How a sweep searches", "sweeps", key="sweeps.how")
