"""The picture of matrices whose slider over the epochs moves in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import streamlit as st

_FOLDER: Final = Path(__file__).parent


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_component = st.components.v2.component(
    "mlcore_inside_tiles", html=_asset("tiles.html"), css=_asset("tiles.css"), js=_asset("tiles.js")
)


def tiles_view(payload: Mapping[str, Any], *, key: str) -> None:
    """Draw a payload of ``mlcore.charts.tiles``; all its moments are sent at once."""
    _component(key=key, data=dict(payload))
