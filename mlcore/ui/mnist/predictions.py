"""The tab *Predictions*: a network's predictions for test digits, epoch by epoch."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts import digits as charts
from mlcore.runs import Run, open_store
from mlcore.ui import page, run_parts
from mlcore.ui.common.polling import poll
from mlcore.ui.mnist import view_data
from mlcore.ui.mnist.selection import CHOSEN, MNISTConfig
from mlcore.ui.widget_state import changed_by_user, set_widget

POLL_S = 1.0
_TILE = 64
_RUN = "mnist.predictions.run"


@dataclass(frozen=True, slots=True)
class Moment:
    """The arrays a run saved at one step (see ``mlcore.mnist.evaluate``), in NumPy."""

    confusion: NDArray[np.int64]
    places: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def show() -> None:
    """Draw the tab; it follows a live run."""
    if not CHOSEN.newest():
        _, picture = page.columns()
        with picture:
            _offer_to_train()
        return
    following = _run().status.moving

    poll(
        lambda: _content().status.moving != following,
        key="mnist.predictions.panel",
        moving=following,
    )


def _content() -> Run:
    controls, picture = page.columns()
    with controls:
        names = {run.id: f"{run_parts.name_of(run)} · {run.id}" for run in CHOSEN.newest()}
        run = _run()
        st.selectbox(
            "Run",
            list(names),
            index=list(names).index(run.id),
            format_func=names.__getitem__,
            key=_RUN,
        )
        step = _step(run)
        page.prose("mnist_predictions")
    with picture:
        if step is None:
            run_parts.card(run, key="mnist.predictions.card")
            st.info("The first predictions appear when the run starts.")
        else:
            _draw(run, step)
    return run


def _run() -> Run:
    """The run of the list; by default the one shown under *Train*, else the newest."""
    known = {run.id: run for run in CHOSEN.newest()}
    wanted = [st.session_state.get(_RUN), *CHOSEN.ids()]
    return next((known[run_id] for run_id in wanted if run_id in known), next(iter(known.values())))


def _offer_to_train() -> None:
    st.info(
        "No network has been trained yet. Start one under **Train**, or press the button.",
        icon=":material/play_arrow:",
    )
    run = run_parts.start_button(MNISTConfig(), "Train the course's network", key="mnist.first")
    if run is not None:
        run_parts.open_on_its_page(run)


def _step(run: Run) -> int | None:
    """The step whose predictions are shown: the slider's, or the newest until it is moved."""
    steps = run.array_steps()
    if not steps:
        return None
    if len(steps) == 1:
        st.caption("Epoch 0: before the first step.")
        return steps[0]
    moved_to = f"mnist.predictions.moved.{run.id}"
    wanted: int | None = st.session_state.get(moved_to)
    widget = set_widget(
        f"mnist.predictions.step.{run.id}", wanted if wanted in steps else steps[-1]
    )

    def move() -> None:
        if changed_by_user(widget):
            step = st.session_state[widget]
            st.session_state[moved_to] = None if step == steps[-1] else step

    per_epoch = run.config.steps_per_epoch() or 1
    step: int = st.select_slider(
        "After epoch",
        steps,
        format_func=lambda step: f"{step / per_epoch:.3g}",
        help="0 is the network before its first step; with the slider at its end, the page "
        "follows a live run.",
        key=widget,
        persist_state="session",
        on_change=move,
    )
    return step


def _draw(run: Run, step: int) -> None:
    config = run.config
    assert isinstance(config, MNISTConfig)  # noqa: S101 - the list holds runs of mnist only
    moment = _moment(open_store().url, run.id, step)
    classes = view_data.classes(config.dataset, config.data_dir)
    _samples(config, moment, classes)
    rows, called = (
        charts.confusion_rows(moment.confusion, classes),
        view_data.held_out_words(config),
    )
    st.altair_chart(
        charts.confusion_chart(rows, page.ink(), images=called),
        key="mnist.predictions.confusion",
    )
    st.caption("Blue: correct. Red: mistakes; the darker, the more frequent.")
    _proof(run, step, moment, called)
    page.as_code(
        f'import mlcore\n\nrun = mlcore.get_run("{run.id}")\n'
        f'confusion = run.arrays({step})["confusion"]  # row = true class, column = predicted',
        key="mnist.predictions.code",
    )


def _samples(config: MNISTConfig, moment: Moment, classes: tuple[str, ...]) -> None:
    places = tuple(int(place) for place in moment.places)
    part, called = view_data.held_out(config), view_data.held_out_words(config)
    pictures = view_data.images(config.dataset, config.data_dir, part, places)
    truth = view_data.labels(config.dataset, config.data_dir, part, places)
    guesses = moment.probabilities.argmax(axis=1)
    right = sum(classes[guess] == true for guess, true in zip(guesses, truth, strict=True))
    st.markdown(f"**{len(places)} {called} images: {right} right, {len(places) - right} wrong**")
    captions, words = [], []
    for guess, true, row in zip(guesses, truth, moment.probabilities, strict=True):
        said = f"{page.plain(classes[guess])} · {row[guess]:.0%}"
        captions.append(said if classes[guess] == true else f":red[**{said}**]")
        words.append(f"A {true}, predicted as {classes[guess]} with {row[guess]:.0%}")
    st.image(
        [charts.tile(picture) for picture in pictures], caption=captions, width=_TILE, alt=words
    )
    st.caption(
        "Below each image: the most probable class and its probability, in red if it is wrong."
    )


def _proof(run: Run, step: int, moment: Moment, called: str) -> None:
    counted = float(moment.confusion.trace() / moment.confusion.sum())
    recorded = run.metrics([f"{called}_accuracy"])
    value = float(recorded.loc[recorded["step"] == step, "value"].iloc[0])
    st.caption(
        f"Accuracy from the diagonal of this matrix: {counted:.2%}; recorded by the run: "
        f"{value:.2%}. {'They agree.' if abs(counted - value) < 1e-9 else 'They differ!'}"
    )


@st.cache_data(max_entries=128, show_spinner=False)
def _moment(url: str, run_id: str, step: int) -> Moment:
    arrays = open_store(url).get(run_id).arrays(step)
    return Moment(
        arrays["confusion"].numpy(),
        arrays["sample_index"].numpy(),
        arrays["sample_probabilities"].numpy(),
    )
