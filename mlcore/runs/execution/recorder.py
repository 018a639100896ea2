"""Carries out a claimed run: asks for its steps and writes down what they say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mlcore.core import Step, StoreError
from mlcore.runs.execution.claims import Claim, ClaimLostError, beat, flush
from mlcore.runs.execution.environment import record_environment
from mlcore.runs.execution.liveness import HEARTBEAT_EVERY
from mlcore.runs.execution.notebook import (
    CHECKPOINT_EVERY,
    CHECKPOINT_SHARE,
    FLUSH_EVERY,
    FLUSH_POINTS,
    Notebook,
)
from mlcore.runs.recorded_run import Run
from mlcore.runs.store.artifacts import CHECKPOINT


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
        with heartbeat([claim]):
            return recorder.work()
    except (ClaimLostError, StoreError):
        raise  # there is nowhere to record it
    except Exception as error:  # noqa: BLE001 - whatever an experiment raises is its run's failure
        recorder.flush()
        return recorder.notebook.fail(error)


class _Recorder:
    def __init__(
        self, claim: Claim, interrupted: Callable[[], bool], watch: Callable[[Step], None]
    ) -> None:
        self.notebook = Notebook(claim)
        self._claim = claim
        self._interrupted = interrupted
        self._watch = watch
        self._flushed = 0.0
        self._checkpoint_due = time.monotonic() + CHECKPOINT_EVERY

    def work(self) -> Run:
        """Ask for steps until they end or a person asks to stop."""
        record_environment(self._claim)
        saved = self._claim.run.artifacts.load(CHECKPOINT)
        steps = self._claim.run.config.train(saved)
        try:
            for step in steps:
                self.notebook.note(step)
                self._watch(step)
                request = self._flush_if_due(step)
                if request is None and self._interrupted():
                    request = "stop"
                if step.done >= step.total:
                    continue
                if request is not None:
                    self.notebook.checkpoint()
                    self.flush()
                    return self.notebook.set_aside(request)
                self._checkpoint_if_due()
        finally:
            _close(steps)
        self.flush()
        return self.notebook.finish()

    def flush(self) -> str | None:
        """Write what is buffered, now."""
        self._flushed = time.monotonic()
        return flush(self._claim, **self.notebook.news()._asdict())

    def _flush_if_due(self, step: Step) -> str | None:
        due = time.monotonic() - self._flushed >= FLUSH_EVERY
        if due or self.notebook.waiting >= FLUSH_POINTS or step.done >= step.total:
            return self.flush()
        return None

    def _checkpoint_if_due(self) -> None:
        if time.monotonic() < self._checkpoint_due:
            return
        before = time.monotonic()
        self.notebook.checkpoint()
        cost = time.monotonic() - before
        self._checkpoint_due = time.monotonic() + max(CHECKPOINT_EVERY, cost / CHECKPOINT_SHARE)


@contextmanager
def heartbeat(claims: Sequence[Claim]) -> Iterator[None]:
    """Beat from a thread of its own, so that loading data or one long step is no death.

    Claims that are lost or given up beat no more.
    """
    over = threading.Event()
    held = list(claims)

    def keep_beating() -> None:
        while held and not over.wait(HEARTBEAT_EVERY):
            for claim in list(held):
                try:
                    beat(claim)
                except ClaimLostError:
                    held.remove(claim)  # the next flush meets the same and ends the run
                except StoreError:
                    break  # a full disk may be emptied; flushing reports it if not

    name = f"heartbeat-{claims[0].run.id}"
    thread = threading.Thread(target=keep_beating, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _close(steps: Iterator[Step]) -> None:
    close = getattr(steps, "close", None)
    if close is not None:
        close()
