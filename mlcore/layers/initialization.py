"""Activations and gradients in every layer of a deep network before training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlcore.layers.activations import MODULES, closed_form
from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Activation, Scheme
from mlcore.layers.schemes import initialize
from mlcore.layers.signal_theory import SignalTheory, signal_theory


@dataclass(frozen=True, slots=True, eq=False)
class Propagated:
    """Activations and gradients of real images in an untrained network.

    Attributes:
        activations: For each hidden layer what its activation returned, ``[B, width]``.
        gradients: For each hidden layer the gradient of the sum of all images' losses with respect
            to its pre-activations, ``[B, width]``, by autograd.
        activation_std: Standard deviation of each of ``activations`` over images and units.
        gradient_std: Root mean square of each of ``gradients``.
        theory: The same in closed form, in the limit of wide layers.
        loss: Mean cross-entropy over the batch, in nats.
        max_difference: The largest relative difference between torch's activations and gradients
            and those multiplied out by hand, in units of the largest sum of absolute terms in
            the layer; NaN where a number is not finite.
        model: The network: ``hidden1``, ``activation1``, …, ``output``.
    """

    activations: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]
    activation_std: tuple[float, ...]
    gradient_std: tuple[float, ...]
    theory: SignalTheory
    loss: float
    max_difference: float
    model: nn.Sequential


def propagate(
    images: Tensor,
    labels: Tensor,
    *,
    depth: int = 10,
    width: int = 100,
    activation: Activation = "tanh",
    scheme: Scheme = "xavier",
    scale: float = 0.01,
    seed: int = 0,
) -> Propagated:
    """Send images forward through an untrained multilayer perceptron, and gradients back.

    The network is the one that ``MNISTConfig(hidden=(width,) * depth, …)`` starts from.

    Args:
        images: Normalized, ``[B, …]``; computed with in their own precision.
        labels: int64 ``[B]``, 0 to 9.
        depth: Hidden layers, at least 1.
        width: Units in each.
        activation: After each hidden layer.
        scheme: How weights are drawn, see ``draw_weight``.
        scale: σ of ``normal``, the value of ``constant``.
        seed: Of the weights.

    Raises:
        ValueError: If depth or width is below 1.

    Example:
        >>> import mlcore, torch
        >>> images, labels = torch.ones(4, 28, 28), torch.arange(4)
        >>> result = mlcore.layers.propagate(images, labels, depth=3, width=16)
        >>> print(len(result.activations), result.activations[0].shape, len(result.gradient_std))
        3 torch.Size([4, 16]) 3
    """
    if depth < 1 or width < 1:
        raise ValueError(f"depth is {depth} and width {width}, but each must be at least 1.")
    flat = images.flatten(1)
    model = _build(flat.shape[1], depth, width, activation, scheme, scale, seed).to(images.dtype)
    befores: list[Tensor] = []
    afters: list[Tensor] = []
    signal = flat
    for layer in model:
        signal = layer(signal)
        (befores if isinstance(layer, nn.Linear) else afters).append(signal)
    loss = functional.cross_entropy(signal, labels, reduction="sum")
    grads = torch.autograd.grad(loss, befores)
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        gap = _by_hand(flat, labels, linears, activation, afters, grads)
        theory = signal_theory(
            flat, grads[-1], depth, width, activation=activation, scheme=scheme, scale=scale
        )
        activations = tuple(a.detach() for a in afters)
        return Propagated(
            activations=activations,
            gradients=tuple(grads[:-1]),
            activation_std=tuple(float(a.std(correction=0)) for a in activations),
            gradient_std=tuple(float(g.square().mean().sqrt()) for g in grads[:-1]),
            theory=theory,
            loss=float(loss.detach()) / len(labels),
            max_difference=gap,
            model=model,
        )


def _build(
    inputs: int,
    depth: int,
    width: int,
    activation: Activation,
    scheme: Scheme,
    scale: float,
    seed: int,
) -> nn.Sequential:
    model = nn.Sequential()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for number in range(1, depth + 1):
            model.add_module(f"hidden{number}", nn.Linear(inputs, width))
            model.add_module(f"activation{number}", MODULES[activation]())
            inputs = width
        model.add_module("output", nn.Linear(inputs, 10))
        initialize(model, scheme, scale=scale, activation=activation)
    return model


def _by_hand(
    flat: Tensor,
    labels: Tensor,
    linears: Sequence[nn.Linear],
    activation: Activation,
    afters: Sequence[Tensor],
    grads: Sequence[Tensor],
) -> float:
    """The largest relative difference between torch's result and explicit matrix products."""
    gaps: list[float] = []
    signal, slopes = flat, []
    for layer, after in zip(linears, afters, strict=False):
        signal, slope = closed_form(activation, signal @ layer.weight.T + layer.bias)
        slopes.append(slope)
        gaps.append(_relative(after, signal, signal.abs()))
    logits = signal @ linears[-1].weight.T + linears[-1].bias
    back = logits.softmax(1) - functional.one_hot(labels, 10)
    # Σ (p − y) = 0, so equal weights send back nothing but rounding errors: a sum is compared in
    # units of the absolute values it is a sum of.
    terms = back.abs()
    for above, slope, grad in zip(linears[:0:-1], slopes[::-1], grads[-2::-1], strict=True):
        back = (back @ above.weight) * slope
        terms = (terms @ above.weight.abs()) * slope.abs()
        gaps.append(_relative(grad, back, terms))
    return math.nan if any(map(math.isnan, gaps)) else max(gaps)


def _relative(a: Tensor, b: Tensor, terms: Tensor) -> float:
    difference, size = largest_difference((a, b)), float(terms.max())
    return difference / size if size else difference
