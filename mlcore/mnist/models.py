"""The networks: one linear layer, a multilayer perceptron, or convolutions first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from mlcore.core import MODEL_PREFIX, Snapshot, SnapshotError
from mlcore.layers.schemes import initialize
from mlcore.mnist.config import MNISTConfig, image_sides

SIDE: Final = 28
PIXELS: Final = SIDE * SIDE

_ACTIVATIONS: Final[dict[str, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def build_model(config: MNISTConfig) -> nn.Sequential:
    """The untrained network, its weights drawn from ``config.seed``.

    Returns:
        A module from normalized images, float32 ``[N, 28, 28]``, to raw outputs ``[N, classes]``.
        Its layers are named ``hidden1``, ``activation1``, …, ``output``. The caller's random
        state is left as it was.

    Example:
        >>> import mlcore, torch
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> print(model(torch.zeros(5, 28, 28)).shape)
        torch.Size([5, 10])
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)  # the CPU draws
        model = nn.Sequential(OrderedDict(_LAYERS[config.model](config)))
        initialize(
            model,
            config.initialization,
            scale=config.init_scale,
            activation=config.activation if config.model != "linear" else "sigmoid",
        )
    return model


def load_weights(config: MNISTConfig, snapshot: Snapshot) -> nn.Sequential:
    """The network of a config with a snapshot's weights, in eval mode on the CPU.

    With ``keep="best"`` they are the best epoch's.

    Raises:
        SnapshotError: If the snapshot belongs to another network.
        RunStateError: If it is of a run with ``keep="best"`` before its first epoch's end.

    Example:
        >>> import mlcore
        >>> config = mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1)
        >>> last = [step.snapshot() for step in mlcore.train(config) if step.done == step.total][-1]
        >>> model = mlcore.mnist.load_weights(config, last)
        >>> print(model.training, sum(p.numel() for p in model.parameters()))
        False 6370
    """
    model = build_model(config)
    _put(model, snapshot.state_dict())
    return model.eval()


def put_weights(model: nn.Module, snapshot: Snapshot) -> None:
    """Copy a snapshot's newest weights into a network of the same layers.

    Raises:
        SnapshotError: If the snapshot belongs to another network.
    """
    newest = {n: tensor for n, tensor in snapshot.tensors.items() if n.startswith(MODEL_PREFIX)}
    _put(model, Snapshot(newest).state_dict())


def _put(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in weights.items()} != expected:
        raise SnapshotError(
            f"The snapshot holds the weights {sorted(weights)}, but this config's network needs "
            f"{sorted(expected)} in its own shapes: it belongs to another config."
        )
    model.load_state_dict(weights)


def _linear(config: MNISTConfig) -> list[tuple[str, nn.Module]]:
    return [("flatten", nn.Flatten()), ("output", nn.Linear(PIXELS, config.num_classes()))]


def _mlp(config: MNISTConfig) -> list[tuple[str, nn.Module]]:
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    inputs = PIXELS
    for number, width in enumerate(config.hidden, start=1):
        layers += _dense(config, str(number), inputs, width)
        inputs = width
    return [*layers, ("output", nn.Linear(inputs, config.num_classes()))]


def _cnn(config: MNISTConfig) -> list[tuple[str, nn.Module]]:
    layers: list[tuple[str, nn.Module]] = [("image", nn.Unflatten(1, (1, SIDE)))]
    inputs, sides = 1, image_sides(config.kernels, config.stride)
    for number, (channels, kernel) in enumerate(
        zip(config.channels, config.kernels, strict=True), start=1
    ):
        stride = config.stride if number == 1 else 1
        layers.append((f"convolution{number}", nn.Conv2d(inputs, channels, kernel, stride)))
        if stride == 1:  # before the activation, which then has a quarter of the work
            layers.append((f"pool{number}", nn.MaxPool2d(2)))
        if (norm := _normalization(config, channels, sides[number])) is not None:
            layers.append((f"normalization{number}", norm))
        layers.append((f"activation{number}", _ACTIVATIONS[config.activation]()))
        inputs = channels
    layers.append(("flatten", nn.Flatten()))
    inputs *= sides[-1] ** 2
    if config.dense:
        layers += _dense(config, "_dense", inputs, config.dense)
        inputs = config.dense
    elif config.dropout:
        layers.append(("dropout_dense", nn.Dropout(config.dropout)))
    return [*layers, ("output", nn.Linear(inputs, config.num_classes()))]


def _dense(
    config: MNISTConfig, number: str, inputs: int, width: int
) -> list[tuple[str, nn.Module]]:
    layers: list[tuple[str, nn.Module]] = [(f"hidden{number}", nn.Linear(inputs, width))]
    if (norm := _normalization(config, width)) is not None:
        layers.append((f"normalization{number}", norm))
    layers.append((f"activation{number}", _ACTIVATIONS[config.activation]()))
    if config.dropout:
        layers.append((f"dropout{number}", nn.Dropout(config.dropout)))
    return layers


def _normalization(config: MNISTConfig, width: int, side: int | None = None) -> nn.Module | None:
    """The layer for vectors of a width, or for images of that many channels and a side."""
    image = side is not None
    match config.normalization:
        case "none":
            return None
        case "batch":
            return nn.BatchNorm2d(width) if image else nn.BatchNorm1d(width)
        case "layer":  # over channels and pixels alike, as GroupNorm with one group does
            return nn.GroupNorm(1, width) if image else nn.LayerNorm(width)
        case "group":
            return nn.GroupNorm(_groups(width, side), width)
        case "instance":  # a vector has no pixels to average over: the dense layer goes without
            return nn.InstanceNorm2d(width, affine=True) if image else None
        case "rms":
            return nn.RMSNorm((width, side, side) if side is not None else width)


def _groups(width: int, side: int | None) -> int:
    """At most 8 equal groups, each of two values or more: of one, nothing would be left but 0."""
    least = 1 if side is not None and side > 1 else 2
    return max((g for g in (8, 4, 2) if width % g == 0 and width // g >= least), default=1)


_LAYERS: Final = {"linear": _linear, "mlp": _mlp, "cnn": _cnn}
