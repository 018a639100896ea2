"""Adversarial images by the fast gradient sign method, one grey level per step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from mlcore.mnist.insight.pixels import answer_of, as_pixels

LEVELS: Final = 255
"""Grey levels from black to white: the walk's unit."""
FARTHEST: Final = 128
"""Levels at which a walk ends: half the way from black to white."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Images along the sign of the loss's gradient, one grey level per step.

    Attributes:
        label: The network's answer at the start.
        start: uint8 ``[28, 28]``.
        direction: int8 ``[28, 28]``: the sign of the gradient, −1, 0 or 1.
        outputs: float32 ``[K + 1, classes]``: raw outputs after 0, 1, …, K levels.
        flips_at: Levels after which the answer is another for the first time; None if it holds.
    """

    label: int
    start: NDArray[np.uint8]
    direction: NDArray[np.int8]
    outputs: NDArray[np.float32]
    flips_at: int | None

    @property
    def epsilon(self) -> float | None:
        """``flips_at`` as a fraction of the range from black to white."""
        return None if self.flips_at is None else self.flips_at / LEVELS

    @property
    def answers(self) -> NDArray[np.int64]:
        """int64 ``[K + 1]``: the predicted class after each level."""
        answers: NDArray[np.int64] = self.outputs.argmax(axis=1)
        return answers

    def picture(self, level: int) -> NDArray[np.uint8]:
        """uint8 ``[28, 28]``: the image after so many levels, clipped to black and white."""
        moved = self.start.astype(np.int64) + level * self.direction.astype(np.int64)
        return moved.clip(0, LEVELS).astype(np.uint8)


def walk(model: nn.Module, picture: NDArray[np.uint8], *, farthest: int = FARTHEST) -> Walk:
    """clip(x + ε·sign ∇ₓJ(x, y)) for every ε of whole grey levels, y the predicted class.

    J is the cross-entropy of the outputs' softmax. Its gradient is taken once, at the start.

    Source: Goodfellow, Shlens, Szegedy, *Explaining and Harnessing Adversarial Examples*, ICLR
    2015, section 4 (the fast gradient sign method).

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture, uint8 ``[28, 28]``: so every step is a picture of bytes again.
        farthest: Levels of the longest step.

    Raises:
        ValueError: If the picture is not uint8, or ``farthest`` not in 1 to 255.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> walk = insight.walk(network, digits.test_images[0].numpy())
        >>> print(walk.outputs.shape, walk.epsilon is None or 0 < walk.epsilon <= 0.5)
        (129, 10) True
    """
    if picture.dtype != np.uint8:
        raise ValueError(f"The picture is {picture.dtype}, but must be uint8 in 0 to 255.")
    if not 1 <= farthest <= LEVELS:
        raise ValueError(f"The walk is {farthest} levels long, but must be of 1 to {LEVELS}.")
    pixels = as_pixels(picture, model)
    label = answer_of(model, pixels)
    with torch.enable_grad():
        asked = pixels.detach().clone().requires_grad_()
        # float64 from here on: in float32 a confident softmax is exactly 1 and its gradient 0
        outputs = model(asked).double()
        loss = functional.cross_entropy(outputs, torch.tensor([label]))
        (gradient,) = torch.autograd.grad(loss, asked)
    direction = gradient[0].sign().to(torch.int16)
    levels = torch.arange(farthest + 1, dtype=torch.int16)
    moved = torch.from_numpy(picture.astype(np.int16)) + levels[:, None, None] * direction
    with torch.no_grad():
        along = model(as_pixels(moved.clamp(0, LEVELS).to(torch.uint8), model))
    other = (along.argmax(dim=1) != label).nonzero()
    return Walk(
        label,
        picture,
        direction.to(torch.int8).numpy(),
        along.float().numpy(),
        int(other[0]) if len(other) else None,
    )
