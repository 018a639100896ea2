"""How far a run, a sweep or several runs are: a bar without widgets, as HTML and as text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tqdm import tqdm

from mlcore.notebook.tables import said

if TYPE_CHECKING:
    from mlcore.runs import Run

_COLUMNS: Final = 64
_MOST_METRICS: Final = 6


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is.

    Attributes:
        title: What it is, and its status.
        done: Work done, in ``unit``.
        total: Work in all; 0 if that is not known.
        elapsed: Seconds of work.
        unit: Of the work.
        lines: What else there is to say.
    """

    title: str
    done: float
    total: float
    elapsed: float
    unit: str
    lines: tuple[str, ...] = ()


def progress_of(now: Any) -> Progress:
    """The progress of a ``Run``, a ``Sweep`` or a sequence of runs."""
    if isinstance(now, Sequence):
        return _of_runs(now)
    return _of_run(now) if hasattr(now, "progress") else _of_sweep(now)


def bar_text(progress: Progress) -> str:
    """The bar of a terminal, as tqdm draws it."""
    text: str = tqdm.format_meter(
        _whole(progress.done),
        _whole(progress.total),  # of 0 it draws no bar
        progress.elapsed,
        ncols=_COLUMNS,
        unit=progress.unit,
    )
    return text


def bar_html(progress: Progress) -> str:
    """A bar of the browser's own, and what is in words beside it."""
    share = f'value="{progress.done:g}" max="{progress.total:g}"' if progress.total else ""
    words = bar_text(progress).rpartition("| ")[2]
    lines = "".join(f"<br>{html.escape(line)}" for line in progress.lines)
    return (
        f"<div><b>{html.escape(progress.title)}</b><br>"
        f'<progress {share} style="width: 20em" aria-label="Progress"></progress> '
        f"{html.escape(words)}{lines}</div>"
    )


def run_title(run: Run) -> str:
    """What a run is called, and its status."""
    name = f"{run.name} · " if run.name else ""
    return f"{name}{run.experiment} {run.id} · {run.status}"


def values_said(run: Run) -> str:
    """The last values of a run's first metrics; empty without."""
    shown = list(run.last.items())[:_MOST_METRICS]
    return " · ".join(f"{name} {said(value)}" for name, value in shown)


def _of_run(run: Run) -> Progress:
    lines = [line for line in (values_said(run), run.error or "") if line]
    return Progress(
        run_title(run),
        run.done or run.step,
        run.total,
        run.elapsed,
        "step",
        tuple(said(line) for line in lines),
    )


def _of_sweep(sweep: Any) -> Progress:
    counts = sweep.counts
    lines = [f"{counts.running} running"] if counts.running else []
    lines += [f"{counts.failed} failed"] if counts.failed else []
    name = f"{sweep.name} · " if sweep.name else ""
    title = f"{name}sweep of {sweep.experiment} {sweep.id} · {sweep.status}"
    elapsed = ((sweep.finished or datetime.now(UTC)) - sweep.created).total_seconds()
    return Progress(title, counts.done, counts.total, elapsed, "run", tuple(lines))


def _of_runs(runs: Sequence[Run]) -> Progress:
    done = sum(not run.status.moving for run in runs)
    now = datetime.now(UTC)
    began = min((run.queued or run.created for run in runs), default=now)
    elapsed = max((run.finished or now for run in runs), default=now) - began
    return Progress(f"{len(runs)} runs", done, len(runs), elapsed.total_seconds(), "run")


def _whole(number: float) -> float:
    return int(number) if float(number).is_integer() else round(number, 2)
