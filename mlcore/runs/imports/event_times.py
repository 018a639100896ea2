"""Converts wall times of event files to seconds of work, leaving out pauses between restarts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SHORTEST_PAUSE_S: Final = 60.0
"""A gap before a further file is a pause if it is longer than this, and ``FACTOR`` intervals."""

FACTOR: Final = 10.0


@dataclass(frozen=True, slots=True)
class Session:
    """The wall times of one event file, in seconds.

    Attributes:
        times: When its scalars were written; at least one.
        restart: Whether it says of itself that it is a restart.
    """

    times: Sequence[float]
    restart: bool


@dataclass(frozen=True, slots=True)
class WorkClock:
    """Turns wall times into seconds of work.

    Attributes:
        begin: The wall time at which work began.
        pauses: Each as the wall time at which it ended, and its length in seconds.
    """

    begin: float
    pauses: tuple[tuple[float, float], ...] = ()

    def work(self, wall_time: float) -> float:
        """Seconds of work up to a wall time; never below 0."""
        paused = sum(length for end, length in self.pauses if end <= wall_time)
        return max(0.0, wall_time - self.begin - paused)


def work_clock(sessions: Sequence[Session], begin: float | None = None) -> WorkClock:
    """The clock of a training written in several files.

    Between two files lies a pause if the later one says that it is a restart, or the gap is long
    against the intervals before it. What is left of the gap is one usual interval, the step that
    led to the first new point. Files that were written at the same time have no gap between them.

    Args:
        sessions: Of all its files.
        begin: When it began, if that is known; else with its first scalar.
    """
    ordered = sorted(sessions, key=lambda session: min(session.times))
    start = min(ordered[0].times) if begin is None else begin
    seen: list[float] = []
    pauses = []
    for session in ordered:
        first = min(session.times)
        gap = first - max(seen) if seen else 0.0
        usual = _interval(seen) if gap > 0 else 0.0
        longest = max(SHORTEST_PAUSE_S, FACTOR * usual)
        if gap > usual and (session.restart or gap > longest):
            pauses.append((first, gap - usual))
        seen += session.times
    return WorkClock(start, tuple(pauses))


def _interval(times: Sequence[float]) -> float:
    """The median time between two writes."""
    moments = sorted(set(times))
    gaps = [later - sooner for sooner, later in pairwise(moments)]
    return statistics.median(gaps) if gaps else 0.0
