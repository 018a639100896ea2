"""Waits for a condition that another process or thread brings about."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Wait for a condition; give the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true in time"
        time.sleep(0.01)
    return time.monotonic() - began
