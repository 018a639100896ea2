"""Multiplies linear layers into one: exact without activations, wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.predict import Array, named_chain, prepared

_ELEMENTWISE = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid)


@dataclass(frozen=True, slots=True, eq=False)
class Collapsed:
    """The one affine map that a network's linear layers make when multiplied together.

    Attributes:
        weight: float64 ``[classes, 784]``: the product of all weights.
        bias: float64 ``[classes]``.
        layers: Names of the linear layers that were multiplied.
        bends: Names of the activations that were left out; empty where the map is exact.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    layers: tuple[str, ...]
    bends: tuple[str, ...]

    @property
    def images(self) -> NDArray[np.float64]:
        """The map's rows as images: each class's weight of each pixel, ``[C, 28, 28]``."""
        return self.weight.reshape(-1, 28, 28)

    def logits(self, normalized: Array) -> NDArray[np.float64]:
        """The map's logits for normalized images ``[N, 28, 28]``: ``[N, classes]``."""
        x: NDArray[np.float64] = torch.as_tensor(normalized).double().flatten(1).numpy()
        return x @ self.weight.T + self.bias

    def difference(self, model: nn.Module, images: Array) -> float:
        """Largest |Δ logit| over some images between the one map and the network, in float64."""
        expected = exact_logits(model, images)
        return float(np.abs(self.logits(prepared(model, images)) - expected).max(initial=0.0))


def collapse(model: nn.Module) -> Collapsed:
    """Multiply the linear layers of a multilayer perceptron into one.

    ``W = W_L ⋯ W_2 W_1`` and ``b = b_L + W_L b_{L−1} + … + W_L ⋯ W_2 b_1``, in float64. Activations
    are left out: with identities between the layers the map is the network, else it is not.

    Args:
        model: An ``mlp`` or ``linear`` of ``mlcore.mnist.build_model``.

    Raises:
        ValueError: If a layer is neither linear nor elementwise: convolutions, pooling and
            normalization would have to be multiplied in too.

    Example:
        >>> import mlcore
        >>> config = mlcore.MNISTConfig(hidden=(8,), activation="identity")
        >>> one = mlcore.mnist.insight.collapse(mlcore.mnist.build_model(config))
        >>> print(one.weight.shape, one.layers)
        (10, 784) ('hidden1', 'output')
    """
    weight, bias = torch.eye(28 * 28, dtype=torch.float64), torch.zeros(28 * 28).double()
    layers, bends = [], []
    for name, layer in named_chain(model):
        match layer:
            case nn.Linear():
                step = layer.weight.detach().double()
                weight, bias = step @ weight, step @ bias + _bias(layer)
                layers.append(name)
            case nn.Flatten() | nn.Dropout() | nn.Identity():
                continue
            case _ if isinstance(layer, _ELEMENTWISE):
                bends.append(name)
            case _:
                raise ValueError(
                    f"The layer {name} is a {type(layer).__name__}, but only linear layers can be "
                    "multiplied into one map: choose a linear network or a plain MLP."
                )
    return Collapsed(weight.numpy(), bias.numpy(), tuple(layers), tuple(bends))


def exact_logits(model: nn.Module, images: Array) -> NDArray[np.float64]:
    """A network's logits for images ``[N, 28, 28]``, computed in float64 (see ``forward``)."""
    hidden = prepared(model, images).double()
    with torch.inference_mode():
        for _, layer in named_chain(model):
            state = {name: tensor.double() for name, tensor in layer.state_dict().items()}
            hidden = torch.func.functional_call(layer, state, (hidden,))
    outputs: NDArray[np.float64] = hidden.numpy()
    return outputs


def _bias(layer: nn.Linear) -> Tensor:
    return layer.bias.detach().double()
