"""The browser's parts of this folder: what is drawn and moved without asking the server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from mlcore.ui.common.parts import asset as shared

_HERE: Final = Path(__file__).parent


def asset(name: str) -> str:
    """The text of a file beside this module."""
    return (_HERE / name).read_text(encoding="utf-8")


PAD: Final = st.components.v2.component(
    "mlcore.draw_pad", html=asset("pad.html"), css=asset("pad.css"), js=asset("pad.js")
)
ANSWERS: Final = st.components.v2.component(
    "mlcore.draw_answers",
    html=asset("answers.html"),
    css=asset("answers.css"),
    js=shared("cells.js") + asset("pictures.js") + asset("bars.js") + asset("answers.js"),
)
MAPS: Final = st.components.v2.component(
    "mlcore.draw_maps",
    html=asset("maps.html"),
    css=asset("maps.css"),
    js=shared("cells.js") + asset("pictures.js") + asset("maps.js"),
)
WALK: Final = st.components.v2.component(
    "mlcore.draw_walk",
    html=asset("walk.html"),
    css=asset("answers.css") + asset("walk.css"),
    js=shared("cells.js") + asset("pictures.js") + asset("bars.js") + asset("walk.js"),
)
