"""Tiles, feature maps and the algebra of each layer against torch and the network's own numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlcore.mnist.insight import (
    Broken,
    algebra,
    feature_maps,
    matrices,
    sum_written_out,
    weight_history,
)
from mlcore.mnist.insight.numpy_reference import by_hand
from tests.mnist.insight.conftest import KINDS, network


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_the_weights_and_nothing_else(kind: str) -> None:
    model = network(kind)
    found = {matrix.name: matrix for matrix in matrices(model)}
    layers = {n: m for n, m in model.named_children() if isinstance(m, nn.Linear | nn.Conv2d)}
    assert list(found) == list(layers)
    for name, layer in layers.items():
        matrix = found[name]
        np.testing.assert_array_equal(matrix.tiles.ravel(), layer.weight.detach().numpy().ravel())
        assert matrix.shape == tuple(layer.weight.shape)
        assert len(matrix.labels) == len(matrix.tiles)


def test_a_layer_that_sees_pixels_has_a_tile_a_unit_and_a_later_one_is_whole() -> None:
    first, second, last = matrices(network("mlp"))
    assert first.tiles.shape == (20, 28, 28)
    assert second.tiles.shape == (1, 12, 20)
    assert last.tiles.shape == (1, 10, 12)
    assert first.labels[3] == "unit 3"


def test_a_convolution_has_a_tile_for_each_pair_of_channels() -> None:
    _, second, _, _ = matrices(network("cnn"))
    assert second.tiles.shape == (5 * 3, 3, 3)
    assert second.labels[4] == "channel 1 to 1"


@pytest.mark.parametrize("kind", ["mlp", "cnn, batch"])
def test_feature_maps_are_what_real_hooks_hear(kind: str, images: Tensor) -> None:
    model = network(kind)
    heard: dict[str, Tensor] = {}
    for name, layer in model.named_children():
        layer.register_forward_hook(
            lambda _layer, _given, out, name=name: heard.update({name: out[0]})
        )
    found = feature_maps(model, images[0])
    with torch.no_grad():
        model(images[:1])
    assert {"flatten", "dropout1"}.isdisjoint(matrix.name for matrix in found)
    for matrix in found:
        np.testing.assert_allclose(
            matrix.tiles.ravel(), heard[matrix.name].numpy().ravel(), atol=1e-6
        )


def test_the_history_says_how_far_weights_moved() -> None:
    start, end = network("mlp", seed=1), network("mlp", seed=2)
    rows = weight_history([(0, start), (1, end)])
    assert rows["moved"][rows["epoch"] == 0].tolist() == [0.0, 0.0, 0.0]
    for name in ("hidden1", "output"):
        first, last = (net.state_dict()[f"{name}.weight"] for net in (start, end))
        row = rows[(rows["epoch"] == 1) & (rows["layer"] == name)].iloc[0]
        assert row["norm"] == pytest.approx(float(torch.linalg.norm(last)), rel=1e-6)
        expected = torch.linalg.norm(last - first) / torch.linalg.norm(first)
        assert row["moved"] == pytest.approx(float(expected), rel=1e-6)


# --- algebra ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_agrees_with_its_formula_by_hand(kind: str, images: Tensor) -> None:
    model = network(kind)
    rows = algebra(model, images[2])
    assert [row.name for row in rows] == [name for name, _ in model.named_children()]
    assert all(row.error is None and row.reached for row in rows)
    assert max(row.difference or 0.0 for row in rows) < 1e-12
    with torch.no_grad():
        outputs = model.double()(images[2:3].double())
    values = rows[-1].values
    assert values is not None
    np.testing.assert_allclose(values, outputs.numpy(), rtol=1e-12)


def test_the_algebra_leaves_the_network_as_it_is(images: Tensor) -> None:
    model = network("cnn, batch").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    algebra(model, images[0], Broken("hidden_dense", 7, 7))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_layer_without_a_formula_is_named() -> None:
    with pytest.raises(TypeError, match="no formula by hand for a Bilinear"):
        by_hand(nn.Bilinear(1, 1, 1), np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("broken", "guilty", "words"),
    [
        (Broken("hidden2", 21, 12), "hidden2", "mat1 and mat2 shapes cannot be multiplied"),
        (Broken("hidden1", 784, 19), "hidden2", r"\(1x19 and 20x12\)"),
        (Broken("output", 13, 10), "output", r"\(1x12 and 13x10\)"),
    ],
)
def test_a_broken_width_is_refused_by_the_layer_that_receives_in_torchs_words(
    broken: Broken, guilty: str, words: str, images: Tensor
) -> None:
    rows = algebra(network("mlp"), images[0], broken)
    refused = next(row for row in rows if row.error is not None)
    assert refused.name == guilty
    assert re.search(words, refused.error or "")
    after = rows[rows.index(refused) + 1 :]
    assert all(not row.reached and row.values is None for row in after)
    assert all(row.values is not None for row in rows[: rows.index(refused)])


def test_a_broken_channel_is_refused_by_the_convolution(images: Tensor) -> None:
    rows = algebra(network("cnn"), images[0], Broken("convolution2", 4, 5))
    refused = next(row for row in rows if row.error is not None)
    assert refused.name == "convolution2"
    assert "to have 4 channels, but got 3 channels instead" in (refused.error or "")


def test_a_normalization_refuses_what_its_layer_gives(images: Tensor) -> None:
    rows = algebra(network("mlp, batch"), images[0], Broken("hidden1", 784, 21))
    assert next(row.name for row in rows if row.error is not None) == "normalization1"


def test_the_right_widths_break_nothing(images: Tensor) -> None:
    rows = algebra(network("mlp"), images[0], Broken("hidden2", 20, 12))
    intact = algebra(network("mlp"), images[0])
    assert rows[-1].values is not None
    np.testing.assert_array_equal(rows[-1].values, intact[-1].values)


@pytest.mark.parametrize("broken", [Broken("activation1", 1, 1), Broken("hidden1", 0, 5)])
def test_what_cannot_be_broken_is_refused_in_a_sentence(broken: Broken, images: Tensor) -> None:
    with pytest.raises(ValueError, match="name one of hidden1, hidden2, output"):
        algebra(network("mlp"), images[0], broken)


def test_the_equation_names_the_shapes_torch_multiplied(images: Tensor) -> None:
    rows = {row.name: row for row in algebra(network("mlp"), images[0])}
    assert rows["hidden1"].equation == "(1, 784) @ (784, 20) + (20,) → (1, 20)"
    assert rows["activation1"].equation == "(1, 20) → (1, 20)"


def test_the_written_sum_holds_its_largest_terms_the_rest_and_the_result() -> None:
    text = sum_written_out(np.array([1.0, 2.0, -3.0, 0.1]), np.array([1.0, 0.5, 2.0, 1.0]), 0.25, 2)
    assert text == (
        r"(-3)\cdot 2 + 1\cdot 1 + \underbrace{1.1}_{\text{2 more}} + \underbrace{0.25}_{b} "
        r"= (-3.65)"
    )
