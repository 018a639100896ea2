"""Runs that last: stored, cached by fingerprint, carried out by background workers."""

import importlib
from typing import TYPE_CHECKING, Any

from mlcore.runs.api import get_run, run, search_runs, submit, train
from mlcore.runs.engine import tend
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store import Store, open_store

if TYPE_CHECKING:
    from mlcore.runs.comparison import Comparison, compare
    from mlcore.runs.contrasts import Contrast
    from mlcore.runs.importances import Importance, importance
    from mlcore.runs.seed_groups import Group, queue_more_seeds
    from mlcore.runs.table import run_table

_HOMES = {
    "Comparison": "comparison",
    "Contrast": "contrasts",
    "Group": "seed_groups",
    "Importance": "importances",
    "compare": "comparison",
    "importance": "importances",
    "queue_more_seeds": "seed_groups",
    "run_table": "table",
}

__all__ = [
    "Comparison",
    "Contrast",
    "Group",
    "Importance",
    "Run",
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
