"""The components of the page Home."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

_HERE: Final = Path(__file__).parent


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


BALL: Final = st.components.v2.component(
    "mlcore.home_ball", html=_asset("ball.html"), css=_asset("ball.css"), js=_asset("ball.js")
)
PICTURE: Final = st.components.v2.component(
    "mlcore.home_picture",
    html='<svg class="picture" role="img" viewBox="0 0 210 100"></svg>',
    css=_asset("picture.css"),
    js=_asset("picture.js"),
)
