"""Device, precision, threads and speed of a run: what a config asks for, on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

import torch

from mlcore.core import ConfigError, SnapshotError
from mlcore.mnist.microbatches import microbatches_for
from mlcore.mnist.steps.choices import bfloat16_is_quicker

if TYPE_CHECKING:
    from mlcore.core import Snapshot
    from mlcore.mnist.config import MNISTConfig

Precision = Literal["float32", "bfloat16"]

SPEED_INTERVAL_S: Final = 0.25
"""Seconds of training between two values of ``samples_per_second``."""


def device_for(config: MNISTConfig) -> torch.device:
    """The device a run computes on.

    Raises:
        ConfigError: If the config asks for a device that this machine lacks.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if config.device == "auto":
        return torch.device(next(name for name, here in there.items() if here))
    if not there[config.device]:
        usable = ", ".join(["auto", *(name for name, here in there.items() if here)])
        raise ConfigError(
            {
                "device": f"device is {config.device}, but torch finds none on this machine: "
                f"give one of {usable}."
            }
        )
    return torch.device(config.device)


def precision_for(
    config: MNISTConfig, device: torch.device, before: str | None = None
) -> Precision:
    """The precision in which a run multiplies on a device.

    ``auto`` is bfloat16 where the hardware multiplies in it, on the CPU only if that was measured
    to be quicker here.

    Args:
        config: What is trained.
        device: Where.
        before: The precision of the snapshot it goes on from, which ``auto`` keeps if it can.

    Raises:
        ConfigError: If the config asks for bfloat16 and the hardware would only imitate it.
    """
    if config.precision == "float32":
        return "float32"
    able = has_bfloat16(device)
    if config.precision == "auto":
        if not able or before == "float32":
            return "float32"
        quicker = before is not None or device.type != "cpu" or bfloat16_is_quicker()
        return "bfloat16" if quicker else "float32"
    if able:
        return "bfloat16"
    raise ConfigError(
        {
            "precision": f"precision is bfloat16, but this machine's {device.type} does not "
            "multiply in it: give float32 or auto."
        }
    )


def check_precision(precision: Precision, snapshot: Snapshot | None) -> None:
    """Check that a snapshot was taken in the precision in which its run would go on.

    Raises:
        SnapshotError: If it was taken in another.
    """
    before = snapshot.meta.get("precision") if snapshot is not None else None
    if before not in (None, precision):
        raise SnapshotError(
            f"The snapshot was taken in {before}, but here this config computes in {precision}: "
            "resume it on a machine like the first."
        )


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def threads_for(config: MNISTConfig, cores: int) -> int:
    """The number of training threads: one a core, but no more than a batch has microbatches.

    Each computes its microbatches with one torch thread (see ``mlcore.mnist.microbatches``). The
    number changes the time alone: the result is the same bit for bit.

    Args:
        config: What is trained.
        cores: The cores the process was given.

    Example:
        >>> import mlcore
        >>> mlcore.mnist.threads_for(mlcore.MNISTConfig(batch_size=1), cores=8)
        1
    """
    return max(1, min(cores, microbatches_for(config)))


class Speed:
    """Counts training images against the time between ``start`` and ``pause`` alone.

    Attributes:
        samples: Training images since the speed was last reported.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._spent = 0.0
        self._started = time.perf_counter()

    def start(self) -> None:
        """Count time from now on."""
        self._started = time.perf_counter()

    def pause(self) -> None:
        """Count no time until the next ``start``."""
        self._spent += time.perf_counter() - self._started

    def due(self) -> bool:
        """Whether the interval has passed."""
        return self._spent + time.perf_counter() - self._started >= SPEED_INTERVAL_S

    def told(self, *, must: bool) -> dict[str, float]:
        """Return ``samples_per_second`` if it is due or ``must``, and restart the count."""
        spent = self._spent + time.perf_counter() - self._started
        if spent < SPEED_INTERVAL_S and not (must and spent > 0):
            return {}
        speed = {"samples_per_second": self.samples / spent}
        self.samples, self._spent = 0, 0.0
        self.start()
        return speed
