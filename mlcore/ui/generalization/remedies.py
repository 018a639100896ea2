"""A wide network on few images, and the remedies against its overfitting: names and configs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mlcore.charts import palette
from mlcore.mnist.config import MNISTConfig

PLAIN: Final = "no remedy"
SIZES: Final = (100, 200, 500, 1000, 2000, 5000)
"""Training images to choose from."""
VALIDATION: Final = 2000
WIDTH: Final = 512
_EPOCHS: Final = 40
_STEPS: Final = 16
"""Optimizer steps an epoch, about: batches grow with the images, so that all runs cost the same."""
_SMALLEST_BATCH: Final = 16
"""With batches of 8 and this learning rate, dropout made the loss of 100 images grow."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change of the config that is to make the network generalize better.

    Attributes:
        key: Name of its strength in the URL.
        control: Label of the control of its strength.
        strengths: What the control offers.
        usual: Its default.
        does: What it does, in a sentence.
    """

    key: str
    control: str
    strengths: tuple[Any, ...]
    usual: Any
    does: str


REMEDIES: Final[Mapping[str, Remedy]] = MappingProxyType(
    {
        "weight decay": Remedy(
            "decay",
            "Decay",
            (0.001, 0.003, 0.01, 0.03),
            0.01,
            "Each step shrinks every weight a little, as an L2 penalty does.",
        ),
        "dropout": Remedy(
            "p",
            "Dropout p",
            (0.2, 0.5, 0.8),
            0.5,
            "In training each hidden unit is set to 0 with probability p, anew in every step; in "
            "validation none is.",
        ),
        "augmentation": Remedy(
            "kind",
            "Kind",
            ("shift", "affine"),
            "affine",
            "The network never sees the same picture twice: each step moves the digits at random.",
        ),
        "early stopping": Remedy(
            "patience",
            "Patience (epochs)",
            (2, 4, 8),
            4,
            "The run ends once the validation loss has not fallen for so many epochs, and keeps "
            "the weights of the best one.",
        ),
        "more data": Remedy(
            "times",
            "Times as many images",
            (2, 4, 8),
            4,
            "The same network and the same number of steps, on more images from the same source.",
        ),
    }
)

COLOURS: Final = dict(zip((PLAIN, *REMEDIES), palette.RUN_COLOURS, strict=False))
"""Hue of each, the same on every chart."""


def base_config(images: int) -> MNISTConfig:
    """The network without a remedy: far more weights than images.

    Args:
        images: How many it learns from.
    """
    batch = max(_SMALLEST_BATCH, 2 ** round(math.log2(images / _STEPS)))
    return MNISTConfig(
        train_size=images,
        validation_size=VALIDATION,
        hidden=(WIDTH,),
        loss="cross_entropy",
        epochs=_EPOCHS,
        batch_size=batch,
    )


def with_remedy(base: MNISTConfig, name: str, strength: Any) -> MNISTConfig:
    """The same config with one remedy; nothing else differs.

    Args:
        base: As ``base_config`` gives it.
        name: ``PLAIN`` or a key of ``REMEDIES``.
        strength: One of the remedy's strengths.
    """
    if name == PLAIN:
        return base
    if name == "more data":
        # so many epochs fewer: the number of steps stays, about
        return base.replace(
            train_size=base.train_size * strength, epochs=max(1, base.epochs // strength)
        )
    changes: dict[str, Mapping[str, Any]] = {
        "weight decay": {"weight_decay": strength},
        "dropout": {"dropout": strength},
        "augmentation": {"augment": strength},
        "early stopping": {"early_stopping": True, "patience": strength, "keep": "best"},
    }
    return base.replace(**changes[name])


def weights_of(config: MNISTConfig) -> int:
    """How many numbers the network learns, biases included."""
    (width,) = config.hidden
    return (784 + 1) * width + (width + 1) * config.num_classes()
