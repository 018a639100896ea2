"""Style of each activation function's line: colour, dashes, and a name at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import pandas as pd

from mlcore.charts import palette
from mlcore.charts.line_labels import apart
from mlcore.charts.signals import FUNCTION_ENDS, PLOT_HEIGHTS, Dashes
from mlcore.layers.names import ACTIVATION_TITLES, Activation

_HUES: Final = tuple(hue for hue in palette.CLASS_COLOURS if hue != palette.GRADIENT)
"""Without the orange of gradients and tangents."""
_PATTERNS: Final = ((1, 0), (10, 3), (1, 0), (4, 3), (8, 3, 2, 3), (1, 0), (10, 3), (2, 2))
COLOURS: Final[dict[Activation, str]] = dict(zip(ACTIVATION_TITLES, _HUES, strict=False))
DASHES: Final[Dashes] = tuple(zip(ACTIVATION_TITLES.values(), _PATTERNS, strict=True))
_LABEL_PIXELS: Final = 14


def function_labels(ends: Mapping[Activation, tuple[float, float]], x: float) -> pd.DataFrame:
    """Rows that place the names at the right ends of functions and slopes.

    Args:
        ends: f and f′ of each function where its line ends.
        x: Where that is.
    """
    rows = []
    for number, field in enumerate(("value", "slope")):
        low, high = FUNCTION_ENDS[field]
        gap = _LABEL_PIXELS * (high - low) / PLOT_HEIGHTS[field]
        places = apart([end[number] for end in ends.values()], gap, low, high)
        rows += [
            {
                "kind": f"label {field}",
                "x": x,
                field: place,
                "name": ACTIVATION_TITLES[name],
                "colour": COLOURS[name],
            }
            for name, place in zip(ends, places, strict=True)
        ]
    return pd.DataFrame(rows)


def chain_labels(starts: Mapping[Activation, float], low: float, high: float) -> pd.DataFrame:
    """Rows that place the names at the left ends of the lines of a chain.

    Args:
        starts: The gradient at the first layer, as drawn (above 0).
        low: The smallest gradient drawn.
        high: The largest.
    """
    gap = _LABEL_PIXELS * max(math.log(high / low), 1.0) / PLOT_HEIGHTS["chain"]
    places = apart([math.log(v) for v in starts.values()], gap, math.log(low), math.log(high))
    return pd.DataFrame(
        {
            "kind": "label",
            "layer": 1,
            "gradient": math.exp(place),
            "name": ACTIVATION_TITLES[name],
            "colour": COLOURS[name],
        }
        for name, place in zip(starts, places, strict=True)
    )
