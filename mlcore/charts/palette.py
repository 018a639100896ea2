"""The one palette: every colour on every page is named here, and means the same everywhere.

Each colour stands out from the light background and the dark one (contrast of 3 or more, the
bound of WCAG 2.1 for graphics), so that a chart needs no second set for the other theme.
"""

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

VALUE: Final = "#2a7fd4"
"""Values: numbers of the forward pass, parameters, data."""
GRADIENT: Final = "#d4721a"
"""Gradients: what the backward pass gives, and steps taken along it."""
THEORY: Final = "#7d8590"
"""Theory and closed forms; drawn with ``THEORY_DASH``."""
GOOD: Final = "#6b9157"
"""Agreement: two ways gave the same number, a prediction is right."""
BAD: Final = "#bf2524"
"""Disagreement, divergence, a wrong prediction."""
MUTED: Final = THEORY
"""What is there for orientation only: zero lines, frames, raw points behind a smoothed curve."""

THEORY_DASH: Final = (6, 4)
"""Length of dash and of gap in pixels."""
TEST_OPACITY: Final = 1.0
TRAIN_OPACITY: Final = 0.45
RAW_OPACITY: Final = 0.18

SEQUENTIAL: Final = ("#dbe9f8", "#a9cbee", "#6ba5e0", VALUE, "#1f62a6", "#164878", "#0d2f50")
"""Small to large, light to dark: counts, probabilities, densities."""
DIVERGING: Final = ("#9c4f0c", GRADIENT, "#eab27f", "#d3d7dc", "#8fbae8", VALUE, "#164878")
"""Negative through zero (grey) to positive."""

RUN_COLOURS: Final = (
    VALUE,
    GRADIENT,
    "#914f7a",
    "#811aff",
    BAD,
    "#ce54fd",
    "#789e65",
)
"""Hues for runs, chosen to stay apart under each of the three kinds of colour blindness."""

LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {"background": "#ffffff", "surface": "#f3f5f8", "text": "#1b2430", "border": "#d6dce4"}
)
DARK: Final[Mapping[str, str]] = MappingProxyType(
    {"background": "#11161f", "surface": "#1a2230", "text": "#e6eaf0", "border": "#354052"}
)


def run_colour(run_id: str) -> str:
    """The hue of a run: the same on every page, in every tab and after a restart."""
    return RUN_COLOURS[_place(run_id)]


def run_colours(run_ids: Iterable[str]) -> dict[str, str]:
    """Hues for runs drawn together, in the order given.

    Each keeps ``run_colour`` unless an earlier one has it; then it takes the next free hue, since
    two curves of one colour tell nothing. Past as many runs as there are hues they repeat.
    """
    chosen: dict[str, str] = {}
    for run_id in run_ids:
        used = set(chosen.values()) if len(chosen) < len(RUN_COLOURS) else set()
        start = _place(run_id)
        turned = (*RUN_COLOURS[start:], *RUN_COLOURS[:start])
        chosen[run_id] = next(hue for hue in turned if hue not in used)
    return chosen


def _place(run_id: str) -> int:
    return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:8]) % len(RUN_COLOURS)
