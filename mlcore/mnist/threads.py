"""How many threads a run trains with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcore.core.cores import given_cores
from mlcore.mnist.microbatches import microbatches_for

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def cores_here() -> int:
    """The cores a run in this process may use: a worker among several has its share of them."""
    return given_cores()


def threads_for(config: MNISTConfig, cores: int) -> int:
    """Threads that train a run on the CPU: one a core, but no more than a batch has microbatches.

    Each computes its microbatches with one torch thread (see ``mlcore.mnist.microbatches``). The number
    changes the time alone: the result is the same bit for bit.

    Args:
        config: What is trained.
        cores: The cores the process was given.
    """
    return max(1, min(cores, microbatches_for(config)))
