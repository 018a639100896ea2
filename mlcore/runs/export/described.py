"""A run's metadata (all but its points and files) as JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.recorded_run import FOLDER

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

UNITS: Final = {
    "step": "optimizer steps",
    "time": "seconds of work since the run's start, pauses left out",
    "elapsed": "seconds of work, pauses left out",
    "created, started, finished": "ISO 8601, UTC",
    "test_set.opened": "ISO 8601, UTC",
}
"""What the numbers and moments of an export mean; JSON, Parquet and zip carry it with them."""


def described(run: Run) -> dict[str, Any]:
    """A run's metadata as plain values; times are ISO 8601 in UTC, metric values are left out.

    ``test_set`` is what was found when its sealed test set was opened, when and by whom; None while
    it is sealed.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> known = mlcore.runs.export.described(run)
        >>> print(known["experiment"], known["config"]["lr"], known["status"])
        regression 0.0001 finished
    """
    opening = run.opening
    facts: dict[str, Any] = {
        "id": run.id,
        "name": run.name,
        "experiment": run.experiment,
        "status": str(run.status),
        "config": dict(run.config_fields),
        "fingerprint": run.fingerprint,
        "seed": run.seed,
        "created": _text(run.created),
        "started": _text(run.started),
        "finished": _text(run.finished),
        "elapsed": run.elapsed,
        "step": run.step,
        "done": run.done,
        "total": run.total,
        "host": run.host,
        "versions": dict(run.versions),
        "environment": shared_environment(run),
        "error": run.error,
        "traceback": run.traceback,
        "tags": list(run.tags),
        "note": run.note,
        "starred": run.starred,
        "archived": run.archived,
        "source": run.source,
        "test_set": None if opening is None else opening.to_dict(),
    }
    return facts


def shared_environment(run: Run) -> dict[str, Any]:
    """A run's environment without the folder of its experiment: a path of one machine."""
    return {name: fact for name, fact in run.environment.items() if name != FOLDER}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
