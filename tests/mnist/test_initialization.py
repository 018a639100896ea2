"""First weights by scheme, and norms a network can or cannot have."""

import math

import pytest
import torch

from mlcore import ConfigError, MNISTConfig
from mlcore.layers.names import Scheme


def test_default_initialization_is_torchs_own() -> None:
    torch.manual_seed(0)
    hidden = torch.nn.Linear(784, 256)

    model = MNISTConfig(seed=0).build_model()

    assert torch.equal(model.get_parameter("hidden1.weight"), hidden.weight)
    assert torch.equal(model.get_parameter("hidden1.bias"), hidden.bias)


@pytest.mark.parametrize(
    ("scheme", "std"),
    [
        ("normal", 0.05),
        ("xavier", math.sqrt(2 / (784 + 256))),
        ("kaiming", math.sqrt(2 / 784)),
        ("orthogonal", math.sqrt(1 / 784)),
    ],
)
def test_weights_have_the_spread_of_their_scheme_and_biases_are_zero(
    scheme: Scheme, std: float
) -> None:
    model = MNISTConfig(initialization=scheme, init_scale=0.05).build_model()

    assert float(model.get_parameter("hidden1.weight").detach().std()) == pytest.approx(
        std, rel=0.02
    )
    assert not model.get_parameter("hidden1.bias").any()


def test_constant_weights_are_all_the_constant() -> None:
    model = MNISTConfig(initialization="constant", init_scale=0.25).build_model()

    assert bool((model.get_parameter("output.weight") == 0.25).all())


def test_instance_normalization_of_a_vector_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"choose layer, or model=cnn\."):
        MNISTConfig(normalization="instance")


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "instance", "rms"])
def test_every_norm_trains_a_convolutional_network(norm: str) -> None:
    config = MNISTConfig(model="cnn", channels=(4,), kernels=(5,), dense=8).replace(
        normalization=norm
    )
    model = config.build_model()

    model(torch.ones(2, 28, 28)).sum().backward()

    assert all(p.grad is not None for p in model.parameters())
