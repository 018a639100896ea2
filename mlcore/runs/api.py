"""Runs from a script: train, run, submit, get and search."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from mlcore.core.hooks import live_view
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.execution.supervisor import check, retries, tend
from mlcore.runs.process_id import ProcessId
from mlcore.runs.status import Status
from mlcore.runs.store.store import Store, open_store

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.core import Config, Step
    from mlcore.runs.recorded_run import Run

_COLUMNS: Final = ("id", "experiment", "status", "started", "duration")


def train(config: Config) -> Iterator[Step]:
    """Yield the steps of an experiment without recording anything.

    Close the iterator, or stop iterating, to stop the training.

    Raises:
        DivergenceError: If the loss stops being finite.
        DataUnavailableError: If the config's data is not available.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(steps=2)
        >>> for step in mlcore.train(config):
        ...     print(step.index, round(step.metrics["loss"], 1))
        0 5565.1
        1 1484.6
        2 457.9
    """
    return config.train()


def run(config: Config, force: bool = False, *, progress: bool = True) -> Run:
    """Train in this process and record the run; a finished equal run is returned at once.

    A finished run of the same config is returned. An unfinished one is resumed from its last
    checkpoint. If another process is training it, this call waits. Ctrl-C stops the run and saves
    its state, so that the next call resumes it.

    Args:
        config: The config to run.
        force: Train again even if a finished run exists.
        progress: Show a progress bar on the terminal (never where the output is no terminal), and
            in a notebook the curve while it grows.

    Returns:
        The run as it ended; see ``Run.status`` and, after a failure, ``Run.error``.

    Raises:
        KeyboardInterrupt: After Ctrl-C, once the state is saved.
        StoreError: If the store cannot be opened or written.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> print(run.status, run.step, round(run.latest()["loss"], 1))
        finished 20 112.6
    """
    store = open_store()
    answer = store.submit(config, force)
    with _bar(answer, progress) as show:
        if answer.status == Status.QUEUED:
            claim = take(store, ProcessId.of(), answer.id)
            if claim is not None:
                with _ctrl_c() as pressed:
                    ended = execute(
                        claim, interrupted=pressed.is_set, watch=lambda s: show(s.done, s.total)
                    )
                if pressed.is_set():
                    raise KeyboardInterrupt
                return ended
        while answer.status.moving:
            show(answer.done, answer.total)
            answer = _watch(store, answer)
    return answer


def submit(config: Config, force: bool = False) -> Run:
    """Queue a run for the background workers and return at once.

    A finished run of the same config is returned as it is (``Run.cached``), a live one is
    shared, an unfinished one goes on from its last checkpoint.

    Args:
        config: The config to run.
        force: Train again even if a finished run exists.

    Raises:
        EngineError: If ``MLCORE_ENGINE`` names a cluster that cannot be reached.
        StoreError: If the store cannot be opened or written.

    Example:
        >>> import mlcore
        >>> job = mlcore.submit(mlcore.RegressionConfig(steps=20))
        >>> print(job.wait().status)
        finished
    """
    store = open_store()
    check(store)
    answer = store.submit(config, force, retries=retries())
    tend(store)
    return answer


def get_run(run_id: str) -> Run:
    """A run by its id, or by an unambiguous prefix of it.

    Raises:
        RunNotFoundError: If there is none.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> mlcore.get_run(run.id[:6]).config == run.config
        True
    """
    store = open_store()
    tend(store)
    return store.get(run_id)


def search_runs(
    experiment: str | None = None, status: Status | str | Iterable[Status | str] | None = None
) -> pd.DataFrame:
    """All runs as a DataFrame, newest first.

    Args:
        experiment: Only runs of this experiment.
        status: Only runs of this status, or of one of these.

    Returns:
        One row per run: id, experiment, status, started (UTC), duration (s of work), then each
        config field as ``config.NAME`` and the last value of each metric as ``metric.NAME``, as in
        ``mlcore.runs.run_table``.

    Raises:
        ValueError: If a status does not exist.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> table = mlcore.search_runs("regression", status="finished")
        >>> row = table[table["id"] == run.id].iloc[0]
        >>> print(row["config.lr"], row["config.steps"], round(row["metric.loss"], 1))
        0.0001 20 112.6
    """
    import pandas as pd

    store = open_store()
    tend(store)
    rows = [
        {
            "id": found.id,
            "experiment": found.experiment,
            "status": str(found.status),
            "started": found.started,
            "duration": found.duration,
            **{f"config.{name}": value for name, value in found.config_fields.items()},
            **{f"metric.{name}": value for name, value in found.latest().items()},
        }
        for found in store.list(experiment, status)
    ]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(_COLUMNS))
    frame["started"] = pd.to_datetime(frame["started"], utc=True)
    frame["duration"] = frame["duration"].astype("float64")
    return frame


def _watch(store: Store, run: Run) -> Run:
    try:
        return run.wait(timeout=0.5)
    except TimeoutError:
        return store.get(run.id)


@contextmanager
def _bar(run: Run, wanted: bool) -> Iterator[Callable[[float, float], None]]:
    view = live_view(run.refresh) if wanted and not run.cached else None
    if view is not None:
        try:
            yield lambda _done, _total: view.update()
        finally:
            view.end()
        return
    # disable=None: tqdm keeps silent where the output is no terminal
    with tqdm(
        desc=f"{run.experiment} {run.id}", unit="step", disable=None if wanted else True
    ) as bar:

        def show(done: float, total: float) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """Make the first Ctrl-C stop the run at the next step; a second one interrupts at once."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed  # signals reach the main thread only
        return

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
