"""The list of runs on the pages *Draw* and *Inside*, and what they show without a run.

Use it as::

    run = run_picker.choose_run(key="inside")
    if run is None:
        return  # a button to train the first one is shown
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.core import RunNotFoundError
from mlcore.experiments import own
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store
from mlcore.ui import page, run_parts, trained_models
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import poll
from mlcore.ui.widget_state import changed_by_user, set_widget

PARAM: Final = "run"
"""The query parameter, and the key in the session, that hold the chosen run's id."""

POLL_S: Final = 1.0
_OFFERED: Final = 50
"""Runs that the list offers: the newest ones."""


def offered_runs() -> list[Run]:
    """The runs to choose from: on MNIST and similar data sets, then of one's own experiments.

    Each newest first; of one's own those whose network takes small images.
    """
    store = open_store()
    names = (MNISTConfig.experiment, *own())
    runs = [run for name in names for run in store.list(name, limit=_OFFERED)]
    return [run for run in runs if _fits(run)]


def _fits(run: Run) -> bool:
    config = run_parts.config_of(run)
    if config is None:
        return False
    return isinstance(config, MNISTConfig) or trained_models.takes_images(config)


def newest_finished(runs: Sequence[Run]) -> Run | None:
    """The first finished one of some runs, else the first; None if there is none.

    Runs of one's own experiments stand back behind the course's.
    """
    course = [run for run in runs if run.experiment == MNISTConfig.experiment] or runs
    finished = (run for run in course if run.status == Status.FINISHED)
    return next(finished, course[0] if course else None)


def choose_run(*, key: str, follow_in: DeltaGenerator | None = None) -> Run | None:
    """A list of runs; the choice is stored in the URL and carried to other pages.

    At first it is the newest finished run. Below the list of a run that still learns stands its
    card, and the page follows it: it reruns whenever the run has saved new weights.

    Args:
        key: Prefix of all keys.
        follow_in: A container for the card of a run that still learns, in place of below the list.

    Returns:
        The run; None where the store has none yet: then a button to train the course's network
        is shown in its place.
    """
    runs = offered_runs()
    chosen = _wanted(runs)
    if chosen is None:
        offer_to_train(key=key)
        return None
    if all(run.id != chosen.id for run in runs):
        runs = [chosen, *runs]
    names = {run.id: f"{run_parts.name_of(run)} · {run.id}" for run in runs}
    widget = set_widget(f"{key}.run", chosen.id)

    def choose() -> None:
        if changed_by_user(widget):
            _remember(st.session_state[widget])

    st.selectbox(
        "Run",
        list(names),
        format_func=names.__getitem__,
        key=widget,
        persist_state="session",
        on_change=choose,
    )
    _remember(chosen.id)
    if chosen.status.moving:
        with follow_in or nullcontext():
            follow(chosen, key=key)
    return chosen


def offer_to_train(*, key: str) -> None:
    """Show that no network is trained yet, with a button that trains one."""
    st.info(
        "No network has been trained yet. The course's network takes a few seconds; this page "
        "shows it while it trains.",
        icon=":material/play_arrow:",
    )
    run = run_parts.start_button(
        MNISTConfig(), "Train the course's network", key=f"{key}.first", stretch=True
    )
    if run is not None:
        _remember(run.id)
        st.rerun()


def follow(run: Run, *, key: str) -> None:
    """The card of a live run; the page reruns when it has saved new weights, or has ended.

    Args:
        run: As the page shows it.
        key: Prefix of all keys.
    """
    drawn = run.array_steps()[-1:]

    def draw() -> bool:
        now = run.refresh()
        clicks.show_refusal()
        run_parts.card(now, key=f"{key}.card")
        return not now.status.moving or now.array_steps()[-1:] != drawn

    poll(draw, key=f"{key}.follow", moving=True)


def _wanted(runs: Sequence[Run]) -> Run | None:
    """The run named by the URL or the session if it exists, else the newest finished one."""
    run_id: str | None = st.query_params.get(PARAM, st.session_state.get(PARAM))
    if run_id is not None:
        known = next((run for run in runs if run.id == run_id), None)
        try:
            run = known or open_store().get(run_id)
        except RunNotFoundError as problem:
            page.error(problem)
            return newest_finished(runs)
        if run.deleted is not None:
            page.error(f"Run {run_id} was deleted: restore it, or choose another below.")
        elif _fits(run):
            return run
        else:
            page.error(
                f"Run {run_id} is not a network for digits: choose another below. An experiment "
                "of your own needs `build_model`, and an `example_input` such as "
                "`torch.zeros(1, 1, 28, 28)`."
            )
    return newest_finished(runs)


def _remember(run_id: str) -> None:
    st.session_state[PARAM] = run_id
    if st.query_params.get(PARAM) != run_id:
        st.query_params[PARAM] = run_id
