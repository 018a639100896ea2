"""Experiments whose steps go back, whose metrics are NaN, and whose names are nearly the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from mlcore.core import Config, Snapshot, Step


class GivenSteps(Config):
    """Logs k times chosen values as ``loss`` at chosen steps, in that order."""

    experiment: ClassVar[str] = "tests.runs.odd:GivenSteps"

    steps: tuple[int, ...] = (0, 50, 20)
    values: tuple[float, ...] = (1.0, 0.5, 0.9)
    k: int = Field(1, ge=0, le=100)

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield a step for each pair."""
        del snapshot
        count = len(self.steps)
        for place, (step, value) in enumerate(zip(self.steps, self.values, strict=True)):
            yield Step(index=step, done=place + 1, total=count, metrics={"loss": self.k * value})


class Nans(Config):
    """Logs numbers that are none; ``last`` chooses which comes last."""

    experiment: ClassVar[str] = "tests.runs.odd:Nans"

    last: str = "nan"
    k: int = Field(1, ge=0, le=100)
    seed: int = Field(0, ge=0, le=1000)

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield five steps."""
        del snapshot
        values = [0.5 * self.k, math.nan, -math.inf, math.inf, float(self.last)]
        for place, value in enumerate(values):
            yield Step(index=place, done=place, total=4, metrics={"loss": value})
