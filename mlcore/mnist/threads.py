"""How many threads a run trains with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlcore.mnist.pieces import pieces_for

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def cores_here() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(config: MNISTConfig, cores: int) -> int:
    """Threads that train a run on the CPU: one a core, but no more than a batch has pieces.

    Each computes its pieces with one torch thread (see ``mlcore.mnist.pieces``). The number
    changes the time alone: the result is the same bit for bit.

    Args:
        config: What is trained.
        cores: The cores the process was given.
    """
    return max(1, min(cores, pieces_for(config)))
