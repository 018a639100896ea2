"""Networks of every kind, and images that no data set has to be read for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.models import build_model
from mlcore.mnist.torch_state import isolated_torch_state

KINDS: dict[str, MNISTConfig] = {
    "linear": MNISTConfig(model="linear"),
    "mlp": MNISTConfig(hidden=(20, 12), dropout=0.4),
    "mlp, batch": MNISTConfig(hidden=(20, 12), normalization="batch", activation="gelu"),
    "mlp, layer": MNISTConfig(hidden=(20,), normalization="layer", activation="silu"),
    "mlp, group": MNISTConfig(hidden=(16,), normalization="group", activation="tanh"),
    "mlp, rms": MNISTConfig(hidden=(16,), normalization="rms", activation="sigmoid"),
    "mlp, identity": MNISTConfig(hidden=(20, 12), activation="identity"),
    "cnn": MNISTConfig(model="cnn", channels=(3, 5), kernels=(5, 3), dense=12),
    "cnn, batch": MNISTConfig(
        model="cnn", channels=(3, 5), kernels=(5, 3), dense=12, normalization="batch", dropout=0.3
    ),
    "cnn, layer": MNISTConfig(
        model="cnn", channels=(4,), kernels=(5,), normalization="layer", activation="leaky_relu"
    ),
    "cnn, instance": MNISTConfig(
        model="cnn", channels=(4, 4), kernels=(5, 3), dense=0, normalization="instance"
    ),
    "cnn, rms": MNISTConfig(
        model="cnn", channels=(4, 4), kernels=(7, 4), stride=2, dense=9, normalization="rms"
    ),
}
"""One config for every kind of layer there is."""


def network(kind: str, seed: int = 3) -> nn.Sequential:
    """A network whose normalizations have something to do, in eval mode."""
    model = build_model(KINDS[kind].replace(seed=seed))
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if "normalization" in name and tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return model.eval()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks wait for each other's threads far longer than they compute."""
    with isolated_torch_state(threads=1):
        yield


@pytest.fixture
def images() -> Tensor:
    """Seven normalized images, float32 ``[7, 28, 28]``."""
    return torch.randn(7, 28, 28, generator=torch.Generator().manual_seed(1))
