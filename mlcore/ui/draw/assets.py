"""The browser components of this folder."""

from __future__ import annotations

from typing import Final

from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

PAD: Final = component(
    "mlcore.draw_pad",
    html=asset("draw/pad.html"),
    css=asset("draw/pad.css"),
    js=asset("draw/pad.js"),
)
ANSWERS: Final = component(
    "mlcore.draw_answers",
    html=asset("draw/answers.html"),
    css=asset("draw/answers.css"),
    js=asset("common/cells.js")
    + asset("draw/pictures.js")
    + asset("draw/bars.js")
    + asset("draw/answers.js"),
)
MAPS: Final = component(
    "mlcore.draw_maps",
    html=asset("draw/maps.html"),
    css=asset("draw/maps.css"),
    js=asset("common/cells.js") + asset("draw/pictures.js") + asset("draw/maps.js"),
)
WALK: Final = component(
    "mlcore.draw_walk",
    html=asset("draw/walk.html"),
    css=asset("draw/answers.css") + asset("draw/walk.css"),
    js=asset("common/cells.js")
    + asset("draw/pictures.js")
    + asset("draw/bars.js")
    + asset("draw/walk.js"),
)
