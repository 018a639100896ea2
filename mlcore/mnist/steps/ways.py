"""The ways to take an optimizer step, and which one a run takes.

All give the same numbers to rounding. ``manual`` computes the gradients of networks without
convolutions in ``mlcore.mnist.steps.network``, ``autograd`` those of all others by torch; forward
and backward each multiply by one of two libraries (see ``mlcore.mnist.products``), which is
measured. The bits do not depend on how many threads a run gets: ``manual`` uses more than one only
where they round as one does (``mlcore.mnist.steps.parallel``), and autograd's microbatches each
have one (``mlcore.mnist.microbatches``). Another machine may choose another library, and then
differs in the last bits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

import torch

from mlcore.core import InputError, Snapshot
from mlcore.mnist.products import LIBRARIES, onednn_multiplies
from mlcore.mnist.steps.choices import (
    VARIABLE,
    Libraries,
    chosen_libraries,
    libraries_of_first_layers,
)
from mlcore.mnist.steps.network import covers

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

_KINDS: Final = ("manual", "autograd")
_MEANT: Final = "step"
"""Name of the way in a snapshot's meta data."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to take an optimizer step.

    Attributes:
        gradients: Who computes them.
        libraries: Which one multiplies forward, and which one backward.
    """

    gradients: Literal["manual", "autograd"]
    libraries: Libraries

    def __str__(self) -> str:
        """Its name, such as ``manual-blas-onednn``."""
        return "-".join((self.gradients, *self.libraries))

    @classmethod
    def parse(cls, name: str) -> Way:
        """The way of a name; the second library may be left out if it is the first, or both.

        Raises:
            InputError: If there is no such way, or oneDNN does not multiply here.

        Example:
            >>> from mlcore.mnist.steps.ways import Way
            >>> print(Way.parse("autograd-blas"))
            autograd-blas-blas
        """
        kind, *libraries = name.split("-")
        if not libraries:
            libraries = ["onednn" if onednn_multiplies() else "blas"]
        if len(libraries) == 1:
            libraries *= 2
        known = kind in _KINDS and len(libraries) == 2 and set(libraries) <= set(LIBRARIES)
        if not known:
            raise InputError(
                f"{name!r} names no way to take a step: give manual or autograd, and the library "
                "that multiplies forward and backward, blas or onednn, as in manual-blas-onednn."
            )
        if "onednn" in libraries and not onednn_multiplies():
            raise InputError(
                f"{name!r} needs oneDNN, which does not multiply here: give {kind}-blas."
            )
        return cls(cast("Literal['manual', 'autograd']", kind), cast("Libraries", tuple(libraries)))


def way_for(
    config: MNISTConfig, device: torch.device, precision: str, snapshot: Snapshot | None = None
) -> Way:
    """The way a run takes its steps on this machine.

    What ``MLCORE_STEP`` names; else that of the snapshot it goes on from; else the quickest, which
    is measured the first time this machine trains such a network, and kept.

    Raises:
        InputError: If ``MLCORE_STEP`` names no way.
    """
    way = _named() or _of_snapshot(snapshot)
    if way is None:
        measured = device.type == "cpu" and precision == "float32"
        way = Way("manual", chosen_libraries(config) if measured else ("blas", "blas"))
    return _possible(way, config, device, precision)


def way_of_ensemble(config: MNISTConfig, device: torch.device, precision: str, members: int) -> Way:
    """The way an ensemble takes its steps, whose first layers are multiplied together.

    Args:
        config: Of one of them.
        device: Where.
        precision: In which they multiply.
        members: In a full block.

    Raises:
        InputError: If ``MLCORE_STEP`` names no way.
    """
    way = _named()
    if way is None:
        measured = device.type == "cpu" and precision == "float32"
        libraries = libraries_of_first_layers(config, members) if measured else ("blas", "blas")
        way = Way("manual", libraries)
    return _possible(way, config, device, precision)


def _possible(way: Way, config: MNISTConfig, device: torch.device, precision: str) -> Way:
    if way.gradients == "manual" and not covers(config, device, precision):
        return Way("autograd", way.libraries)
    return way


def meta_of(way: Way) -> dict[str, str]:
    """What a snapshot says of the way its run took."""
    return {_MEANT: str(way)}


def _named() -> Way | None:
    name = os.environ.get(VARIABLE, "")
    try:
        return Way.parse(name) if name else None
    except InputError as error:
        raise InputError(f"{VARIABLE} is wrong: {error}") from None


def _of_snapshot(snapshot: Snapshot | None) -> Way | None:
    name = snapshot.meta.get(_MEANT) if snapshot is not None else None
    try:
        return Way.parse(name) if isinstance(name, str) else None
    except InputError:  # of another machine, or of a later version
        return None
