"""The key that configs share if they can train as one program; needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from mlcore.core import canonical_json

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

FREE: Final = (
    "lr",
    "momentum",
    "weight_decay",
    "l1",
    "l2",
    "label_smoothing",
    "beta1",
    "beta2",
    "seed",
    "fold",
    "fold_seed",
    "initialization",
    "init_scale",
    "schedule",
    "warmup",
    "peak",
    "drop_every",
    "drop_factor",
    "plateau_patience",
    "monitor",
    "keep",
    "early_stopping",
    "patience",
    "min_gain",
)
"""Fields in which members may differ."""


DrawKey: TypeAlias = tuple[int, int, int]


def draw_key(config: MNISTConfig) -> DrawKey:
    """What decides which images a member learns from and is examined on, and its random draws."""
    return config.seed, config.fold, config.fold_seed


def shape(config: MNISTConfig) -> str | None:
    """The key of a config; None for convolutional networks (see tests/bench/ensemble_cnn.py)."""
    if config.model == "cnn":
        return None
    fields = {name: value for name, value in config.to_dict().items() if name not in FREE}
    if config.folds:  # folds may differ by one image, and then in the size of the last batch
        fields["images"] = config.num_train()
    return canonical_json(fields)
