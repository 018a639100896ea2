"""The CPUs and GPUs of a cluster that each run gets, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass

from mlcore.core import InputError


@dataclass(frozen=True, slots=True)
class Share:
    """The resources of a cluster that one run gets.

    Attributes:
        cpus: Cores, and as many threads.
        gpus: GPUs, or a part of one that several runs share.
    """

    cpus: float = 1.0
    gpus: float = 0.0

    def to_environment(self) -> dict[str, str]:
        """The share as environment variables."""
        return {"MLCORE_RUN_CPUS": str(self.cpus), "MLCORE_RUN_GPUS": str(self.gpus)}

    @classmethod
    def from_environment(cls) -> Share:
        """``MLCORE_RUN_CPUS`` (1 if not set) and ``MLCORE_RUN_GPUS`` (0 if not set).

        Raises:
            ValueError: If one is not a number from 0 up, or there would be no core.
        """
        cpus = amount("MLCORE_RUN_CPUS", 1.0)
        if cpus == 0:
            raise InputError("MLCORE_RUN_CPUS is 0, but a run needs some of a core: give 0.5, say.")
        return cls(cpus, amount("MLCORE_RUN_GPUS", 0.0))

    def for_device(self, device: object) -> dict[str, float]:
        """The resources of a run whose config asks for this device, under Ray's names.

        A run on ``cuda`` gets a GPU of its own where no share was said; one on the ``cpu`` none.
        """
        gpus = {"cuda": self.gpus or 1.0, "cpu": 0.0}.get(str(device), self.gpus)
        return {"num_cpus": self.cpus, "num_gpus": gpus}

    def room(self, cluster: dict[str, float]) -> int:
        """How many runs fit into a cluster with these resources."""
        rooms = [cluster.get("CPU", 0.0) / self.cpus]
        if self.gpus:
            rooms.append(cluster.get("GPU", 0.0) / self.gpus)
        return int(min(rooms) + 1e-9)


def amount(variable: str, default: float) -> float:
    """Read a number from an environment variable.

    Raises:
        ValueError: If it is not a number from 0 up.
    """
    given = os.environ.get(variable, str(default))
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise InputError(f"{variable} is {given!r}, but must be a number from 0 up.")
    return number
