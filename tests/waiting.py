"""Waits for a condition that another process or thread brings about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 300.0
"""Seconds for what takes some on a quiet machine: workers stand back for all that is busy there."""


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait for a condition; give the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true in time"
        time.sleep(min(0.1, 0.01 + (time.monotonic() - began) / 50))
    return time.monotonic() - began
