"""The networks of the page: one that is inspected, and others to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.core import MlcoreError, RunStateError
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status
from mlcore.ui import page, run_parts, run_picker, trained_models
from mlcore.ui.common.torch_threads import one_thread
from mlcore.ui.draw.canvas import FOLLOWING
from mlcore.ui.widget_state import changed_by_user, set_widget

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from mlcore.mnist import Digits
    from mlcore.mnist.insight import Answer, OnPixels, OwnNetwork

MOST: Final = 4
"""Maximum number of networks that predict side by side."""
_BESIDE: Final = "beside"
_RULES: Final = {
    "cross_entropy": "Probability: the softmax of the outputs.",
    "mse": "Probability: the outputs, changed as little as possible so that they are a "
    "probability distribution.",
}
_OWN_RULE: Final = "Probability: the softmax of the outputs, unless they are probabilities already."
_GALLERY_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Network:
    """A run's network with its newest weights.

    Attributes:
        moment: Whose weights.
        name: What the run is called.
        colour: Its hue on this page.
    """

    moment: trained_models.Moment
    name: str
    colour: str

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
        """Names of its classes."""
        return _own(self.moment).classes if self.own else self.digits().classes

    @property
    def rule(self) -> str:
        """How its outputs become probabilities, in words."""
        return _OWN_RULE if self.own else _RULES[self.config.loss]

    def digits(self) -> Digits:
        """Its training data; MNIST for an experiment of one's own."""
        from mlcore.mnist import load

        if self.own:
            return load("mnist")
        return load(self.config.dataset, self.config.data_dir)

    def model(self) -> OnPixels:
        """The network over pixels from 0 to 1, shared by all tabs: do not change it."""
        return _own(self.moment) if self.own else _on_pixels(self.moment)

    @one_thread()
    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities of the classes from outputs, ``[N, classes]`` both."""
        from mlcore.mnist.losses import probabilities

        if self.own:
            return _own(self.moment).probabilities(outputs)
        return probabilities(self.config, outputs)

    @one_thread()
    def says(self, pixels: NDArray[np.uint8]) -> Answer:
        """Its prediction for one image."""
        from mlcore.mnist.insight import answer

        if self.own:
            return _own(self.moment).answer(pixels)
        return answer(self.config, self.model(), pixels)

    def gallery(self) -> torch.Tensor:
        """Last hidden layer of its training images, ``[N, units]``; see ``gallery_size``."""
        return _gallery(self.moment)


def gallery_size(images: int, units: int) -> int:
    """Number of training images to compare: all, unless their features take over 256 MiB."""
    return min(images, _GALLERY_BYTES // (4 * units))


def choose_networks(*, follow_in: DeltaGenerator) -> list[Network]:
    """Two lists: the run to inspect, and runs to compare with.

    Args:
        follow_in: A container for the card of a run that still learns.

    Returns:
        Their networks, the first the one to look into; empty where there is no run.
    """
    left, right = page.columns(follow=False)
    with left:
        run = run_picker.choose_run(key="draw", follow_in=follow_in)
    st.session_state[FOLLOWING] = run is not None and run.status.moving
    if run is None:
        return []
    with right:
        others = _choose_beside(run)
    runs = [run, *others]
    colours, labels = run_parts.colours_of(runs), run_parts.labels_of(runs)
    networks = [
        Network(trained_models.latest(one), labels[one.id], colours[one.id]) for one in runs
    ]
    return [n for n, one in zip(networks, runs, strict=True) if _has_weights(n, one)]


def _has_weights(network: Network, run: Run) -> bool:
    """Whether the network has weights; if not, show why."""
    try:
        network.model()
    except RunStateError as problem:
        if run.status.moving:
            st.info(f"The initial weights of **{page.plain(network.name)}** are on their way.")
        else:
            page.error(problem)
    except MlcoreError as problem:
        page.error(problem)
    else:
        return True
    return False


def _choose_beside(main: Run) -> list[Run]:
    known = {run.id: run for run in run_picker.offered_runs() if run.id != main.id}
    ids = [run_id for run_id in _wanted(main, list(known.values())) if run_id in known]
    widget = set_widget("draw.beside", ids)

    def choose() -> None:
        if changed_by_user(widget):
            _remember(st.session_state[widget])

    names = {run.id: f"{run_parts.name_of(run)} · {run.id}" for run in known.values()}
    st.multiselect(
        "Compare with",
        list(known),
        format_func=lambda run_id: names.get(run_id, run_id),
        max_selections=MOST - 1,
        placeholder="Choose runs to predict side by side",
        key=widget,
        persist_state="session",
        on_change=choose,
    )
    return [known[run_id] for run_id in ids]


def _wanted(main: Run, others: Sequence[Run]) -> list[str]:
    """The runs named by the URL or the session, else a finished run of another kind of network."""
    if _BESIDE in st.query_params:
        return [run_id for run_id in st.query_params[_BESIDE].split(",") if run_id]
    kept: list[str] | None = st.session_state.get(_BESIDE)
    if kept is not None:
        return kept
    for same_kind in (False, True):
        for run in others:
            alike = run.config_fields.get("model") == main.config_fields.get("model")
            same_data = run.config_fields.get("dataset") == main.config_fields.get("dataset")
            if run.status == Status.FINISHED and same_data and alike == same_kind:
                return [run.id]
    return []


def _remember(ids: list[str]) -> None:
    st.session_state[_BESIDE] = ids
    st.query_params[_BESIDE] = ",".join(ids)


@st.cache_resource(max_entries=64, show_spinner=False)
def _own(moment: trained_models.Moment) -> OwnNetwork:
    from mlcore.mnist.insight import own_network

    return own_network(moment.own_config, moment.model())


@st.cache_resource(max_entries=64, show_spinner=False)
def _on_pixels(moment: trained_models.Moment) -> OnPixels:
    from mlcore.mnist import load
    from mlcore.mnist.insight import on_pixels

    config = moment.config
    return on_pixels(moment.model(), load(config.dataset, config.data_dir))


@st.cache_resource(max_entries=4, show_spinner="Computing the features of all training images…")
@one_thread()
def _gallery(moment: trained_models.Moment) -> torch.Tensor:
    from mlcore.mnist import load
    from mlcore.mnist.insight import features

    config = moment.config
    images = load(config.dataset, config.data_dir).train_images
    model = _on_pixels(moment)
    units = features(model, images[:1]).shape[1]
    return features(model, images[: gallery_size(len(images), units)])
