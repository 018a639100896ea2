"""The spread of activations and gradients in wide random networks, by mean-field theory.

Sources: Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
NeurIPS 2016; Schoenholz et al., "Deep information propagation", ICLR 2017. With equal weights
(zeros, constant) all units of a layer are one, and the recursion is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.layers.activations import closed_form
from mlcore.layers.names import Activation, Scheme
from mlcore.layers.schemes import weight_variance

_NODES = 513
_REACH = 8.0


@dataclass(frozen=True, slots=True)
class SignalTheory:
    """The spread of activations and gradients in each hidden layer, by theory.

    Attributes:
        activation_std: Standard deviation over images and units.
        gradient_std: Root mean square of the gradient of the pre-activations.
        exact: Whether the recursion is exact (equal weights) rather than a limit of wide layers.
    """

    activation_std: tuple[float, ...]
    gradient_std: tuple[float, ...]
    exact: bool


def signal_theory(
    flat: Tensor,
    output_gradient: Tensor,
    depth: int,
    width: int,
    *,
    activation: Activation,
    scheme: Scheme,
    scale: float,
) -> SignalTheory:
    """Predict the spread of activations and gradients in every hidden layer.

    With q the second moment of a unit's pre-activation over random weights, image by image:
    q¹ = σ_w²·|x|² + σ_b², qˡ⁺¹ = width·σ_w²·E[f(√qˡ z)²] + σ_b², and for the gradient
    E[δˡ²] = (units above)·σ_w²·E[δˡ⁺¹²]·E[f′(√qˡ z)²], z normal.

    Args:
        flat: Images ``[B, pixels]``.
        output_gradient: Gradient of the loss with respect to the outputs, ``[B, 10]``, measured:
            from there the recursion goes back.
        depth: Hidden layers.
        width: Units in each.
        activation: After each of them.
        scheme: How weights are drawn.
        scale: σ of ``normal``, the value of ``constant``.

    Example:
        >>> import mlcore, torch
        >>> flat, upstream = torch.ones(2, 784), torch.full((2, 10), 0.1)
        >>> scheme = {"activation": "relu", "scheme": "kaiming", "scale": 0.0}
        >>> theory = mlcore.layers.signal_theory(flat, upstream, depth=2, width=100, **scheme)
        >>> print([round(std, 3) for std in theory.activation_std], theory.exact)
        [0.826, 0.826] False
    """
    if scheme in ("zeros", "constant"):
        constant = scale if scheme == "constant" else 0.0
        return _equal_weights(flat, output_gradient, depth, width, activation, constant)

    def variance(fan_in: int, fan_out: int) -> float:
        return weight_variance(scheme, fan_in, fan_out, scale=scale, activation=activation)

    def bias_variance(fan_in: int) -> float:
        return 1.0 / (3.0 * fan_in) if scheme == "default" else 0.0

    pixels, classes = flat.shape[1], output_gradient.shape[1]
    q = variance(pixels, width) * flat.square().sum(1) + bias_variance(pixels)
    stds, slopes = [], []
    for _ in range(depth):
        first, second, slope = _moments(activation, q)
        stds.append(_root(second.mean() - first.mean() ** 2))
        slopes.append(slope)
        q = width * variance(width, width) * second + bias_variance(width)
    square = output_gradient.square().mean(1)
    above, back = classes, []
    for slope in reversed(slopes):
        square = above * variance(width, above) * square * slope
        back.append(_root(square.mean()))
        above = width
    return SignalTheory(tuple(stds), tuple(reversed(back)), exact=False)


def _equal_weights(
    flat: Tensor, gradient: Tensor, depth: int, width: int, activation: Activation, constant: float
) -> SignalTheory:
    signal, stds, slopes = constant * flat.sum(1), [], []
    for _ in range(depth):
        value, slope = closed_form(activation, signal)
        stds.append(float(value.std(correction=0)))
        slopes.append(slope)
        signal = constant * width * value
    # Softmax less one-hot sums to 0 for each image, so equal weights send nothing back at all.
    total = torch.zeros_like(gradient[:, 0])
    back: list[float] = []
    for slope in reversed(slopes):
        unit = constant * total * slope
        back.append(_root(unit.square().mean()))
        total = width * unit
    return SignalTheory(tuple(stds), tuple(reversed(back)), exact=True)


def _moments(activation: Activation, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """E[f], E[f²] and E[f′²] of f(√q z), z normal, for each q: by the trapezoid rule."""
    z = torch.linspace(-_REACH, _REACH, _NODES, dtype=q.dtype)
    density = torch.exp(-0.5 * z * z)
    density /= density.sum()
    value, slope = closed_form(activation, q.clamp(min=0.0).sqrt()[:, None] * z)
    return value @ density, value.square() @ density, slope.square() @ density


def _root(square: Tensor) -> float:
    return math.sqrt(max(float(square), 0.0))
