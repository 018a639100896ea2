"""MNIST: data, shapes, training and predictions of a real network."""

import streamlit as st

from mlcore.ui import page

page.header("MNIST", "How does a network learn to read digits, and what does it cost?")

from mlcore.ui.mnist import data, predictions, shapes, train

TABS = {"Data": data, "Shapes": shapes, "Train": train, "Predictions": predictions}

for tab, content in zip(
    st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True
):
    if tab.open:
        with tab, page.sentences():
            content.show()
