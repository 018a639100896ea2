"""The measured choices of this machine, kept in a file of the cache folder.

A choice decides in which order sums are rounded. So once made it stays: a run, its repetition and
its resumption then give the same bits on this machine. Where the file cannot be written a fixed
choice is used instead of one that the next process would measure anew.
"""

from __future__ import annotations

import functools
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from filelock import FileLock, Timeout
from torch import nn

from mlcore.core.cores import processor
from mlcore.core.files import write_atomically
from mlcore.mnist.data.cache import cache_folder
from mlcore.mnist.models import build_model
from mlcore.mnist.products import LIBRARIES, WORTH_IT, Library, onednn_multiplies
from mlcore.mnist.steps.calibration import measure, quickest
from mlcore.mnist.steps.network import images_a_pass
from mlcore.mnist.torch_state import isolated_torch_state

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Libraries = tuple[Library, Library]

FILE: Final = "steps.json"
FIXED: Final[Libraries] = ("onednn", "onednn")
"""Where no measured choice can be kept: on one processor 5 % slower, on another twice as fast."""
_WAIT_S: Final = 5.0

_log = logging.getLogger("mlcore.steps")
_known: dict[tuple[str, ...], Libraries] = {}


def chosen_libraries(config: MNISTConfig) -> Libraries:
    """Which library multiplies forward, and which backward, for a network in float32 on the CPU.

    Measured the first time this machine trains linear layers of these sizes, within about 0.2 s.
    """
    if not onednn_multiplies():
        return ("blas", "blas")
    layers = _large_layers(config)
    if not layers:
        return ("blas", "blas")
    rows = images_a_pass(config)
    path = cache_folder() / FILE
    key = (str(path), machine(), shape(layers, rows))
    if key not in _known:
        _known[key] = _kept(path, key[1], key[2], layers, rows)
    return _known[key]


def machine() -> str:
    """What a choice holds for: the processor, its cores and torch's version."""
    return f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}"


def shape(layers: tuple[tuple[int, int], ...], rows: int) -> str:
    """The name of a network's large linear layers and its pass, such as 512: 784-256 256-64."""
    return f"{rows}: " + " ".join(f"{inputs}-{units}" for inputs, units in layers)


def _kept(
    path: Path, machine: str, shape: str, layers: tuple[tuple[int, int], ...], rows: int
) -> Libraries:
    """The choice in the file, or a new one, which then stands in the file."""
    if (found := _choice(_read(path), machine, shape)) is not None:
        return found
    with isolated_torch_state(threads=1):
        times = measure(layers, rows, os.cpu_count() or 1)
    entry = {
        **dict(zip(("forward", "backward"), quickest(times), strict=True)),
        "seconds": times,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=_WAIT_S):
            kept = _read(path)
            if (found := _choice(kept, machine, shape)) is not None:  # another process was first
                return found
            of_machine = kept.get(machine)
            shapes = of_machine if isinstance(of_machine, dict) else {}
            kept[machine] = {**shapes, shape: entry}
            write_atomically(path, json.dumps(kept, indent=1, ensure_ascii=False).encode())
    except (OSError, Timeout) as error:
        _log.info("the choice of a step's way cannot be kept in %s: %s", path, error)
        return FIXED
    return _choice(kept, machine, shape) or FIXED


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing if it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.info("%s is damaged, so its choices are measured anew: %s", path, error)
        return {}
    if not isinstance(found, dict):
        _log.info("%s is damaged, so its choices are measured anew: it holds no object", path)
        return {}
    return found


def _choice(kept: dict[str, Any], machine: str, shape: str) -> Libraries | None:
    try:
        entry = kept[machine][shape]
        ahead, back = entry["forward"], entry["backward"]
        return (ahead, back) if {ahead, back} <= set(LIBRARIES) else None
    except (KeyError, TypeError):
        return None


@functools.lru_cache(maxsize=64)
def _large_layers(config: MNISTConfig) -> tuple[tuple[int, int], ...]:
    """Inputs and units of the linear layers for which another library can be worth a call."""
    linear = (layer for layer in build_model(config) if isinstance(layer, nn.Linear))
    sizes = ((layer.in_features, layer.out_features) for layer in linear)
    return tuple((inputs, units) for inputs, units in sizes if inputs * units >= WORTH_IT)
