"""Mean, spread and dead units of each layer's outputs, recorded by forward hooks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """The outputs of one layer over a batch.

    Attributes:
        name: The layer's name in the network.
        kind: Its class in ``torch.nn``.
        mean: Mean over samples and units.
        std: Standard deviation over samples and units, divisor n.
        zero_units: Share of units that are 0 for every sample: dead ones after a ReLU.
    """

    name: str
    kind: str
    mean: float
    std: float
    zero_units: float


@torch.no_grad()
def activation_statistics(model: nn.Module, images: Tensor) -> tuple[LayerStatistics, ...]:
    """Send a batch through a network in eval mode and summarize each layer's output.

    Args:
        model: A network of named leaf layers; its mode, weights and running statistics stay.
        images: A batch as the network takes it.

    Returns:
        One row per layer, in the order of the forward pass; layers that only reshape are left out.

    Example:
        >>> import mlcore, torch
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> rows = mlcore.layers.activation_statistics(model, torch.zeros(2, 28, 28))
        >>> print([row.name for row in rows])
        ['hidden1', 'activation1', 'output']
    """
    rows: list[LayerStatistics] = []

    def note(name: str, layer: nn.Module, out: Tensor) -> None:
        out = out.float()
        rows.append(
            LayerStatistics(
                name,
                type(layer).__name__,
                float(out.mean()),
                float(out.std(correction=0)),
                float((out == 0).flatten(1).all(0).float().mean()),
            )
        )

    hooks = [
        layer.register_forward_hook(lambda layer, _, out, name=name: note(name, layer, out))
        for name, layer in model.named_modules()
        if not list(layer.children()) and not isinstance(layer, nn.Flatten | nn.Unflatten)
    ]
    was_training = model.training
    try:
        model.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return tuple(rows)
