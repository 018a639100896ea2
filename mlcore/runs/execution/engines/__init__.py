"""Where runs are carried out: by workers on this machine, or on a Ray cluster."""

from mlcore.runs.execution.engines.choice import Engine, chosen

__all__ = ["Engine", "chosen"]
