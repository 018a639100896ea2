"""The forward pass of one digit, layer by layer: shapes, numbers, and errors of wrong widths."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.mnist.insight.numpy_reference import by_hand
from mlcore.mnist.insight.pixels import OnPixels
from mlcore.mnist.insight.predict import Array, named_chain, prepared

Shape = tuple[int, ...]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Broken:
    """A layer whose width does not match its neighbours.

    Attributes:
        layer: Its name.
        inputs: Values (channels, for a convolution) it then expects.
        outputs: Values (channels) it then gives.
    """

    layer: str
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The output of one layer for one image, in float64.

    Attributes:
        name: The layer's name in the network.
        kind: Its class in ``torch.nn``.
        input: Shape of what came in, a batch of one.
        weight: Shape of its weight as torch stores it, or None.
        bias: Shape of its bias, or None.
        output: Shape of what went out; None where the layer refused or was never reached.
        equation: The layer as shapes: ``(1, 784) @ (784, 256) + (256,) → (1, 256)``.
        values: What went out, or None.
        difference: max |Δ| between torch's output and the formula by hand, or None.
        error: PyTorch's own words where the layer refused, else None.
        reached: Whether the digit came as far as this layer.
    """

    name: str
    kind: str
    input: Shape | None
    weight: Shape | None
    bias: Shape | None
    output: Shape | None
    equation: str
    values: Doubles | None
    difference: float | None
    error: str | None
    reached: bool


def algebra(model: nn.Module, image: Array, broken: Broken | None = None) -> tuple[Row, ...]:
    """Send one image through a network and check each layer's output by its formula.

    Computed in float64 on a copy; the network is left as it is.

    Args:
        model: A network of ``mlcore.mnist.build_model``, bare or over pixels.
        image: ``[28, 28]``, normalized for a bare network.
        broken: A layer to rebuild with other widths first, to see which layer raises.

    Returns:
        One row per layer; after a layer that refuses, the rest as not reached.

    Raises:
        ValueError: If ``broken`` names no linear or convolutional layer, or a width below 1.

    Example:
        >>> import mlcore, numpy
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> for row in mlcore.mnist.insight.algebra(model, numpy.zeros((28, 28), numpy.float32)):
        ...     print(row.name, row.output, row.difference)
        flatten (1, 784) 0.0
        hidden1 (1, 8) 0.0
        activation1 (1, 8) 0.0
        output (1, 10) 0.0
    """
    bare = model.model if isinstance(model, OnPixels) else model
    network = copy.deepcopy(bare).double().eval()
    if broken is not None:
        _break(network, broken)
    hidden = prepared(model, torch.as_tensor(image)[None]).double()
    rows: list[Row] = []
    for name, layer in named_chain(network):
        if rows and (rows[-1].error is not None or not rows[-1].reached):
            rows.append(_row(name, layer, None, None, None, reached=False))
            continue
        given = hidden
        try:
            with torch.inference_mode():
                hidden = layer(given)
        except RuntimeError as refusal:
            said = str(refusal).strip().splitlines()[0]
            rows.append(_row(name, layer, given.numpy(), None, said, reached=True))
            continue
        rows.append(_row(name, layer, given.numpy(), hidden.numpy(), None, reached=True))
    return tuple(rows)


def sum_written_out(inputs: Doubles, weights: Doubles, bias: float, terms: int = 3) -> str:
    r"""One output of a linear layer as LaTeX, its largest terms first.

    Args:
        inputs: What came in, ``[D]``.
        weights: The unit's row of the weight, ``[D]``.
        bias: The unit's bias.
        terms: How many products to write; the others are summed up.

    Returns:
        ``0.42\cdot 1.3 + … + \underbrace{0.2}_{\text{781 more}} + \underbrace{0.05}_{b} = 0.9``.

    Example:
        >>> import mlcore, numpy
        >>> x, w = numpy.array([0.5, 2.0]), numpy.array([4.0, 0.25])
        >>> print(mlcore.mnist.insight.sum_written_out(x, w, bias=1.0))
        0.5\cdot 4 + 2\cdot 0.25 + \underbrace{1}_{b} = 3.5
    """
    products = inputs * weights
    order = np.argsort(-np.abs(products), kind="stable")[:terms]
    parts = [rf"{_number(inputs[i])}\cdot {_number(weights[i])}" for i in order]
    rest = float(products.sum() - products[order].sum())
    others = len(products) - len(order)
    if others > 0:
        parts.append(rf"\underbrace{{{_number(rest)}}}_{{\text{{{others} more}}}}")
    parts.append(rf"\underbrace{{{_number(bias)}}}_{{b}}")
    return f"{' + '.join(parts)} = {_number(float(products.sum()) + bias)}"


def _break(network: nn.Module, broken: Broken) -> None:
    layers = dict(named_chain(network))
    layer = layers.get(broken.layer)
    if not isinstance(layer, nn.Linear | nn.Conv2d) or min(broken.inputs, broken.outputs) < 1:
        known = ", ".join(n for n, one in layers.items() if isinstance(one, nn.Linear | nn.Conv2d))
        raise ValueError(
            f"The layer {broken.layer!r} cannot be built with {broken.inputs} inputs and "
            f"{broken.outputs} outputs: name one of {known}, and widths of at least 1."
        )
    rebuilt: nn.Module
    with torch.random.fork_rng(devices=[]):  # the new weights are never told, only their shapes
        if isinstance(layer, nn.Linear):
            if (layer.in_features, layer.out_features) == (broken.inputs, broken.outputs):
                return
            rebuilt = nn.Linear(broken.inputs, broken.outputs)
        else:
            if (layer.in_channels, layer.out_channels) == (broken.inputs, broken.outputs):
                return
            side, stride = layer.kernel_size[0], layer.stride[0]
            rebuilt = nn.Conv2d(broken.inputs, broken.outputs, side, stride)
    network.set_submodule(broken.layer, rebuilt.double())


def _row(
    name: str,
    layer: nn.Module,
    given: Doubles | None,
    out: Doubles | None,
    error: str | None,
    *,
    reached: bool,
) -> Row:
    weight, bias = _shape(layer, "weight"), _shape(layer, "bias")
    difference = None
    if given is not None and out is not None:
        expected = by_hand(layer, given)
        difference = float(np.abs(expected - out).max(initial=0.0))
    return Row(
        name=name,
        kind=type(layer).__name__,
        input=None if given is None else given.shape,
        weight=weight,
        bias=bias,
        output=None if out is None else out.shape,
        equation=_equation(layer, given, weight, bias, out),
        values=out,
        difference=difference,
        error=error,
        reached=reached,
    )


def _shape(layer: nn.Module, name: str) -> Shape | None:
    found = getattr(layer, name, None)
    return tuple(found.shape) if isinstance(found, torch.Tensor) else None


def _equation(
    layer: nn.Module,
    given: Doubles | None,
    weight: Shape | None,
    bias: Shape | None,
    out: Doubles | None,
) -> str:
    x = _words(None if given is None else given.shape)
    y = _words(None if out is None else out.shape)
    match layer:
        case nn.Linear():
            return f"{x} @ {_words(weight and weight[::-1])} + {_words(bias)} → {y}"
        case nn.Conv2d():
            return f"{x} ∗ {_words(weight)} + {_words(bias)} → {y}"
        case _:
            return f"{x} → {y}"


def _words(shape: Sequence[int] | None) -> str:
    return "?" if shape is None else str(tuple(shape))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return r"\text{NaN}" if math.isnan(value) else r"\infty" if value > 0 else r"(-\infty)"
    text = f"{value:.3g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = rf"{mantissa}\cdot 10^{{{int(exponent)}}}"
    return f"({text})" if text.startswith("-") else text
