"""Draw: a digit of one's own, what networks say of it, and what one of them sees in it."""

import streamlit as st

from mlcore.ui import page

page.header("Draw a digit", "What does a network make of your own hand, and how little fools it?")

from mlcore.ui.draw import answers, networks, sees, sheet, starts  # noqa: E402 - first paint, then load

with page.sentences():
    chosen = networks.choose_networks()


@st.fragment(key="draw.page")
def draw() -> None:
    """Sheet and answers: a stroke reruns no more than this."""
    starts.first(chosen[0])
    left, right = page.columns()
    with left:
        sheet.show()
        starts.controls(chosen[0])
    with right, page.sentences():
        answers.show(chosen)
        sees.show(chosen[0])


if chosen:
    draw()
page.explain("How a drawing becomes 28×28 pixels, and what the views show", "draw", key="draw.text")
