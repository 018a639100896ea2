"""How many torch threads a run trains with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def cores_here() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(config: MNISTConfig, cores: int) -> int:
    """Torch threads for a run."""
    return 1 if config.model == "linear" else max(1, min(cores, 2))
