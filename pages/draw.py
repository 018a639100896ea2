"""Draw: draw a digit, see the networks' predictions, and which pixels they depend on."""

import streamlit as st

from mlcore.ui import page

page.header(
    "Draw a digit", "What does a network see in your digit, and how small a change fools it?"
)

from mlcore.mnist import load
from mlcore.ui.draw import canvas, explanations, networks, predictions, starting_digit

top = st.container(key="draw.top")
left, right = page.columns()
with left:
    place, card = st.container(key="draw.place"), st.container(key="draw.card")
chosen: list[networks.Network] = []  # in case the store does not open
with top, page.sentences():
    chosen = networks.choose_networks(follow_in=card)
with page.sentences():
    digits = chosen[0].digits() if chosen else load("mnist")
    starting_digit.first(digits)
    with place:
        canvas.show()
        starting_digit.controls(digits)
    with right:
        with st.container(key="picture-draw"):
            predictions.show(chosen)
        explanations.show(chosen[0] if chosen else None)

page.explain("How a drawing becomes 28×28 pixels, and what the views show", "draw", key="draw.text")
