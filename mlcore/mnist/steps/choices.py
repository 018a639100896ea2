"""What is chosen by measuring on this machine: the libraries of a step, and ``auto`` precision.

A choice decides how sums are rounded. So once made it stays: a run, its repetition and its
resumption then give the same bits on this machine. Where it cannot be kept a fixed choice is used
instead of one that the next process would measure anew.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, Final

from torch import nn

from mlcore.mnist.data.cache import cache_folder
from mlcore.mnist.models import build_model
from mlcore.mnist.products import LIBRARIES, WORTH_IT, Library, onednn_multiplies
from mlcore.mnist.steps.calibration import CLEARLY, measure, measure_bfloat16, quickest
from mlcore.mnist.steps.kept import entry_of, kept_entry, machine
from mlcore.mnist.steps.network import images_a_pass
from mlcore.mnist.torch_state import isolated_torch_state

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Libraries = tuple[Library, Library]
Sizes = tuple[tuple[int, int], ...]
"""Inputs and units of each of several linear layers."""

FIXED: Final[Libraries] = ("onednn", "onednn")
"""Where no measured choice can be kept: on one processor 5 % slower, on another twice as fast."""
VARIABLE: Final = "MLCORE_STEP"
"""Names a way (see ``mlcore.mnist.steps.ways``); nothing at all is measured then."""

_known: dict[tuple[str, ...], Any] = {}


def chosen_libraries(config: MNISTConfig) -> Libraries:
    """Which library multiplies forward, and which backward, for a network in float32 on the CPU.

    Measured the first time this machine trains linear layers of these sizes, within about 0.2 s.
    """
    return _chosen(_large_layers(config), images_a_pass(config), os.cpu_count() or 1)


def libraries_of_first_layers(config: MNISTConfig, members: int) -> Libraries:
    """The same for the product of the first layers of so many networks that read one batch.

    It has one thread, and the batch is not split.
    """
    inputs, units = _linear_layers(config)[0]
    return _chosen(((inputs, units * members),), config.batch_size, 1)


def _chosen(layers: Sizes, rows: int, threads: int) -> Libraries:
    if not layers or not onednn_multiplies():
        return ("blas", "blas")
    key = key_of(layers, rows)

    def measured() -> dict[str, Any]:
        with isolated_torch_state(threads=1):
            times = measure(layers, rows, threads)
        ahead, back = quickest(times)
        return {"forward": ahead, "backward": back, "seconds": times}

    place = (str(cache_folder()), machine(), key)
    if place not in _known:
        entry = kept_entry(key, measured, lambda entry: _libraries(entry) is not None)
        _known[place] = FIXED if entry is None else _libraries(entry)
    found: Libraries = _known[place]
    return found


def bfloat16_is_quicker() -> bool:
    """Whether ``auto`` precision is bfloat16 on a CPU that can multiply in it.

    Some processors do so at half the speed of float32. Where nothing is measured it is.
    """
    if os.environ.get(VARIABLE):
        return True

    def measured() -> dict[str, Any]:
        with isolated_torch_state(threads=1):
            times = measure_bfloat16()
        return {"quicker": times["bfloat16"] < CLEARLY * times["float32"], "seconds": times}

    place = (str(cache_folder()), machine(), "bfloat16")
    if place not in _known:
        entry = kept_entry("bfloat16", measured, lambda e: isinstance(e.get("quicker"), bool))
        _known[place] = entry is None or entry["quicker"]
    found: bool = _known[place]
    return found


def why(config: MNISTConfig) -> str:
    """What was measured for the choice of the libraries, in words."""
    layers = _large_layers(config)
    entry = entry_of(key_of(layers, images_a_pass(config)))
    if entry is None:
        return "not measured"
    return "; ".join(
        f"{direction}: "
        + ", ".join(f"{library} {seconds * 1e6:.0f} µs" for library, seconds in times.items())
        for direction, times in entry["seconds"].items()
    )


def key_of(layers: Sizes, rows: int) -> str:
    """The name of a network's large linear layers and its pass, such as 512: 784-256 256-64."""
    return f"{rows}: " + " ".join(f"{inputs}-{units}" for inputs, units in layers)


def _libraries(entry: dict[str, Any]) -> Libraries | None:
    ahead, back = entry.get("forward"), entry.get("backward")
    return (ahead, back) if ahead in LIBRARIES and back in LIBRARIES else None


def _large_layers(config: MNISTConfig) -> Sizes:
    """The linear layers for which another library can be worth a call."""
    layers = _linear_layers(config)
    return tuple((inputs, units) for inputs, units in layers if inputs * units >= WORTH_IT)


@functools.lru_cache(maxsize=64)
def _linear_layers(config: MNISTConfig) -> Sizes:
    linear = (layer for layer in build_model(config) if isinstance(layer, nn.Linear))
    return tuple((layer.in_features, layer.out_features) for layer in linear)
