"""Networks over pixels from 0 to 1, so that gradients are in the image's own unit."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from mlcore.mnist.data.digits import Digits

Network = TypeVar("Network", bound=nn.Module)

Picture = NDArray[Any] | Tensor
"""uint8 (0 to 255) or floats (0 to 1), ``[28, 28]``, 0 is background."""


class OnPixels(nn.Module):
    """A network with normalization built in: pixels in 0 to 1 ``[N, 28, 28]`` → ``[N, classes]``.

    Args:
        model: Takes (pixel − mean) / std, as the networks of ``mlcore.mnist.models`` do.
        mean: Mean of the training pixels as fractions of 255.
        std: Their standard deviation.
    """

    def __init__(self, model: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.model, self.mean, self.std = model, mean, std

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, one per class."""
        outputs: Tensor = self.model((pixels - self.mean) / self.std)
        return outputs


def on_pixels(model: nn.Module, digits: Digits) -> OnPixels:
    """A trained network in eval mode, taking unnormalized pixels; its weights are shared.

    Example:
        >>> import mlcore
        >>> digits = mlcore.mnist.load("mnist")
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
        >>> network = mlcore.mnist.insight.on_pixels(run.model(), digits)
        >>> print(network(digits.test_images[:2]).shape)
        torch.Size([2, 10])
    """
    return OnPixels(model, digits.mean, digits.std).eval()


def as_pixels(pictures: Picture, like: nn.Module) -> Tensor:
    """Images as a batch ``[N, 28, 28]`` in 0 to 1, in a network's dtype.

    Args:
        pictures: One or a batch, see ``Picture``.
        like: The network that is to see them.

    Raises:
        TypeError: If the network is one that takes normalized images, not pixels.
        ValueError: If the shape or the range is another.
    """
    if isinstance(like, nn.Sequential):
        raise TypeError(
            "The network is an nn.Sequential, as mlcore.mnist.build_model makes them, and takes "
            "normalized images: give insight.on_pixels(model, digits) instead."
        )
    given = as_tensor(pictures)
    dtype = next((p.dtype for p in like.parameters()), torch.float32)
    batch = given.to(dtype) / 255 if given.dtype == torch.uint8 else given.to(dtype)
    batch = batch[None] if batch.ndim == 2 else batch
    if batch.ndim != 3:
        raise ValueError(
            f"The pictures have the shape {tuple(given.shape)}, but must have (28, 28) or "
            "(N, 28, 28)."
        )
    if batch.numel() and not (batch.min() >= 0 and batch.max() <= 1):
        raise ValueError(
            f"The pixels run from {float(batch.min()):g} to {float(batch.max()):g}, but must lie "
            "in 0 to 1, or be uint8 in 0 to 255."
        )
    return batch


def as_tensor(pictures: Picture) -> Tensor:
    """A tensor unchanged, an array as a copy: PyTorch warns of read-only arrays."""
    return pictures if isinstance(pictures, Tensor) else torch.from_numpy(np.array(pictures))


def answer_of(model: nn.Module, pixels: Tensor) -> int:
    """The class of the largest logit for the first image of a batch."""
    with torch.no_grad():
        return int(model(pixels[:1]).argmax(dim=1))


def twin(model: Network) -> Network:
    """A copy of the layers with the same weights and separate hooks.

    A trained network is shared by threads, and a hook set by one would hear the others' pictures.
    """
    shared: dict[int, object] = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
