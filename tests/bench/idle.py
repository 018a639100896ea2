"""Waits until nobody else computes, so that a figure tells of what it measures."""

import psutil

BUSY_PERCENT = 10.0


def wait_until_idle(limit_s: float = 600.0) -> float:
    """Return the share of the machine in use, in percent, once it is small or time is up."""
    busy = 100.0
    for _ in range(int(limit_s)):
        busy = psutil.cpu_percent(interval=1.0)
        if busy < BUSY_PERCENT:
            break
    return busy
