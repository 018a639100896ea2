"""Activations of every layer for one image, recorded by forward hooks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.pixels import OnPixels, Picture, as_pixels, twin


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """The output of one layer.

    Attributes:
        name: The layer's name in the network.
        kind: Its class in ``torch.nn``.
        values: float32, ``[units]`` or ``[channels, height, width]``; of other networks than
            those of this package any shape.
    """

    name: str
    kind: str
    values: NDArray[np.float32]


def activations(model: nn.Module, picture: Picture) -> tuple[Activation, ...]:
    """Send one image through a network and record the output of each layer.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.

    Returns:
        A record a layer, in the order of the forward pass, reshaping layers included.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> layers = insight.activations(network, digits.test_images[0].numpy())
        >>> print([(layer.name, layer.values.shape) for layer in layers][-3:])
        [('hidden2', (64,)), ('activation2', (64,)), ('output', (10,))]
    """
    seen: list[Activation] = []

    def note(name: str, layer: nn.Module, returned: object) -> None:
        out = returned[0] if isinstance(returned, tuple) and returned else returned
        if not isinstance(out, Tensor) or not out.ndim:
            return
        # a copy: an in-place layer that follows would change what was noted
        values = out.detach()[0].float().clone().numpy()
        seen.append(Activation(name, type(layer).__name__, values))

    hooked = twin(model)
    network = hooked.model if isinstance(hooked, OnPixels) else hooked
    for name, layer in network.named_modules():
        if not list(layer.children()):
            layer.register_forward_hook(
                lambda layer, _given, out, name=name: note(name, layer, out)
            )
    with torch.no_grad():
        hooked(as_pixels(picture, model)[:1])
    return tuple(seen)
