"""How many images a run learns from per second of its own time."""

from __future__ import annotations

import time
from typing import Final

INTERVAL_S: Final = 0.25


class Speed:
    """Counts training images against the time between ``start`` and ``pause`` alone.

    Attributes:
        samples: Training images since the speed was last told.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._spent = 0.0
        self._started = time.perf_counter()

    def start(self) -> None:
        """Count time from now on."""
        self._started = time.perf_counter()

    def pause(self) -> None:
        """Count no time until the next ``start``."""
        self._spent += time.perf_counter() - self._started

    def due(self) -> bool:
        """Whether it is time to tell."""
        return self._spent + time.perf_counter() - self._started >= INTERVAL_S

    def told(self, *, must: bool) -> dict[str, float]:
        """``samples_per_second`` if it is due or must be told, and count anew."""
        spent = self._spent + time.perf_counter() - self._started
        if spent < INTERVAL_S and not (must and spent > 0):
            return {}
        speed = {"samples_per_second": self.samples / spent}
        self.samples, self._spent = 0, 0.0
        self.start()
        return speed
