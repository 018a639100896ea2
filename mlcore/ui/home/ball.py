"""The ball in the bowl: gradient descent on a real loss with an adjustable learning rate."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mlcore.charts import palette
from mlcore.regression.data import HOURS_SCORES
from mlcore.ui.home.assets import BALL

FIRST_SHARE: Final = 0.85
"""The rate at first, as a share of the one above which every run diverges: it overshoots."""


@dataclass(frozen=True, slots=True)
class Bowl:
    """The mean squared error of y = w·x over the course's points: L(w) = floor + m·(w − best)².

    With the means over the points, m = mean(x²), best = mean(xy)/m and floor = mean(y²) − m·best².
    L″ = 2m, so gradient descent converges for rates below 2/L″ = 1/m.

    Attributes:
        m: Half the curvature.
        best: The slope of least squares.
        floor: The loss there.
    """

    m: float
    best: float
    floor: float

    @property
    def border(self) -> float:
        """The rate above which every run diverges."""
        return 1 / self.m


@cache
def bowl() -> Bowl:
    """The bowl of the hours and scores, computed without torch."""
    with HOURS_SCORES.open(newline="") as file:
        points = [(float(x), float(y)) for x, y in csv.reader(file)]
    n = len(points)
    m = sum(x * x for x, _ in points) / n
    best = sum(x * y for x, y in points) / n / m
    return Bowl(m, best, sum(y * y for _, y in points) / n - m * best**2)


def show() -> None:
    """Draw the ball; it moves in the browser, without the server."""
    BALL(key="home.ball", data=scene())


def scene() -> dict[str, Any]:
    """The data that the browser draws, as JSON values."""
    made = bowl()
    return {
        "m": made.m,
        "best": made.best,
        "floor": made.floor,
        "border": made.border,
        "start": 0.0,
        "share": FIRST_SHARE,
        "title": "Loss of score = w · hours over 100 students",
        "colours": {
            "value": palette.VALUE,
            "gradient": palette.GRADIENT,
            "bad": palette.BAD,
        },
    }
