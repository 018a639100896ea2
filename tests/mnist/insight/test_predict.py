"""Outputs and features are those of torch, whichever way a network is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlcore.mnist import Digits
from mlcore.mnist.insight import forward, on_pixels
from tests.mnist.insight.conftest import KINDS, network

PIXELS = cast("Digits", SimpleNamespace(mean=0.1307, std=0.3081))


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_networks_own_and_features_its_last_layers_input(
    kind: str, images: Tensor
) -> None:
    model = network(kind)
    found = forward(model, images)
    with torch.no_grad():
        expected = model(images)
        again = model[-1](torch.from_numpy(found.features))
    assert torch.allclose(torch.from_numpy(found.outputs), expected, atol=1e-5)
    assert torch.allclose(again, expected, atol=1e-5)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, images: Tensor) -> None:
    model = network("cnn, batch")
    whole = forward(model, images)
    monkeypatch.setattr("mlcore.mnist.insight.predict.CHUNK", 2)
    parts = forward(model, images)
    np.testing.assert_allclose(parts.outputs, whole.outputs, atol=1e-6)
    np.testing.assert_allclose(parts.features, whole.features, atol=1e-6)


def test_bytes_over_pixels_give_what_normalized_images_give() -> None:
    model = network("mlp")
    pictures = torch.randint(
        0, 256, (4, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )
    bare = forward(model, (pictures.float() / 255 - 0.1307) / 0.3081)
    over = forward(on_pixels(model, PIXELS), pictures)
    np.testing.assert_allclose(over.outputs, bare.outputs, atol=1e-5)


def test_no_images_give_empty_arrays_of_the_right_widths() -> None:
    found = forward(network("mlp"), torch.zeros(0, 28, 28))
    assert (found.outputs.shape, found.features.shape) == ((0, 10), (0, 12))


def test_bfloat16_is_what_autocast_computes(images: Tensor) -> None:
    model = network("mlp")
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model(images).float()
    found = forward(model, images, precision="bfloat16")
    np.testing.assert_array_equal(found.outputs, expected.numpy())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.zeros(28, 28), r"shape \(28, 28\), but must be \[N, 28, 28\]"),
        (torch.zeros(1, 27, 28), "must be"),
        (torch.zeros(1, 28, 28, dtype=torch.uint8), "on_pixels"),
    ],
)
def test_images_of_another_kind_are_refused_in_a_sentence(given: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        forward(network("linear"), given)


@pytest.mark.parametrize("model", [nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.ReLU())])
def test_a_network_that_is_no_chain_to_a_linear_layer_is_refused(model: nn.Module) -> None:
    with pytest.raises(TypeError, match=r"must be an nn\.Sequential that ends in an nn\.Linear"):
        forward(model, torch.zeros(1, 28, 28))
