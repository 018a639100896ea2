"""The tab *Matrices*: weights and feature maps, over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts.inside import history_spec
from mlcore.charts.tiles import tile_payload
from mlcore.course.inside import State
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import (
    Matrix,
    feature_maps,
    matrices,
    output_maps,
    own_network,
    weight_history,
    weight_tiles,
)
from mlcore.ui import page, shared_digit, tasks, trained_models
from mlcore.ui.common.elements import chart
from mlcore.ui.inside import evaluation, selection
from mlcore.ui.inside.tiles_view import tiles_view

MOMENTS: Final = 24
"""Moments that are sent to the browser; of more, so many are spread evenly."""

_TILES: Final = 64
_KERNELS: Final = 512
_ROWS, _COLUMNS = 256, 1024
_LEARNED, _WEIGHTS, _MAPS = "Learned", "Weights", "Feature maps"


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        chosen = selection.chosen(own=True)
        if chosen is None:
            return
        what = st.segmented_control(
            "Show",
            [_WEIGHTS, _MAPS] if chosen.own else [_LEARNED, _WEIGHTS, _MAPS],
            default=_WEIGHTS if chosen.own else _LEARNED,
            required=True,
            help="W − W₀: the weights minus their random start; the weights themselves; or a "
            "layer's output for one digit.",
            key=f"inside.matrices.what{'.own' if chosen.own else ''}",
        )
        moments = _spread(trained_models.moments(chosen.run) or [chosen.moment])
        digit = (
            selection.choose_digit(
                MNISTConfig() if chosen.own else chosen.config, key="inside.matrices"
            )
            if what == _MAPS
            else None
        )
        found = _matrices(moments[-1]) if digit is None else _maps(moments[-1], digit.pixels)
        if not found:
            st.info("No layer of this network has a weight or an output that can be drawn.")
            return
        names = {f"{m.name} · {' × '.join(map(str, m.shape))}": m for m in found}
        name = st.selectbox("Layer", list(names), key=f"inside.matrices.layer.{what}")
        places = _choose_tiles(names[name], _first(moments, names[name].name, what))
        page.prose("inside_own_matrices" if chosen.own else "inside_matrices")
    with picture, page.sentences():
        layer = names[name].name
        at_each = [
            _matrices(moment) if digit is None else _maps(moment, digit.pixels)
            for moment in moments
        ]
        mine = [next(m for m in found if m.name == layer) for found in at_each]
        first = _first(moments, layer, what)
        tiles_view(_payload(moments, mine, first, places, digit), key="inside.matrices.tiles")
        if digit is None:
            _history(chosen, moments)
            _proof(chosen, moments)
        page.as_code(_script(chosen, digit is not None), key="inside.matrices.code")
        own = digit is not None and any(
            digit.pixels is one.pixels for one in shared_digit.own_digits()
        )
        tasks.look("inside", State(own_maps=own))


def _spread(moments: Sequence[trained_models.Moment]) -> list[trained_models.Moment]:
    if len(moments) <= MOMENTS:
        return list(moments)
    places = np.unique(np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int))
    return [moments[place] for place in places]


def _first(
    moments: Sequence[trained_models.Moment], layer: str, what: str
) -> NDArray[np.float32] | None:
    """The tiles at the start if the change since then is shown, else None."""
    if what != _LEARNED or len(moments) < 2:
        return None
    return next(m.tiles for m in _matrices(moments[0]) if m.name == layer)


def _choose_tiles(matrix: Matrix, first: NDArray[np.float32] | None) -> NDArray[np.int64]:
    """Which tiles to draw: all, the strongest, or a part of them in order."""
    shown = matrix.tiles if first is None else matrix.tiles - first
    count, height, width = matrix.tiles.shape
    most = _KERNELS if height * width <= 64 else _TILES
    if count <= most:
        return np.arange(count)
    strongest = st.toggle(
        "Strongest first",
        value=True,
        help="By the norm of a tile's numbers at the last epoch; else in the layer's order.",
        key="inside.matrices.strongest",
    )
    order = np.arange(count)
    if strongest:
        order = np.argsort(-np.linalg.norm(shown.reshape(count, -1), axis=1), kind="stable")
    parts_of_it = [f"{at + 1}–{min(at + most, count)}" for at in range(0, count, most)]
    part = st.select_slider(
        f"Which of the {count}", parts_of_it, key=f"inside.matrices.part.{matrix.name}.{count}"
    )
    at = parts_of_it.index(part) * most
    return order[at : at + most]


def _payload(
    moments: Sequence[trained_models.Moment],
    mine: Sequence[Matrix],
    first: NDArray[np.float32] | None,
    places: NDArray[np.int64],
    digit: selection.Digit | None,
) -> dict[str, Any]:
    last = mine[-1]
    start = np.float32(0) if first is None else first
    frames = [(m.tiles - start)[places][:, :_ROWS, :_COLUMNS] for m in mine]
    cells = "row {row}, column {column}"
    if digit is None and last.tiles.shape[0] == 1:
        cells = "unit {row}, input {column}"
    elif digit is not None and last.tiles.shape[1] == 1:
        cells = "unit {column}"
    return tile_payload(
        frames,
        [moment.label for moment in moments],
        [last.labels[place] for place in places],
        name=f"{moments[-1].run_id}.{last.name}.{digit is None}.{first is None}",
        title=_title(last, len(places), digit, learned=first is not None),
        cells=cells,
        group=last.shape[1] if digit is None and len(last.shape) == 4 else 1,
    )


def _title(matrix: Matrix, shown: int, digit: selection.Digit | None, *, learned: bool) -> str:
    count, height, width = matrix.tiles.shape
    if count == 1:
        what = f"{height} × {width}" if height > 1 else f"{width} numbers"
    else:
        what = f"{count} tiles of {height} × {width}"
        what += f", {shown} of them here" if shown < count else ""
    if digit is not None:
        return f"{matrix.name}, {what} for {digit.words}"
    return f"{matrix.name}{', W − W₀' if learned else ''}, {what}: {matrix.meaning}"


def _history(chosen: selection.Chosen, moments: Sequence[trained_models.Moment]) -> None:
    if chosen.own:
        st.caption("Of an experiment of your own, the newest weights are shown.")
        return
    if len(moments) < 2:
        st.caption(
            "So far there are only the initial weights; a slider appears after the first epoch."
            if trained_models.snapshot_steps(chosen.run)
            else "This run saved only its final weights, as runs of older versions and very large "
            "networks do. Train it again to see its weights form."
        )
        return
    rows = _weight_history(tuple(moments))
    layers = tuple(dict.fromkeys(rows["layer"]))
    chart(history_spec(layers), rows, key="inside.matrices.history")


def _proof(chosen: selection.Chosen, moments: Sequence[trained_models.Moment]) -> None:
    if chosen.own or chosen.run.status.moving or chosen.moment.step != moments[-1].step:
        return
    gap = _largest_gap(moments[-1], chosen.moment)
    st.caption(
        f"The last epoch's weights against the run's final file: max|Δ| = {gap:g}. "
        f"{'They agree.' if gap == 0 else 'They differ!'}"
    )


def _matrices(moment: trained_models.Moment) -> tuple[Matrix, ...]:
    if moment.own:
        return _own_weights(moment)
    return matrices(moment.model())


@st.cache_resource(max_entries=4, show_spinner=False)
def _own_weights(moment: trained_models.Moment) -> tuple[Matrix, ...]:
    return weight_tiles(moment.model(), moment.own_config.example_input())


def _maps(moment: trained_models.Moment, pixels: NDArray[np.uint8]) -> tuple[Matrix, ...]:
    if moment.own:
        return output_maps(own_network(moment.own_config, moment.model()), pixels)
    return feature_maps(moment.model(), evaluation.normal(moment.config, pixels[None])[0])


@st.cache_data(max_entries=64, show_spinner=False)
def _weight_history(moments: tuple[trained_models.Moment, ...]) -> pd.DataFrame:
    return weight_history((moment.epoch, moment.model()) for moment in moments)


@st.cache_data(max_entries=64, show_spinner=False)
def _largest_gap(one: trained_models.Moment, other: trained_models.Moment) -> float:
    first, second = one.model().state_dict(), other.model().state_dict()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def _script(chosen: selection.Chosen, maps: bool) -> str:
    run = chosen.run.id
    if chosen.own:
        show = (
            "network = insight.own_network(run.config, run.model())\n"
            'image = load("mnist").test_images[0]\n'
            "for layer in insight.output_maps(network, image):\n"
            if maps
            else "for layer in insight.weight_tiles(run.model(), run.config.example_input()):\n"
        )
        return (
            f"import mlcore\nfrom mlcore.mnist import insight{', load' if maps else ''}\n\n"
            f'run = mlcore.get_run("{run}")\n{show}'
            "    print(layer.name, layer.tiles.shape)"
        )
    if maps:
        return (
            "import mlcore\n"
            "from mlcore.mnist import insight, load\n\n"
            f'digits, run = load("{chosen.config.dataset}"), mlcore.get_run("{run}")\n'
            "model = insight.on_pixels(run.model(), digits)\n"
            "for layer in insight.feature_maps(model, digits.test_images[0]):\n"
            "    print(layer.name, layer.tiles.shape)"
        )
    return (
        "import mlcore\n"
        "from mlcore.mnist import insight, load_weights\n\n"
        f'run = mlcore.get_run("{run}")\n'
        "for step in run.array_steps():  # the weights after each epoch\n"
        "    model = load_weights(run.config, mlcore.Snapshot(run.arrays(step)))\n"
        "    print(step, [(layer.name, layer.tiles.shape) for layer in insight.matrices(model)])"
    )
