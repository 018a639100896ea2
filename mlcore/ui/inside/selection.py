"""Shared by the tabs of *Inside*: the run, its epoch, and the inspected digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts import digits as charts
from mlcore.core import MlcoreError
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run
from mlcore.ui import page, run_picker, shared_digit, trained_models
from mlcore.ui.mnist import view_data

_TILE: Final = 64
_SHOWN: Final = 36


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen run with its newest weights."""

    run: Run
    moment: trained_models.Moment

    @property
    def own(self) -> bool:
        """Whether an experiment of one's own trained it."""
        return self.moment.own

    @property
    def config(self) -> MNISTConfig:
        """The config of a run on MNIST and similar data sets."""
        return self.moment.config

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return view_data.classes(self.config.dataset, self.config.data_dir)

    @property
    def images(self) -> str:
        """Which images evaluate its runs: ``test``, or ``validation`` with a split."""
        return view_data.held_out_words(self.config)


def chosen(*, own: bool = False) -> Chosen | None:
    """Choose a run; None, with a note, if there is none or it has no weights yet.

    Args:
        own: Whether the tab can show a network of one's own; else that is a note as well.
    """
    run = run_picker.choose_run(key="inside")
    if run is None:
        return None
    try:
        moment = trained_models.latest(run)
        moment.model()
    except MlcoreError as problem:
        page.error(problem)
        return None
    if moment.own and not own:
        st.info(
            "This view needs labelled images that the network has not seen, or layers that follow "
            "one another, and an experiment of your own names neither. Choose a run of MNIST, or "
            "the tab *Matrices*."
        )
        return None
    return Chosen(run, moment)


def caption_of(picked: Chosen) -> None:
    """Show the run and the epoch that the tab is about."""
    live = ", still training" if picked.run.status.moving else ""
    st.caption(f"Run `{picked.run.id}`, {picked.moment.words}{live}.")


@dataclass(frozen=True, slots=True, eq=False)
class Digit:
    """The inspected digit: pixels uint8 ``[28, 28]``, and its description."""

    pixels: NDArray[np.uint8]
    words: str


def choose_digit(config: MNISTConfig, *, key: str) -> Digit:
    """A held-out image of a chosen class, or the digit on the canvas of *Draw*."""
    own = shared_digit.current()
    classes = view_data.classes(config.dataset, config.data_dir)
    part, called = view_data.held_out(config), view_data.held_out_words(config)
    names = [*classes, *(["Draw"] if own is not None else [])]
    name = st.selectbox(
        "Digit" if config.dataset == "mnist" else "Image",
        range(len(names)),
        index=min(7, len(names) - 1),
        format_func=lambda place: (
            names[place]
            if place < len(classes)
            else f"From the page Draw: {own.words if own else ''}"
        ),
        help=f"A {called} image, or the drawing on the page Draw.",
        key=f"{key}.digit",
    )
    if own is not None and name == len(classes):
        digit = Digit(own.pixels, own.words)
    else:
        places = view_data.of_class(config.dataset, config.data_dir, part, name)
        number = 0
        if len(places) > 1:
            number = st.slider("Its number", 0, min(99, len(places) - 1), 0, key=f"{key}.number")
        if not len(places):
            digit = Digit(np.zeros((28, 28), np.uint8), "an empty image")
        else:
            place = int(places[number])
            pixels = view_data.images(config.dataset, config.data_dir, part, (place,))[0]
            digit = Digit(pixels, f"{called} image no. {place:,}, a {classes[name]}")
    st.image(
        charts.tile(digit.pixels, zoom=4),
        width=120,
        caption=page.plain(digit.words),
        alt=digit.words,
    )
    return digit


def gallery(
    config: MNISTConfig,
    places: NDArray[np.int64],
    captions: list[str],
    words: list[str],
) -> None:
    """Held-out images as captioned tiles; only the first ones of many."""
    few = tuple(int(place) for place in places[:_SHOWN])
    if not few:
        return
    pictures = view_data.images(config.dataset, config.data_dir, view_data.held_out(config), few)
    st.image(
        [charts.tile(picture) for picture in pictures],
        caption=captions[: len(few)],
        width=_TILE,
        alt=words[: len(few)],
    )
    if len(places) > len(few):
        st.caption(f"The first {len(few)} of {len(places):,}.")


def held_in_code(config: MNISTConfig) -> tuple[str, str, str, str]:
    """Python for the held-out images: the import, the line that reads them, images, labels."""
    if not config.sealed():
        return "", "", "digits.test_images", "digits.test_labels"
    return "held_out, ", "held = held_out(run.config, digits)\n", "held.images", "held.labels"
