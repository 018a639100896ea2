"""What is written down of one claimed run while it goes on, and at its end."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import NamedTuple

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step
from mlcore.runs.execution.claims import Claim, end
from mlcore.runs.recorded_run import MODEL_PREFIX, Run
from mlcore.runs.status import Status
from mlcore.runs.store.artifacts import CHECKPOINT, WEIGHTS
from mlcore.runs.store.points import Point

FLUSH_EVERY = 0.2
"""Seconds between two flushes, so that a point is on the screen about half a second later."""

FLUSH_POINTS = 500
"""Points after which a flush does not wait for the clock."""

CHECKPOINT_EVERY = 5.0
"""Seconds of work between two checkpoints; more where writing one is slow."""

CHECKPOINT_SHARE = 0.02
"""Share of the time that checkpoints may take."""

_SET_ASIDE = {"pause": Status.PAUSED, "prune": Status.PRUNED}


class News(NamedTuple):
    """What has not been flushed yet: the arguments of ``mlcore.runs.execution.claims.flush``."""

    points: list[Point]
    step: int
    done: float
    total: float
    elapsed: float
    latest: Mapping[str, float]


class Notebook:
    """Keeps the points of a claimed run until they are flushed, and writes its files.

    Attributes:
        claim: The run, held by this process.
        last: The last step noted, or None.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.last: Step | None = None
        self._points: list[Point] = []
        run = claim.run
        self._latest = run.latest()
        self._step, self._done, self._total = run.step, run.done, run.total
        self._elapsed_before = run.elapsed
        self._began = time.monotonic()
        self._final: Snapshot | None = None

    @property
    def waiting(self) -> int:
        """Points not flushed yet."""
        return len(self._points)

    def note(self, step: Step) -> None:
        """Take in a step; its arrays are written at once, and of the last its weights are kept."""
        self.last = step
        self._step, self._done, self._total = step.index, step.done, step.total
        at = self._elapsed()
        for name, value in step.metrics.items():
            self._points.append(Point(step.index, name, float(value), at))
            self._latest[name] = float(value)
        if step.arrays:
            self.claim.run.artifacts.save_arrays(step.index, Snapshot(step.arrays))
        if step.done >= step.total and step.snapshot is not None:
            self._final = step.snapshot()

    def news(self) -> News:
        """What is to be flushed now; it is handed over, so flush it."""
        points, self._points = self._points, []
        return News(
            points, self._step, self._done, self._total, self._elapsed(), dict(self._latest)
        )

    def checkpoint(self) -> None:
        """Save the whole state as of the last step, if that step can be gone on from."""
        if self.last is not None and self.last.snapshot is not None:
            self.claim.run.artifacts.save(CHECKPOINT, self.last.index, self.last.snapshot())

    def finish(self) -> Run:
        """Keep the final weights and end the run; flush first."""
        files = self.claim.run.artifacts
        if self.last is not None and self._final is not None:
            tensors = self._final.tensors.items()
            weights = {name: value for name, value in tensors if name.startswith(MODEL_PREFIX)}
            files.save(WEIGHTS, self.last.index, Snapshot(weights, {"step": self.last.index}))
        ended = end(self.claim, Status.FINISHED)
        files.drop(CHECKPOINT)
        return ended

    def set_aside(self, request: str) -> Run:
        """End the run as it was asked to (stop, pause or prune); checkpoint and flush first."""
        return end(self.claim, _SET_ASIDE.get(request, Status.STOPPED))

    def fail(self, error: Exception) -> Run:
        """End the run as failed, with the reason and the traceback; flush first."""
        return end(
            self.claim,
            Status.FAILED,
            error=_sentence(error),
            error_type=type(error).__name__,
            traceback="".join(traceback.format_exception(error)),
        )

    def _elapsed(self) -> float:
        return self._elapsed_before + time.monotonic() - self._began


def _sentence(error: Exception) -> str:
    known = (DivergenceError, SnapshotError, ValueError, OSError)
    text = str(error).strip() or "no reason given"
    return text if isinstance(error, known) else f"{type(error).__name__}: {text}"
