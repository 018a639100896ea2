"""Gradients and integrated gradients against closed forms, finite differences and completeness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mlcore.mnist import load
from mlcore.mnist.insight import (
    OnPixels,
    difference_quotients,
    integrated_gradients,
    occlusion,
    saliency,
)
from mlcore.mnist.insight.pixels import as_pixels
from tests.mnist.insight.conftest import KINDS, network

PICTURES = load("mnist").test_images[:4].numpy()


def on_pixels(kind: str) -> OnPixels:
    return OnPixels(network(kind), 0.1307, 0.3081).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_difference_quotient_in_float64(kind: str) -> None:
    model = on_pixels(kind).double()
    found = saliency(model, PICTURES[0], 3)

    places = [(row, column) for row in range(0, 28, 3) for column in range(28)]
    left, right = difference_quotients(model, PICTURES[0], 3, places).T
    smooth = np.isclose(left, right, rtol=1e-3, atol=1e-7)
    assert smooth.mean() > 0.1  # the rest are ties of max pooling, which background is full of
    by_autograd = np.array([found.gradient[place] for place in places])
    np.testing.assert_allclose(
        by_autograd[smooth], ((left + right) / 2)[smooth], rtol=1e-3, atol=1e-7
    )


def test_the_gradient_of_one_linear_layer_is_its_weight_over_the_deviation() -> None:
    model = on_pixels("linear")
    layer = model.model.get_submodule("output")
    assert isinstance(layer, nn.Linear)

    found = saliency(model, PICTURES[1], 7)

    expected = layer.weight[7].detach().numpy().reshape(28, 28) / 0.3081
    np.testing.assert_allclose(found.gradient, expected, rtol=1e-5)


def test_without_a_class_the_answers_own_is_taken() -> None:
    model = on_pixels("mlp")
    with torch.no_grad():
        outputs = model(as_pixels(PICTURES[0], model))[0]

    found = saliency(model, PICTURES[0])

    assert found.label == int(outputs.argmax())
    assert found.score == pytest.approx(float(outputs.max()), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [0, 7])
def test_integrated_gradients_are_complete_within_one_percent(kind: str, label: int) -> None:
    model = on_pixels(kind)

    found = integrated_gradients(model, PICTURES[label % 3], label, tolerance=0.01)

    with torch.no_grad():
        black = float(model(torch.zeros(1, 28, 28))[0, label])
        here = float(model(as_pixels(PICTURES[label % 3], model))[0, label])
    assert found.gain == pytest.approx(here - black, rel=1e-4, abs=2e-5)
    assert found.total == pytest.approx(found.gain, rel=0.01)
    assert found.error <= 0.01


def test_integrated_gradients_of_a_linear_layer_are_weight_times_pixel() -> None:
    model = on_pixels("linear")
    slope = saliency(model, PICTURES[0], 2).gradient

    found = integrated_gradients(model, PICTURES[0], 2)

    np.testing.assert_allclose(found.values, slope * PICTURES[0] / 255, rtol=1e-5, atol=1e-8)
    assert found.error < 1e-5
    assert found.steps == 32


def test_integrated_gradients_need_no_part_for_a_pixel_that_does_not_change() -> None:
    found = integrated_gradients(on_pixels("cnn"), PICTURES[0], 1, baseline=PICTURES[0])

    assert not found.values.any()
    assert found.error == 0


def test_integrated_gradients_agree_with_a_fine_sum_taken_one_point_at_a_time() -> None:
    model = on_pixels("mlp, batch").double()
    picture = PICTURES[2]
    points = (np.arange(400) + 0.5) / 400
    mean = np.mean([saliency(model, picture / 255 * t, 5).gradient for t in points], axis=0)

    found = integrated_gradients(model, picture, 5, tolerance=0, steps=400, most=400)

    np.testing.assert_allclose(found.values, mean * picture / 255, atol=1e-12)


def test_the_weights_are_left_without_gradients() -> None:
    model = on_pixels("cnn")

    saliency(model, PICTURES[0])
    integrated_gradients(model, PICTURES[0])

    assert all(parameter.grad is None for parameter in model.parameters())


# --- occlusion -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["linear", "mlp", "cnn, batch"])
@pytest.mark.parametrize("size", [1, 5])
def test_occlusion_is_what_covering_by_hand_gives(kind: str, size: int) -> None:
    model = on_pixels(kind)
    found = occlusion(model, PICTURES[0], 7, size=size)

    half = size // 2
    for row, column in [(0, 0), (0, 27), (9, 13), (14, 14), (20, 12), (27, 27)]:
        covered = PICTURES[0].copy()
        covered[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1] = 0
        with torch.no_grad():
            outputs = model(as_pixels(np.stack([PICTURES[0], covered]), model))
        expected = float(outputs[0, 7] - outputs[1, 7])
        assert found.drop[row, column] == pytest.approx(expected, abs=1e-5)
        assert found.flips[row, column] == (outputs[0].argmax() != outputs[1].argmax())


def test_covering_background_with_background_changes_nothing() -> None:
    found = occlusion(on_pixels("cnn"), PICTURES[0], 7, size=3)

    corner = PICTURES[0][:4, :4]
    assert not corner.any()
    assert np.abs(found.drop[1:3, 1:3]).max() < 1e-5


@pytest.mark.parametrize("size", [0, 4, -3])
def test_a_patch_without_a_middle_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="must have an odd number"):
        occlusion(on_pixels("linear"), PICTURES[0], size=size)


# --- pictures --------------------------------------------------------------------------------


def test_bytes_and_fractions_are_the_same_picture() -> None:
    model = on_pixels("mlp")

    as_bytes, as_fractions = (saliency(model, p) for p in (PICTURES[0], PICTURES[0] / 255))

    np.testing.assert_allclose(as_bytes.gradient, as_fractions.gradient, rtol=1e-5)


def test_pixels_beyond_black_and_white_are_refused() -> None:
    with pytest.raises(ValueError, match=r"run from 0 to 255, but must lie in 0 to 1"):
        saliency(on_pixels("mlp"), PICTURES[0].astype(np.float32))


def test_a_picture_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(784,\), but must have \(28, 28\)"):
        saliency(on_pixels("mlp"), PICTURES[0].ravel())


def test_a_network_over_normalized_images_is_refused_instead_of_misread() -> None:
    with pytest.raises(TypeError, match=r"give insight.on_pixels\(model, digits\) instead"):
        saliency(network("mlp"), PICTURES[0])
