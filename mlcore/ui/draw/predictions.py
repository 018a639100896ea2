"""The networks' predictions for the digit on the sheet, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mlcore.charts.digit_scenes import Panel, answers_scene
from mlcore.course.draw import State
from mlcore.ui import page, shared_digit, tasks
from mlcore.ui.draw import canvas
from mlcore.ui.draw.assets import ANSWERS
from mlcore.ui.draw.networks import Network

if TYPE_CHECKING:
    from mlcore.ui.shared_digit import SharedDigit


@st.fragment(key=canvas.ANSWERS_PART)
def show(networks: Sequence[Network]) -> None:
    """Draw the pixels and one panel per network."""
    digit = shared_digit.current()
    with page.sentences():
        ANSWERS(
            key="draw.answers",
            data=answers_scene(
                None if digit is None else digit.pixels,
                "An empty sheet" if digit is None else digit.words[:1].upper() + digit.words[1:],
                [_panel(network, digit) for network in networks],
                canvas.sheet().seen,
            ),
        )
        tasks.look("draw", _state(networks, digit))


def _state(networks: Sequence[Network], digit: SharedDigit | None) -> State:
    if digit is None or not digit.own:
        return State(False, ())
    answers = [(network.classes, network.says(digit.pixels)) for network in networks]
    return State(
        True,
        [(classes[one.label], float(one.probabilities[one.label])) for classes, one in answers],
    )


def _panel(network: Network, digit: SharedDigit | None) -> Panel:
    said = None if digit is None else network.says(digit.pixels)
    return Panel(
        network.moment.run_id,
        network.name,
        network.colour,
        network.classes,
        network.rule,
        None if said is None else said.outputs,
        None if said is None else said.probabilities,
    )
