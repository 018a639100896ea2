"""Runs that last: stored, cached by fingerprint, carried out by background workers."""

from mlcore.runs.api import get_run, run, search_runs, submit, train
from mlcore.runs.engine import tend
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store import Store, open_store

__all__ = [
    "Run",
    "Status",
    "Store",
    "get_run",
    "open_store",
    "run",
    "search_runs",
    "submit",
    "tend",
    "train",
]
