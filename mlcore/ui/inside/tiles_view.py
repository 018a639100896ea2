"""Matrices as images, with a slider over the epochs that runs in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

_component = component(
    "mlcore_inside_tiles",
    html=asset("inside/tiles.html"),
    css=asset("inside/tiles.css"),
    js=asset("inside/tiles.js"),
)


def tiles_view(payload: Mapping[str, Any], *, key: str) -> None:
    """Draw a payload of ``mlcore.charts.tiles``; all its epochs are sent at once."""
    _component(key=key, data=dict(payload))
