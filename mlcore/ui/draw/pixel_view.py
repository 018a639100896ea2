"""Which pixels matter for a class: gradient, integrated gradients and occlusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from mlcore.charts.digit_scenes import Group, Tile, maps_scene
from mlcore.ui.draw.agreement import agreement, number
from mlcore.ui.draw.assets import MAPS
from mlcore.ui.draw.networks import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcore.ui.shared_digit import SharedDigit

_THE_ANSWER: Final = "its prediction"
_CELL: Final = 8
_TRIED: Final = 40
"""Steepest pixels among which one without a kink is looked for."""
_EXACT: Final = 1e-3
"""Relative difference below which two ways to one slope agree."""


def show(network: Network, digit: SharedDigit) -> None:
    """Gradient, integrated gradients and occlusion of one class's output."""
    from mlcore.mnist.insight import difference_quotients, integrated_gradients, occlusion, saliency

    label = _class(network)
    model = network.model()
    slope = saliency(model, digit.pixels, label)
    parts = integrated_gradients(model, digit.pixels, slope.label)
    patch = occlusion(model, digit.pixels, slope.label)
    name = network.classes[slope.label]
    groups = [
        Group(
            "Gradient",
            [_tile(slope.gradient)],
            f"∂(output {name})/∂pixel: where more ink raises the output (blue) or lowers it "
            "(orange).",
            _CELL,
            overlay=True,
            across=3,
        ),
        Group(
            "Integrated gradients",
            [_tile(parts.values)],
            "What each pixel adds on the way from a black image to this one.",
            _CELL,
            overlay=True,
            across=3,
        ),
        Group(
            "Occlusion",
            [_tile(patch.drop)],
            f"How much the output falls when {patch.size}×{patch.size} pixels around a place are "
            "covered.",
            _CELL,
            overlay=True,
            across=3,
        ),
    ]
    hint = f"Output of class {name}: {number(slope.score)}. Hover a pixel to see its number."
    MAPS(key="draw.pixels", data=maps_scene(groups, hint=hint, under=digit.pixels))
    order = np.argsort(-np.abs(slope.gradient), axis=None)[:_TRIED]
    places = [divmod(int(place), slope.gradient.shape[1]) for place in order]
    sides = difference_quotients(model, digit.pixels, slope.label, places)
    _same_slope(slope.gradient, places, sides)
    agreement(
        f"Completeness: the pixels' parts sum to {number(parts.total)}; output "
        f"{number(parts.score)} minus that of a black image {number(parts.baseline_score)} is "
        f"{number(parts.gain)} ({parts.steps} parts of the path)",
        parts.error,
        0.01,
    )


def _same_slope(
    gradient: NDArray[np.float64], places: list[tuple[int, int]], sides: NDArray[np.float64]
) -> None:
    """Check the steepest pixel that is no kink against a difference quotient."""
    for (row, column), (left, right) in zip(places, sides, strict=True):
        if abs(left - right) <= _EXACT * abs(left + right):
            by_autograd, by_hand = float(gradient[row, column]), float(left + right) / 2
            agreement(
                f"Steepest pixel (row {row}, column {column}): autograd {number(by_autograd)}, "
                f"difference quotient {number(by_hand)}",
                abs(by_autograd - by_hand) / max(abs(by_autograd), 1e-12),
                _EXACT,
            )
            return
    st.caption("Every steep pixel lies on a kink here: the slopes on its two sides differ.")


def _class(network: Network) -> int | None:
    """Choose the class; None for the predicted one."""
    chosen = st.selectbox(
        "Output of class",
        [_THE_ANSWER, *network.classes],
        help="Also try a class that the network did not predict: what speaks against it?",
        width=200,
        key="draw.label",
    )
    return None if chosen == _THE_ANSWER else network.classes.index(chosen)


def _tile(values: NDArray[np.float64]) -> Tile:
    return Tile(values.astype(np.float32))
