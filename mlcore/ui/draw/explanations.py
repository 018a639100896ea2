"""What a network sees in the digit: important pixels, layers, neighbours, and what fools it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from mlcore.charts.digit_scenes import Group, Tile, flat_tile, maps_scene, walk_scene
from mlcore.mnist.insight.neighbours import Metric
from mlcore.ui import page, shared_digit
from mlcore.ui.common.torch_threads import one_thread
from mlcore.ui.draw import canvas, pixel_view, script
from mlcore.ui.draw.agreement import agreement
from mlcore.ui.draw.assets import MAPS, WALK
from mlcore.ui.draw.networks import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcore.ui.shared_digit import SharedDigit

_NEIGHBOURS: Final = 12
_METRICS: Final[tuple[Metric, ...]] = ("euclidean", "cosine")
_PLAIN: Final = ("Flatten", "Unflatten", "Dropout", "Identity")
"""Layers that at rest hand on the numbers they get."""


@st.fragment(key=canvas.VIEWS_PART)
def show(network: Network | None) -> None:
    """Draw the tabs; only the open one is computed. Nothing while there is no network."""
    if network is None:
        return
    digit = shared_digit.current()
    views: dict[str, Callable[[Network, SharedDigit], None]] = {
        "Pixels": pixel_view.show,
        "Layers": layers,
        "Neighbours": neighbours,
        "Fool it": fool,
        "As Python": script.show,
    }
    st.markdown(f"**What the network sees**: {page.plain(network.name)}, {network.moment.words}")
    tabs = st.tabs(list(views), key="tab", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                if digit is None:
                    st.caption("Draw a digit to see what the network sees in it.")
                else:
                    with page.sentences(), one_thread():
                        view(network, digit)


def layers(network: Network, digit: SharedDigit) -> None:
    """The outputs of every layer."""
    from mlcore.mnist.insight import activations

    found = activations(network.model(), digit.pixels)
    seen = [one for one in found if one.kind not in _PLAIN and one.values.ndim <= 3]
    groups = []
    for one in seen:
        shape = " × ".join(map(str, one.values.shape))
        title = f"{one.name}: {one.kind}, {shape}"
        if one.values.ndim == 1:
            groups.append(Group(title, [flat_tile(one.values)], cell=12))
        elif one.values.ndim == 2:
            groups.append(Group(title, [Tile(one.values)], cell=4))
        else:
            cell = max(2, round(56 / one.values.shape[-1]))
            groups.append(Group(title, [Tile(channel) for channel in one.values], cell=cell))
    MAPS(key="draw.layers", data=maps_scene(groups, hint="Hover a cell to see its number."))
    outputs = network.says(digit.pixels).outputs
    if network.own and (not seen or seen[-1].values.shape != outputs.shape):
        return  # what it returns is computed outside of its layers
    gap = float(np.abs(seen[-1].values - outputs).max())
    agreement(
        f"The last layer's {len(outputs)} numbers, recorded by its hook, and the outputs above",
        gap / max(float(np.abs(outputs).max()), 1e-12),
        1e-5,
    )


def neighbours(network: Network, digit: SharedDigit) -> None:
    """The training images nearest in the last hidden layer."""
    from mlcore.mnist.insight import features, nearest

    if network.own:
        st.info(
            "This view compares the last hidden layer for all training images, which an "
            "experiment of your own does not name: choose a run of MNIST above."
        )
        return
    metric: Metric = st.segmented_control(
        "Distance",
        _METRICS,
        default="euclidean",
        required=True,
        format_func=str.capitalize,
        help="Euclidean: √Σ(a − b)². Cosine: 1 − a·b / (|a||b|), independent of length.",
        key="draw.metric",
    )
    gallery = network.gallery()
    query = features(network.model(), digit.pixels)[0]
    found = nearest(gallery, query, _NEIGHBOURS, metric)
    data = network.digits()
    labels = data.train_labels[found.places].tolist()
    tiles = [
        Tile(data.train_images[place].numpy(), f"{network.classes[label]}\n{distance:.3g}")
        for place, label, distance in zip(found.places, labels, found.distances, strict=True)
    ]
    title = f"The {len(tiles)} nearest of {len(gallery):,} training images"
    note = f"Below each image: its class, and its distance in {gallery.shape[1]} units."
    MAPS(
        key="draw.neighbours",
        data=maps_scene([Group(title, tiles, note, 3)], hint="Hover a pixel to see its number."),
    )
    said = network.says(digit.pixels).label
    st.caption(
        f"{labels.count(said)} of {len(labels)} are of class {network.classes[said]}, the "
        "network's prediction."
    )
    brute = _brute_force(gallery.numpy(), query.numpy(), metric)
    agreement(
        f"The {len(tiles)} smallest of all {len(gallery):,} distances, computed again by NumPy in "
        "float64",
        float(np.abs(np.sort(brute)[: len(tiles)] - found.distances).max()),
        1e-6,
    )


def fool(network: Network, digit: SharedDigit) -> None:
    """A slider along the sign of the gradient, until the prediction changes and beyond."""
    import torch

    from mlcore.mnist.insight import walk

    found = walk(network.model(), digit.pixels)
    chances = network.probabilities(torch.from_numpy(found.outputs)).numpy()
    name = network.classes[found.label]
    if found.flips_at is None:
        words = (
            f"No step up to {len(found.outputs) - 1} grey levels changes the prediction {name} in "
            "this direction."
        )
    else:
        words = (
            f"The smallest step that changes the prediction is ε = {found.flips_at} of 255 grey "
            f"levels ({found.epsilon:.3f}): then {name} is read as "
            f"{network.classes[found.answers[found.flips_at]]}."
        )
    scene = walk_scene(
        start=found.start,
        direction=found.direction,
        outputs=found.outputs,
        probabilities=chances,
        flips_at=found.flips_at,
        classes=network.classes,
        colour=network.colour,
        words=words,
        name=f"{network.moment} {digit.name}",
    )
    WALK(key="draw.walk", data=scene)


def _brute_force(
    gallery: NDArray[np.float32], query: NDArray[np.float32], metric: str
) -> NDArray[np.float64]:
    rows, point = gallery.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        distances: NDArray[np.float64] = np.sqrt(((rows - point) ** 2).sum(axis=1))
        return distances
    norms = np.sqrt((rows**2).sum(axis=1) * (point**2).sum())
    cosine: NDArray[np.float64] = np.divide(
        rows @ point, norms, out=np.zeros(len(rows)), where=norms > 0
    )
    return 1 - cosine
