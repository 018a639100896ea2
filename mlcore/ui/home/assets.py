"""The components of the page Home."""

from __future__ import annotations

from typing import Final

import streamlit as st

from mlcore.ui.common.assets import asset

BALL: Final = st.components.v2.component(
    "mlcore.home_ball",
    html=asset("home/ball.html"),
    css=asset("home/ball.css"),
    js=asset("home/ball.js"),
)
PICTURE: Final = st.components.v2.component(
    "mlcore.home_picture",
    html='<svg class="picture" role="img" viewBox="0 0 210 100"></svg>',
    css=asset("home/picture.css"),
    js=asset("home/picture.js"),
)
