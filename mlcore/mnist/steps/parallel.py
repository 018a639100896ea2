"""How many torch threads a run's steps use at the moment.

torch splits each operation over its threads and waits for all of them, some twenty times a step;
they spin while they wait. On idle cores that is the quickest way to use them: on two it was a
third faster than a microbatch a thread (see tests/bench/threads.py). But beside a busy core it was
up to 20 times slower than one thread. So a run begins with one thread, tries more, goes on with
what is quicker, and goes back to one as soon as steps become slow.

This moves no bit, for more threads are used only where they were seen to round as one does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mlcore.mnist.torch_state import torch_threads

ALONE: Final = 8
"""Steps that are timed with one thread before more are tried."""
GAIN: Final = 0.95
"""More threads are kept if they need less than this share of the time of one."""
WINDOW: Final = 10
"""Steps with several threads that are judged together, if they took ``WINDOW_S`` at least."""
WINDOW_S: Final = 0.02
STUCK: Final = 3.0
"""A window ends at once when it took so many times as long as with one thread, and ``STUCK_S``."""
STUCK_S: Final = 0.03
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 8.0


class Threads:
    """Chooses between one torch thread and several, step by step.

    Args:
        most: Threads there may be.
        same_bits: Whether a number of threads gives the bits of one, asked once.
        clock: Seconds.

    Attributes:
        now: The number of threads of the next step.
    """

    def __init__(
        self,
        most: int,
        same_bits: Callable[[int], bool],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._most = most
        self._same_bits = same_bits
        self._clock = clock
        self._asked = False
        self._steps = 0
        self._one = 0.0
        self._window = (0, 0.0)
        self._pause = FIRST_PAUSE_S
        self._since = -math.inf
        self.now = 1

    @contextmanager
    def step(self) -> Iterator[None]:
        """Compute a step of the usual size with the number of threads of the moment."""
        if self._most == 1:
            yield
            return
        began = self._clock()
        with torch_threads(self.now):
            yield
        ended = self._clock()
        self._note(ended - began, ended)

    def _note(self, spent: float, at: float) -> None:
        if self.now == 1:
            # a moving average, which one interruption hardly moves
            seen = min(spent, 2 * self._one) if self._one else spent
            self._one += (seen - self._one) * (0.2 if self._one else 1.0)
            self._steps += 1
            if self._steps >= ALONE and at >= self._since + self._pause:
                self._try_more(at)
            return
        steps, seconds = self._window[0] + 1, self._window[1] + spent
        self._window = steps, seconds
        stuck = seconds >= max(STUCK_S, STUCK * WINDOW * self._one)
        if not stuck and (steps < WINDOW or seconds < WINDOW_S):
            return
        self._window = 0, 0.0
        if seconds >= GAIN * steps * self._one:
            self.now, self._since = 1, at
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        elif at > self._since + 4 * self._pause:
            self._pause = FIRST_PAUSE_S

    def _try_more(self, at: float) -> None:
        if not self._asked and not self._same_bits(self._most):
            self._most = 1
            return
        self._asked = True
        self.now, self._since = self._most, at
