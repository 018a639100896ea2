"""The one path by which any engine carries out a run: ``execute(store_url, run_id)``."""

from mlcore.runs.execution.worker import execute

__all__ = ["execute"]
