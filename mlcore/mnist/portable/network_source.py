"""Writes a network of ``build_model`` as source code: one plain PyTorch module, layer by layer."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from mlcore.core import InputError

MARK: Final = "# Written by `mlcore export --model`."
"""First line of a ``model.py``, by which a folder of ours is known."""


def network_source(
    model: nn.Sequential,
    example: Tensor,
    *,
    classes: tuple[str, ...],
    mean: float,
    std: float,
    loss: str,
) -> str:
    """``model.py``: the class ``Network``, and ``load`` that fills it from ``weights.safetensors``.

    The layers keep their names, so the weights' names fit; they are called in the same order with
    the same arguments, so the logits are the same bits.

    Args:
        model: A chain of torch's own layers.
        example: One image as it takes them, float32 ``[1, side, side]``.
        classes: Names of the classes.
        mean: Mean of the training pixels, as a fraction of 255.
        std: Their standard deviation.
        loss: ``mse`` or ``cross_entropy``; decides what the outputs mean.

    Raises:
        InputError: If a layer is of a kind that no ``MNISTConfig`` makes.
    """
    layers, calls = [], []
    with torch.no_grad():
        x = example
        for name, layer in model.named_children():
            x = layer(x)
            layers.append(f"        self.{name} = {_as_code(name, layer)}")
            calls.append(f"        x = self.{name}(x)  # [N, {', '.join(map(str, x.shape[1:]))}]")
    side = example.shape[-1]
    return _MODULE.format(
        mark=MARK,
        classes=repr(classes),
        mean=mean,
        std=std,
        side=side,
        count=len(classes),
        layers="\n".join(layers),
        calls="\n".join(calls),
        probabilities=_SOFTMAX if loss == "cross_entropy" else _PROJECTION,
    )


def _as_code(name: str, layer: nn.Module) -> str:
    kind = type(layer).__name__
    match layer:
        case nn.Linear():
            given = f"{layer.in_features}, {layer.out_features}"
        case nn.Conv2d():
            (kernel, _), (stride, _) = layer.kernel_size, layer.stride
            given = f"{layer.in_channels}, {layer.out_channels}, {kernel}, stride={stride}"
        case nn.MaxPool2d():
            given = f"{layer.kernel_size}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            given = f"{layer.num_features}, eps={layer.eps!r}"
        case nn.InstanceNorm2d():
            given = f"{layer.num_features}, eps={layer.eps!r}, affine={layer.affine}"
        case nn.GroupNorm():
            given = f"{layer.num_groups}, {layer.num_channels}, eps={layer.eps!r}"
        case nn.LayerNorm() | nn.RMSNorm():
            shape = tuple(layer.normalized_shape)
            given = f"{shape if len(shape) > 1 else shape[0]}, eps={layer.eps!r}"
        case nn.Dropout():
            given = f"{layer.p!r}"
        case nn.LeakyReLU():
            given = f"{layer.negative_slope!r}"
        case nn.Unflatten():
            given = f"{layer.dim}, {tuple(layer.unflattened_size)}"
        case nn.Flatten() | nn.ReLU() | nn.GELU() | nn.SiLU() | nn.Tanh() | nn.Sigmoid():
            given = ""
        case nn.Identity():
            given = ""
        case _:
            raise InputError(
                f"The layer {name} is a {kind}, which cannot be written as code; those of "
                "MNISTConfig can."
            )
    return f"nn.{kind}({given})"


_SOFTMAX: Final = '''
def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Softmax of the logits, [N, classes]: it was trained by cross-entropy."""
    return logits.softmax(dim=1)
'''

_PROJECTION: Final = '''
def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """The nearest vectors of probabilities, [N, classes].

    It was trained by squared error against one-hot labels, so the outputs themselves estimate
    probabilities; they are moved onto the simplex (Duchi et al., ICML 2008, figure 1).
    """
    falling = logits.sort(dim=1, descending=True).values
    excess = falling.cumsum(dim=1) - 1.0
    counts = torch.arange(1, logits.shape[1] + 1)
    support = (falling * counts > excess).sum(dim=1, keepdim=True).clamp(min=1)
    return (logits - excess.gather(1, support - 1) / support).clamp(min=0.0)
'''

_MODULE: Final = '''{mark}
"""The trained network as plain PyTorch. README.md says what it was trained on."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

CLASSES = {classes}
SIDE = {side}  # pixels of an image's side
MEAN, STD = {mean}, {std}  # of the training pixels, as fractions of 255


class Network(nn.Module):
    """Normalized images, float32 [N, {side}, {side}], to logits [N, {count}]."""

    def __init__(self) -> None:
        super().__init__()
{layers}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
{calls}
        return x


def load(folder: Path = Path(__file__).parent) -> Network:
    """The network with its trained weights, in eval mode."""
    network = Network()
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()


def normalized(pixels: torch.Tensor) -> torch.Tensor:
    """Grey levels from 0 (background) to 255, [N, {side}, {side}], as the network takes them."""
    return (pixels.to(torch.float32) / 255 - MEAN) / STD

{probabilities}'''
