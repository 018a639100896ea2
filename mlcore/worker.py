"""Executes one queued run: ``execute(store_url, run_id)``, used by every engine."""

from mlcore.runs.execution.worker import execute

__all__ = ["execute"]
