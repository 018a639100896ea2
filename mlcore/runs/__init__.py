"""Runs that last: stored, cached by fingerprint, carried out by background workers."""

import importlib
from typing import TYPE_CHECKING, Any

from mlcore.runs.api import get_run, run, search_runs, submit, train
from mlcore.runs.execution.supervisor import tend
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store.store import Store, open_store

if TYPE_CHECKING:
    from mlcore.runs.analysis.comparison import Comparison, compare
    from mlcore.runs.analysis.contrasts import Contrast
    from mlcore.runs.analysis.importances import Importance, importance
    from mlcore.runs.analysis.seed_groups import SeedGroup, queue_more_seeds
    from mlcore.runs.store.run_table import run_table

_HOMES = {
    "Comparison": "comparison",
    "Contrast": "contrasts",
    "SeedGroup": "seed_groups",
    "Importance": "importances",
    "compare": "comparison",
    "importance": "importances",
    "queue_more_seeds": "seed_groups",
    "run_table": "table",
}

__all__ = [
    "Comparison",
    "Contrast",
    "Importance",
    "Run",
    "SeedGroup",
    "Status",
    "Store",
    "compare",
    "get_run",
    "importance",
    "open_store",
    "queue_more_seeds",
    "run",
    "run_table",
    "search_runs",
    "submit",
    "tend",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:  # late: comparing needs NumPy and more, running does not
        return getattr(importlib.import_module(f"mlcore.runs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.runs' has no attribute {name!r}")
