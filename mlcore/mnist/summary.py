"""A summary of a network's layers (shapes, parameters, FLOPs), read by forward hooks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One layer's row of the summary.

    Attributes:
        name: The layer's name in the network.
        kind: Its class in ``torch.nn``, such as ``Linear``.
        input: Shape of what came in.
        weight: Shape of its weight as torch stores it, or None where it has none.
        output: Shape of what went out.
        equation: The layer as shapes: ``(512, 784) @ (784, 256) → (512, 256)``. A Linear's weight
            is stored as (out, in) and stands transposed here, as it is multiplied.
        parameters: Learned numbers in it, biases included.
        flops: Floating-point operations of one forward pass over the batch, a multiplication and
            an addition counted apart: 2·B·in·out for a Linear and 2·B·H·W·out·in·k² for a
            convolution, and one for each bias added. Pooling counts k² a value that goes out,
            activations 1, normalization in train mode 5 (mean, variance, and three to apply;
            without a mean, as RMSNorm, 4); reshaping counts nothing.
    """

    name: str
    kind: str
    input: Shape
    weight: Shape | None
    output: Shape
    equation: str
    parameters: int
    flops: int


def ledger(model: nn.Module, images: Tensor) -> tuple[LayerShape, ...]:
    """Send a batch through a network and record every layer's shapes.

    Args:
        model: Any network of ``mlcore.mnist.models``; its weights, running statistics and mode
            are left as they were.
        images: Normalized images float32 ``[B, 28, 28]``, or zeros of that shape.

    Returns:
        One row per layer, in the order of the forward pass.

    Example:
        >>> import mlcore, torch
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> for row in mlcore.mnist.ledger(model, torch.zeros(5, 28, 28)):
        ...     print(row.name, row.output, row.parameters)
        flatten (5, 784) 0
        hidden1 (5, 8) 6280
        activation1 (5, 8) 0
        output (5, 10) 90
    """
    rows: list[LayerShape] = []

    def note(name: str, layer: nn.Module, given: Tensor, out: Tensor) -> None:
        weight = getattr(layer, "weight", None)
        shape = tuple(weight.shape) if isinstance(weight, Tensor) else None
        rows.append(
            LayerShape(
                name=name,
                kind=type(layer).__name__,
                input=tuple(given.shape),
                weight=shape,
                output=tuple(out.shape),
                equation=_equation(layer, tuple(given.shape), shape, tuple(out.shape)),
                parameters=sum(p.numel() for p in layer.parameters()),
                flops=_flops(layer, tuple(out.shape)),
            )
        )

    hooks = [
        layer.register_forward_hook(
            lambda layer, given, out, name=name: note(name, layer, given[0], out)
        )
        for name, layer in model.named_modules()
        if not list(layer.children())
    ]
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(images)  # in train mode batch normalization would move its statistics
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return tuple(rows)


def _equation(layer: nn.Module, given: Shape, weight: Shape | None, out: Shape) -> str:
    match layer:
        case nn.Linear():
            return f"{given} @ {weight and weight[::-1]} → {out}"
        case nn.Conv2d():
            return f"{given} ∗ {weight} → {out}"
        case _:
            return f"{given} → {out}"


def _flops(layer: nn.Module, out: Shape) -> int:
    values = math.prod(out)
    match layer:
        case nn.Linear():
            return values * (2 * layer.in_features + (layer.bias is not None))
        case nn.Conv2d():
            taps = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
            return values * (2 * taps + (layer.bias is not None))
        case nn.MaxPool2d() | nn.AvgPool2d():
            side = layer.kernel_size
            return values * (side**2 if isinstance(side, int) else math.prod(side))
        case nn.modules.batchnorm._NormBase() | nn.LayerNorm() | nn.GroupNorm():  # noqa: SLF001
            return 5 * values
        case nn.RMSNorm():
            return 4 * values
        case nn.Flatten() | nn.Unflatten() | nn.Dropout() | nn.Identity():
            return 0
        case _:
            return values
