"""What a trained network says of one picture: raw outputs, probabilities, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.mnist.insight.pixels import Picture, as_pixels
from mlcore.mnist.losses import probabilities

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A network's word on one picture.

    Attributes:
        label: The class of the largest output, from 0.
        outputs: Raw outputs, float32 ``[classes]``: the logits.
        probabilities: float32 ``[classes]``, see ``mlcore.mnist.losses.probabilities``.
    """

    label: int
    outputs: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def answer(config: MNISTConfig, model: nn.Module, picture: Picture) -> Answer:
    """Ask a network for the class of a picture.

    Args:
        config: What the network was trained by; its loss decides what outputs mean.
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.
    """
    with torch.inference_mode():
        outputs = model(as_pixels(picture, model)[:1]).float()
        chances = probabilities(config, outputs)
    return Answer(int(outputs.argmax()), outputs[0].numpy(), chances[0].numpy())
