"""Decides after which epochs a run stores a copy of its weights."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import torch

from mlcore.mnist.models import build_model

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

KEPT_BYTES: Final = 32 * 2**20
"""Bytes that the saved weights of all epochs of a run may take together."""


def keeps(config: MNISTConfig, step: int) -> bool:
    """Whether a run stores its weights after an optimizer step.

    Step 0 and the end of every ``epochs_between(config)``-th epoch, and the end of the run; none
    of them where ``epochs_between`` is None.
    """
    every = epochs_between(config)
    epoch, rest = divmod(step, config.steps_per_epoch())
    return every is not None and not rest and (epoch % every == 0 or epoch == config.epochs)


@functools.lru_cache(maxsize=64)
def epochs_between(config: MNISTConfig) -> int | None:
    """Epochs between two copies of the weights: 1 where all of them fit in 32 MiB.

    Else the smallest number that keeps to it, the first and the last weights counted. None where
    not even these two fit: a network of more than 4 million weights.
    """
    most = KEPT_BYTES // weight_bytes(config)
    if most < 2:
        return None
    return next(k for k in range(1, config.epochs + 1) if _copies(config.epochs, k) <= most)


@functools.lru_cache(maxsize=64)
def weight_bytes(config: MNISTConfig) -> int:
    """The bytes of one copy of a network's weights and running statistics."""
    with torch.device("meta"):
        model = build_model(config)
    return sum(tensor.nbytes for tensor in model.state_dict().values())


def _copies(epochs: int, every: int) -> int:
    return -(-epochs // every) + 1
