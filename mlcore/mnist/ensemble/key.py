"""Which configs can train as one program; asked before torch is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlcore.core import canonical_json

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

FREE: Final = (
    "lr",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "beta1",
    "beta2",
    "seed",
    "initialization",
    "init_scale",
    "schedule",
    "warmup",
    "peak",
    "drop_every",
    "drop_factor",
)
"""Fields in which members may differ."""


def shape(config: MNISTConfig) -> str | None:
    """What members must share; None for networks with convolutions and for 16-bit products."""
    if config.model == "cnn" or config.precision != "float32":
        return None
    fields = {name: value for name, value in config.to_dict().items() if name not in FREE}
    return canonical_json(fields)
