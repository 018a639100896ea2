"""A race of optimizers over one surface: which minimum each reaches, in how many gradient calls."""

import streamlit as st

from mlcore.ui import page

page.header(
    "Optimizer race", "From one start, which optimizer reaches which minimum, at what cost?"
)

from mlcore.charts.regression import race_chart
from mlcore.course.optimizers import State
from mlcore.ui import tasks
from mlcore.ui.regression import race_controls, racing


@st.fragment(key="race.page")
def optimizers() -> None:
    """The page below its header; moving a control reruns only this part."""
    left, right = page.columns()
    with left:
        entry = race_controls.race_controls()
    if entry is None:
        return
    shown = racing.run(entry.place, entry.start, entry.rates, entry.steps, entry.momentum)

    def clicked() -> None:
        at = st.session_state["race.view"].get("start")
        if at:
            race_controls.restart(entry.place, at)

    with right:
        race, calls, code = st.tabs(
            ["Race", "Cost", "As Python"], key="race.tab", bind="query-params"
        )
        if race.open:
            with race:
                racing.race_view(racing.scene(shown), key="race.view", on_start=clicked)
        if calls.open:
            hues = {name: racing.HUES[name] for name in shown.names}
            chart = race_chart(racing.progress(shown), hues, name=shown.surface.name)
            calls.altair_chart(chart, key="race.chart", width="stretch")
        if code.open:
            script = racing.script(
                entry.place, entry.start, entry.rates, entry.steps, entry.momentum
            )
            with code:
                page.as_code(script, key="race.code")
    ranking = racing.results(shown, dict(entry.rates))
    st.dataframe(ranking, hide_index=True, key="race.results", width="stretch")
    st.caption("Ranked by gradient calls until the optimizer is at a minimum and stays there.")
    kappa = entry.place.steepest if entry.place.key == "quadratic" else None
    tasks.look("optimizers", State(shown, kappa))


optimizers()
page.explain("What each optimizer does with a gradient", "optimizers", key="race.formulas")
