"""Controls and words that all charts of training curves share."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.charts.training_curves import Axis
from mlcore.ui.live_curves import POINTS

_AXES: Final[dict[Axis, str]] = {"step": "Steps", "time": "Seconds"}

THINNED: Final = (
    f"Curves are downsampled to about {POINTS} points; a band spans the lowest and the highest "
    "value at each of them."
)


def curve_options(*, key: str, smooths: str) -> tuple[float, Axis]:
    """A popover with the smoothing of curves and what they are drawn over.

    Args:
        key: Prefix of all keys.
        smooths: What smoothing does, for its help.

    Returns:
        The weight of earlier points, and the horizontal axis.
    """
    with st.popover("Options", key=f"{key}.more"):
        smoothing = st.slider(
            "Smoothing", 0.0, 0.95, 0.0, 0.05, help=smooths, key=f"{key}.smoothing"
        )
        axis = st.segmented_control(
            "Over",
            list(_AXES),
            default="step",
            required=True,
            format_func=_AXES.__getitem__,
            key=f"{key}.axis",
        )
    return smoothing, axis
