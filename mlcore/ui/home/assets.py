"""The components of the page Home."""

from __future__ import annotations

from typing import Final

from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

BALL: Final = component(
    "mlcore.home_ball",
    html=asset("home/ball.html"),
    css=asset("home/ball.css"),
    js=asset("home/ball.js"),
)
PICTURE: Final = component(
    "mlcore.home_picture",
    html='<svg class="picture" role="img" viewBox="0 0 210 100"></svg>',
    css=asset("home/picture.css"),
    js=asset("home/picture.js"),
)
