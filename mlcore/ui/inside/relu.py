"""The tab *With or without ReLU*: without activations the layers collapse into one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts.tiles import tile_payload
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import Pair, collapse
from mlcore.mnist.insight.linear_collapse import exact_logits
from mlcore.ui import page, trained_models
from mlcore.ui.common.numbers import power
from mlcore.ui.common.torch_threads import one_thread
from mlcore.ui.inside import evaluation, pair, pair_views
from mlcore.ui.inside.tiles_view import tiles_view
from mlcore.ui.mnist import view_data

if TYPE_CHECKING:
    from torch import nn

KEY: Final = "inside.relu"
ARMS: Final = {"without ReLU": "identity", "with ReLU": "relu"}
IDENTITY: Final = 1e-5
"""Largest |Δ logit| at which two networks count as one map."""

_IMAGES: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A network as one affine map, compared with the network on the first test images.

    Attributes:
        images: The map's rows, float64 ``[classes, 28, 28]``.
        difference: max |Δ logit| between the map and the network.
        accuracy: Of the map, 0 to 1.
        of_network: Of the network on the same images.
    """

    images: NDArray[np.float64]
    difference: float
    accuracy: float
    of_network: float


def experiment(lr: float, seeds: tuple[int, ...]) -> Pair:
    """The course's network with ReLU and with identities instead, all else equal."""
    return Pair("activation", ARMS, MNISTConfig(loss="cross_entropy", lr=lr), seeds)


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls, page.sentences():
        lr = pair.rate_control(key=KEY)
        chosen = experiment(lr, pair.seeds_control(key=KEY))
        pair.start_control(chosen, key=KEY)
        page.prose("inside_relu")
    with picture, page.sentences():
        pair_views.same_start_proof(chosen)
        pair.follow(chosen, _draw, key=KEY)
        page.as_code(_script(chosen), key=f"{KEY}.code")


def _draw(shown: pair.Shown) -> None:
    pair_views.recorded_start(shown)
    seed = pair.choose_seed(shown, key=KEY)
    if seed is not None:
        _trained(shown, seed)
    elif not shown.runs:
        st.info(
            "Nothing is trained yet: the button starts both arms of each seed, about a second "
            "each on a quiet machine. Until then you see the networks before their first step:",
            icon=":material/touch_app:",
        )
        exact, wrong = (
            _at_start(shown.pair.config(arm, shown.pair.seeds[0]).to_json()) for arm in shown.arms
        )
        _collapse(shown, exact, wrong)
        _images(shown, [exact], ["Epoch 0"], name="start")
    if shown.runs:
        pair_views.curves(shown, ("error_rate", "loss"), key=KEY)
        pair_views.outcome(shown)


def _trained(shown: pair.Shown, seed: int) -> None:
    linear, bent = (trained_models.latest(shown.runs[arm, seed]) for arm in shown.arms)
    _collapse(shown, _as_map(linear), _as_map(bent))
    moments = trained_models.moments(shown.runs[shown.arms[0], seed]) or [linear]
    _images(
        shown,
        [_as_map(moment) for moment in moments],
        [f"Epoch {moment.epoch:.3g}" for moment in moments],
        name=linear.run_id,
    )


def _collapse(shown: pair.Shown, exact: Map, wrong: Map) -> None:
    without, with_relu = shown.arms
    st.markdown("**All matrices multiplied into one 10 × 784 map**")
    left, right = st.columns(2)
    for column, name, found in ((left, without, exact), (right, with_relu, wrong)):
        column.metric(f"max|Δ logit|, {name}", power(found.difference))
        column.caption(
            f"Accuracy of the map {found.accuracy:.2%}, of the network {found.of_network:.2%}, on "
            f"{_IMAGES:,} test digits."
        )
    holds = exact.difference <= IDENTITY
    fails = wrong.difference > IDENTITY
    st.caption(
        f"{':material/check_circle:' if holds else ':material/warning:'} {without}: the map "
        f"{'is' if holds else '**is not**'} the network (bound {power(IDENTITY)}, float64). "
        f"{with_relu}: it {'is not' if fails else '**is**'}; nothing linear could be."
    )


def _images(shown: pair.Shown, maps: list[Map], moments: list[str], *, name: str) -> None:
    classes = view_data.classes(shown.pair.base.dataset, shown.pair.base.data_dir)
    tiles_view(
        tile_payload(
            [found.images for found in maps],
            moments,
            [f"class {label}" for label in classes],
            name=f"{name}.map",
            title=f"{shown.arms[0]}: each class's weight of every pixel",
            cells="row {row}, column {column}",
        ),
        key=f"{KEY}.map",
    )


@st.cache_data(max_entries=256, show_spinner="Multiplying the matrices…")
@one_thread()
def _as_map(moment: trained_models.Moment) -> Map:
    return _map_of(moment.model(), moment.config)


@st.cache_data(max_entries=32, show_spinner="Multiplying the matrices…")
@one_thread()
def _at_start(config_json: str) -> Map:
    config = MNISTConfig.from_json(config_json)
    return _map_of(config.build_model(), config)


def _map_of(model: nn.Module, config: MNISTConfig) -> Map:
    pictures = view_data.images(config.dataset, config.data_dir, "test", tuple(range(_IMAGES)))
    images = evaluation.normal(config, pictures)
    labels = evaluation.labels(config)[:_IMAGES]
    made = collapse(model)
    logits, outputs = made.logits(images), exact_logits(model, images)
    return Map(
        images=made.images,
        difference=float(np.abs(logits - outputs).max()),
        accuracy=float((logits.argmax(axis=1) == labels).mean()),
        of_network=float((outputs.argmax(axis=1) == labels).mean()),
    )


def _script(chosen: Pair) -> str:
    return (
        pair_views.script(chosen)
        + "\n\nfrom mlcore.mnist import load\n\n"
        + "digits = load()\n"
        + "for who, run in runs.items():\n"
        + "    model = insight.on_pixels(run.model(), digits)\n"
        + "    print(who, insight.collapse(model).difference(model, digits.test_images[:2000]))"
    )
