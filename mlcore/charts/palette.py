"""The palette: every colour used on any page, each with one meaning.

Each colour stands out from the light background and the dark one (contrast of 3 or more, the
bound of WCAG 2.1 for graphics), so that a chart needs no second set for the other theme.
"""

from collections.abc import Mapping
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
RANKING: Final = (GRADIENT, MUTED, VALUE)
"""Worst through middling to best, for lines and points: each end and the middle stand out from
both backgrounds, which the ends of ``SEQUENTIAL`` do not."""

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
CLASS_COLOURS: Final = (*RUN_COLOURS, "#0f8a8a", "#8f7018", "#6a7fd0")
"""Hues for up to ten classes, each drawn as its own sign too: ten hues alone do not stay apart."""

LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "background": "#ffffff",
        "surface": "#f3f5f8",
        "text": "#0a111c",
        "border": "#d6dce4",
        "primary": SEQUENTIAL[4],
    }
)
DARK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "background": "#11161f",
        "surface": "#1a2230",
        "text": "#e6eaf0",
        "border": "#354052",
        "primary": "#4b94de",
    }
)
"""Text is dark, or light, enough to be read (4.5 of contrast) at 60 % opacity, as captions are."""

STREAMLIT_GREY: Final = "#808495"
"""What Streamlit writes the axes and legends of charts with in the light theme."""
WRITTEN: Final = (*dict.fromkeys((VALUE, GRADIENT, THEORY, GOOD, *RUN_COLOURS)), STREAMLIT_GREY)
"""Colours that words in charts are written in; see ``readable``."""


def readable(colour: str) -> tuple[str, str]:
    """A text colour with contrast of 4.5 or more on the light and on the dark background.

    No single colour has that on both: what is drawn needs 3, what is read 4.5 (WCAG 2.1).
    """
    return _mixed(colour, 0), _mixed(colour, 255)


def _mixed(colour: str, to: int) -> str:
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(0.65 * part + 0.35 * to):02x}" for part in parts)


RUN_DASHES: Final = ((1, 0), (7, 3), (2, 2), (10, 3, 2, 3))
"""Patterns of runs drawn together: past as many as there are hues, they tell those of one hue
apart. Lengths of dash and gap in pixels."""


def run_dash(place: int) -> int:
    """The line dash of the run at a position (from 0) among the runs drawn together."""
    return place // len(RUN_COLOURS) % len(RUN_DASHES)


def run_colour(number: int) -> str:
    """The hue of a run: the same on every page, in every tab and after a restart.

    Args:
        number: The run's place among all runs of its store (``Run.key``), so that runs started
            one after the other differ.
    """
    return RUN_COLOURS[number % len(RUN_COLOURS)]


def run_colours(numbers: Mapping[str, int]) -> dict[str, str]:
    """Hues for runs drawn together, in the order given.

    Each keeps ``run_colour`` unless an earlier one has it; then it takes the next free hue, since
    two curves of one colour tell nothing. Past as many runs as there are hues they repeat.

    Args:
        numbers: Number of each run (see ``run_colour``), by id.
    """
    chosen: dict[str, str] = {}
    for run_id, number in numbers.items():
        used = set(chosen.values()) if len(chosen) < len(RUN_COLOURS) else set()
        hues = (run_colour(number + turn) for turn in range(len(RUN_COLOURS)))
        chosen[run_id] = next(hue for hue in hues if hue not in used)
    return chosen
