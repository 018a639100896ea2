"""Carries out a claimed run: asks for its steps and writes down what they say."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step, StoreError
from mlcore.runs.artifacts import CHECKPOINT, WEIGHTS
from mlcore.runs.claims import Claim, ClaimLostError, beat, end, flush
from mlcore.runs.liveness import HEARTBEAT_EVERY
from mlcore.runs.points import Point
from mlcore.runs.recorded_run import MODEL_PREFIX, Run
from mlcore.runs.status import Status
from mlcore.runs.surroundings import note_surroundings

FLUSH_EVERY = 0.2
"""Seconds between two flushes, so that a point is on the screen about half a second later."""

FLUSH_POINTS = 500
"""Points after which a flush does not wait for the clock."""

CHECKPOINT_EVERY = 5.0
"""Seconds of work between two checkpoints; more where writing one is slow."""

CHECKPOINT_SHARE = 0.02
"""Share of the time that checkpoints may take."""


def execute(
    claim: Claim,
    interrupted: Callable[[], bool] = lambda: False,
    watch: Callable[[Step], None] = lambda _step: None,
) -> Run:
    """Run a claimed run to its end, whichever that is.

    Args:
        claim: The run, held by this process.
        interrupted: Asked after each step; True ends the run as stopped, its state kept.
        watch: Called with each step, for a progress bar.

    Returns:
        The run as it ended: finished, stopped, paused, or failed with its traceback recorded.

    Raises:
        ClaimLostError: If another process took the run over meanwhile.
    """
    recorder = _Recorder(claim, interrupted, watch)
    try:
        with _heartbeat(claim):
            return recorder.work()
    except (ClaimLostError, StoreError):
        raise  # there is nowhere to record it
    except Exception as error:  # noqa: BLE001 - whatever an experiment raises is its run's failure
        recorder.flush()
        return end(
            claim,
            Status.FAILED,
            error=_sentence(error),
            error_type=type(error).__name__,
            traceback=traceback.format_exc(),
        )


class _Recorder:
    def __init__(
        self, claim: Claim, interrupted: Callable[[], bool], watch: Callable[[Step], None]
    ) -> None:
        self._claim = claim
        self._interrupted = interrupted
        self._watch = watch
        run = claim.run
        self._points: list[Point] = []
        self._latest = run.latest()
        self._step, self._done, self._total = run.step, run.done, run.total
        self._elapsed_before = run.elapsed
        self._began = time.monotonic()
        self._flushed = 0.0
        self._checkpoint_due = self._began + CHECKPOINT_EVERY

    def work(self) -> Run:
        """Ask for steps until they end or a person asks to stop."""
        note_surroundings(self._claim)
        files = self._claim.run.artifacts
        saved = files.load(CHECKPOINT)
        steps = self._claim.run.config.train(saved)
        last: Step | None = None
        final: Snapshot | None = None
        try:
            for step in steps:
                last = step
                self._note(step)
                self._watch(step)
                request = self._flush_if_due(step)
                if request is None and self._interrupted():
                    request = "stop"
                if step.done >= step.total:
                    final = step.snapshot() if step.snapshot else None
                elif request is not None:
                    return self._set_aside(step, request)
                else:
                    self._checkpoint_if_due(step)
        finally:
            _close(steps)
        self.flush()
        if last is not None and final is not None:
            weights = {k: v for k, v in final.tensors.items() if k.startswith(MODEL_PREFIX)}
            files.save(WEIGHTS, last.index, Snapshot(weights, {"step": last.index}))
        ended = end(self._claim, Status.FINISHED)
        files.drop(CHECKPOINT)
        return ended

    def flush(self) -> str | None:
        """Write what is buffered, now."""
        waiting, self._points = self._points, []
        self._flushed = time.monotonic()
        return flush(
            self._claim,
            waiting,
            step=self._step,
            done=self._done,
            total=self._total,
            elapsed=self._elapsed(),
            latest=self._latest,
        )

    def _note(self, step: Step) -> None:
        self._step, self._done, self._total = step.index, step.done, step.total
        at = self._elapsed()
        for name, value in step.metrics.items():
            self._points.append(Point(step.index, name, float(value), at))
            self._latest[name] = float(value)
        if step.arrays:
            self._claim.run.artifacts.save_arrays(step.index, Snapshot(step.arrays))

    def _flush_if_due(self, step: Step) -> str | None:
        due = time.monotonic() - self._flushed >= FLUSH_EVERY
        if due or len(self._points) >= FLUSH_POINTS or step.done >= step.total:
            return self.flush()
        return None

    def _checkpoint_if_due(self, step: Step) -> None:
        if time.monotonic() < self._checkpoint_due or step.snapshot is None:
            return
        before = time.monotonic()
        self._save_checkpoint(step)
        cost = time.monotonic() - before
        self._checkpoint_due = time.monotonic() + max(CHECKPOINT_EVERY, cost / CHECKPOINT_SHARE)

    def _save_checkpoint(self, step: Step) -> None:
        if step.snapshot is not None:
            self._claim.run.artifacts.save(CHECKPOINT, step.index, step.snapshot())

    def _set_aside(self, step: Step, request: str) -> Run:
        self._save_checkpoint(step)
        self.flush()
        return end(self._claim, Status.PAUSED if request == "pause" else Status.STOPPED)

    def _elapsed(self) -> float:
        return self._elapsed_before + time.monotonic() - self._began


@contextmanager
def _heartbeat(claim: Claim) -> Iterator[None]:
    """Beat from a thread of its own, so that loading data or one long step is no death."""
    over = threading.Event()

    def keep_beating() -> None:
        while not over.wait(HEARTBEAT_EVERY):
            try:
                beat(claim)
            except ClaimLostError:
                return  # the next flush meets the same and ends the run
            except StoreError:
                continue  # a full disk may be emptied; flushing reports it if not

    thread = threading.Thread(target=keep_beating, name=f"heartbeat-{claim.run.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _sentence(error: Exception) -> str:
    known = (DivergenceError, SnapshotError, ValueError, OSError)
    text = str(error).strip() or "no reason given"
    return text if isinstance(error, known) else f"{type(error).__name__}: {text}"


def _close(steps: Iterator[Step]) -> None:
    close = getattr(steps, "close", None)
    if close is not None:
        close()
