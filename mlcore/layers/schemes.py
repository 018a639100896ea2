"""Initialization schemes: the distributions of a layer's weights, by ``torch.nn.init``."""

from __future__ import annotations

import math

from torch import Tensor, nn

from mlcore.layers.names import Scheme

DEFAULT_GAIN_SLOPE = math.sqrt(5.0)
"""The a of ``kaiming_uniform_`` with which ``nn.Linear`` draws its own weights."""


def draw_weight(weight: Tensor, scheme: Scheme, *, scale: float, activation: str) -> None:
    """Initialize the weight of a linear or convolutional layer in place.

    Random numbers come from torch's global generator, which the caller seeds.

    - ``default``: U(−1/√fan_in, 1/√fan_in), what torch does by itself.
    - ``zeros``; ``constant``: every weight is ``scale``; ``normal``: N(0, scale²).
    - ``xavier``: N(0, 2 / (fan_in + fan_out)) (Glorot, Bengio: AISTATS 2010, eq. 16).
    - ``kaiming``: N(0, gain² / fan_in) (He et al.: ICCV 2015, eq. 10), see ``gain_of``.
    - ``orthogonal``: rows or columns orthonormal (Saxe, McClelland, Ganguli: ICLR 2014).

    Args:
        weight: ``[out, in]`` or ``[out, in, kernel, kernel]``.
        scheme: Which of them.
        scale: The constant, or σ; the other schemes ignore it.
        activation: The function after the layer; used by ``kaiming``.

    Example:
        >>> import mlcore, torch
        >>> weight = torch.empty(4, 4)
        >>> mlcore.layers.draw_weight(weight, "orthogonal", scale=0.0, activation="tanh")
        >>> torch.allclose(weight @ weight.T, torch.eye(4), atol=1e-6)
        True
    """
    match scheme:
        case "default":
            nn.init.kaiming_uniform_(weight, a=DEFAULT_GAIN_SLOPE)
        case "zeros":
            nn.init.zeros_(weight)
        case "constant":
            nn.init.constant_(weight, scale)
        case "normal":
            nn.init.normal_(weight, std=scale)
        case "xavier":
            nn.init.xavier_normal_(weight)
        case "kaiming":
            fan_in = weight[0].numel()
            std = gain_of(activation) / math.sqrt(fan_in)
            nn.init.normal_(weight, std=std)
        case "orthogonal":
            nn.init.orthogonal_(weight)


def initialize(module: nn.Module, scheme: Scheme, *, scale: float, activation: str) -> None:
    """Initialize every linear and convolutional layer of a network in place; biases become 0.

    ``default`` leaves the network as torch built it, biases included.

    Example:
        >>> import mlcore, torch
        >>> layer = torch.nn.Linear(3, 2)
        >>> mlcore.layers.initialize(layer, "constant", scale=0.5, activation="relu")
        >>> print(layer.weight.tolist(), layer.bias.tolist())
        [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]] [0.0, 0.0]
    """
    if scheme == "default":
        return
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            draw_weight(layer.weight, scheme, scale=scale, activation=activation)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def gain_of(activation: str) -> float:
    """The gain of ``kaiming``: ``torch.nn.init.calculate_gain``.

    ELU, GELU, SiLU and softplus, for which torch names no gain, get that of ReLU.
    """
    match activation:
        case "sigmoid":
            return nn.init.calculate_gain("sigmoid")
        case "tanh":
            return nn.init.calculate_gain("tanh")
        case "leaky_relu":
            return nn.init.calculate_gain("leaky_relu", 0.01)
        case "identity":
            return nn.init.calculate_gain("linear")
        case _:
            return nn.init.calculate_gain("relu")


def weight_variance(
    scheme: Scheme, fan_in: int, fan_out: int, *, scale: float, activation: str
) -> float:
    """Variance of one weight under a scheme, in closed form; 0 where all weights are equal.

    Example:
        >>> import mlcore
        >>> mlcore.layers.weight_variance("normal", 128, 50, scale=0.5, activation="relu")
        0.25
    """
    match scheme:
        case "default":
            return 1.0 / (3.0 * fan_in)
        case "zeros" | "constant":
            return 0.0
        case "normal":
            return scale**2
        case "xavier":
            return 2.0 / (fan_in + fan_out)
        case "kaiming":
            return gain_of(activation) ** 2 / fan_in
        case "orthogonal":
            return 1.0 / max(fan_in, fan_out)
