"""Each layer of the networks as its formula in NumPy, to check what torch computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import nn

Doubles = NDArray[np.float64]


def by_hand(layer: nn.Module, x: Doubles) -> Doubles:
    """A layer's output in eval mode for a batch, by its formula.

    - Linear: ``x Wᵀ + b``. Conv2d: ``Σ_{c,i,j} W[o,c,i,j] x[n,c,s·r+i,s·q+j] + b[o]``.
    - MaxPool2d: the largest of each window.
    - Activations: ReLU ``max(0, x)``, LeakyReLU, GELU ``x Φ(x)``, SiLU ``x σ(x)``, tanh, sigmoid,
      identity.
    - Normalizations: ``(x − μ)/√(σ² + ε) · γ + β``, with the means and variances that each kind
      takes in eval mode; RMSNorm ``x / √(mean x² + ε) · γ``.
    - Flatten and Unflatten: the same numbers in another shape. Dropout in eval mode: as they are.

    Args:
        layer: In float64.
        x: A batch, float64.

    Raises:
        TypeError: If there is no formula for this kind of layer.
    """
    made: Doubles = np.asarray(_formula(layer, x), dtype=np.float64)
    return made


def _formula(layer: nn.Module, x: Doubles) -> Any:
    match layer:
        case nn.Linear():
            return x @ _numbers(layer.weight).T + _numbers(layer.bias)
        case nn.Conv2d():
            windows = _windows(x, layer.kernel_size[0], layer.stride[0])
            sums = np.einsum("ncrqij,ocij->norq", windows, _numbers(layer.weight), optimize=True)
            return sums + _numbers(layer.bias)[:, None, None]
        case nn.MaxPool2d():
            side = layer.kernel_size if isinstance(layer.kernel_size, int) else layer.kernel_size[0]
            return _windows(x, side, side).max(axis=(-2, -1))
        case nn.Flatten():
            return x.reshape(len(x), -1)
        case nn.Unflatten():
            return x.reshape(len(x), 1, *x.shape[1:])
        case nn.Dropout() | nn.Identity():
            return x
    if isinstance(layer, _ACTIVATIONS):
        return _activation(layer, x)
    return _normalization(layer, x)


_ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid)


def _activation(layer: nn.Module, x: Doubles) -> Any:
    match layer:
        case nn.ReLU():
            return np.maximum(x, 0.0)
        case nn.LeakyReLU():
            return np.where(x > 0, x, layer.negative_slope * x)
        case nn.GELU():
            erf = np.asarray(np.frompyfunc(math.erf, 1, 1)(x / math.sqrt(2)), dtype=np.float64)
            return x * (1 + erf) / 2
        case nn.SiLU():
            return x / (1 + np.exp(-x))
        case nn.Sigmoid():
            return 1 / (1 + np.exp(-x))
        case _:
            return np.tanh(x)


def _normalization(layer: nn.Module, x: Doubles) -> Any:
    pixels = (1,) * (x.ndim - 2)
    match layer:
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            per_channel = (1, -1, *pixels)
            mean = _numbers(layer.running_mean).reshape(per_channel)
            variance = _numbers(layer.running_var).reshape(per_channel)
            shape = per_channel
        case nn.InstanceNorm2d():
            mean, variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
            shape = (1, -1, 1, 1)
        case nn.GroupNorm():
            groups = x.reshape(len(x), layer.num_groups, -1)
            mean = groups.mean(2, keepdims=True)
            centred = groups - mean
            x = (centred / np.sqrt(groups.var(2, keepdims=True) + layer.eps)).reshape(x.shape)
            return x * _numbers(layer.weight).reshape(1, -1, *pixels) + _numbers(
                layer.bias
            ).reshape(1, -1, *pixels)
        case nn.LayerNorm():
            mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
            shape = (1, -1)
        case nn.RMSNorm():
            axes = tuple(range(-len(layer.normalized_shape), 0))
            epsilon = torch.finfo(torch.float64).eps if layer.eps is None else layer.eps
            root = np.sqrt(np.square(x).mean(axes, keepdims=True) + epsilon)
            return x / root * _numbers(layer.weight)
        case _:
            raise TypeError(f"There is no formula by hand for a {type(layer).__name__}.")
    straight = (x - mean) / np.sqrt(variance + layer.eps)
    return straight * _numbers(layer.weight).reshape(shape) + _numbers(layer.bias).reshape(shape)


def _windows(x: Doubles, side: int, stride: int) -> Doubles:
    """Every ``side`` × ``side`` window: ``[N, C, rows, columns, side, side]``."""
    return sliding_window_view(x, (side, side), axis=(2, 3))[:, :, ::stride, ::stride]


def _numbers(tensor: Any) -> Doubles:
    found: Doubles = tensor.detach().numpy()
    return found
