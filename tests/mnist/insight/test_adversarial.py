"""The walk along the gradient's sign against closed forms and step by step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlcore.mnist import MNISTConfig, load
from mlcore.mnist.insight import OnPixels, answer, difference_quotients, walk
from mlcore.mnist.insight.pixels import as_pixels
from mlcore.mnist.losses import probabilities
from tests.mnist.insight.conftest import KINDS, network

PICTURES = load("mnist").test_images[:20].numpy()


class TwoClasses(nn.Module):
    """Outputs (b, Σ w·x): class 1 while Σ w·x > b."""

    def __init__(self, weight: Tensor, bias: float) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), bias

    def forward(self, pixels: Tensor) -> Tensor:
        """Outputs ``[N, 2]``."""
        score = (pixels * self.weight).sum(dim=(1, 2))
        return torch.stack([torch.full_like(score, self.bias), score], dim=1)


def on_pixels(kind: str) -> OnPixels:
    return OnPixels(network(kind), 0.1307, 0.3081).eval()


def test_a_linear_score_flips_where_its_margin_is_used_up() -> None:
    weight = torch.randn(28, 28, generator=torch.Generator().manual_seed(4))
    grey = np.full((28, 28), 128, dtype=np.uint8)
    score = float((weight * 128 / 255).sum())
    margin = 30.0

    found = walk(TwoClasses(weight, score - margin), grey)

    assert found.label == 1
    assert (found.direction == -torch.sign(weight).numpy()).all()
    # nothing is clipped at 128, so each level costs Σ|w| / 255
    assert found.flips_at == math.ceil(margin * 255 / float(weight.abs().sum()))
    assert found.epsilon == found.flips_at / 255
    assert found.answers[found.flips_at] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_what_the_network_says_of_that_picture(kind: str) -> None:
    model = on_pixels(kind)
    found = walk(model, PICTURES[0], farthest=40)

    for level in (0, 1, 17, 40):
        moved = PICTURES[0].astype(int) + level * found.direction
        assert (found.picture(level) == moved.clip(0, 255)).all()
        with torch.no_grad():
            outputs = model(as_pixels(found.picture(level), model))[0].numpy()
        np.testing.assert_allclose(found.outputs[level], outputs, rtol=1e-4, atol=1e-5)
    assert len(found.outputs) == 41


@pytest.mark.parametrize("kind", ["mlp", "mlp, batch", "cnn", "cnn, rms"])
def test_the_flip_is_the_first_and_there_is_none_before(kind: str) -> None:
    flips = 0
    for picture in PICTURES:
        found = walk(on_pixels(kind), picture)
        before = found.answers[: found.flips_at]
        assert (before == found.label).all()
        if found.flips_at is not None:
            flips += 1
            assert found.answers[found.flips_at] != found.label
    assert flips


def test_the_direction_is_the_sign_of_the_losss_slope() -> None:
    model = on_pixels("mlp, group").double()
    found = walk(model, PICTURES[0])
    with torch.no_grad():
        chances = model(as_pixels(PICTURES[0], model))[0].softmax(dim=0)

    places = [(5, 9), (10, 20), (14, 14), (20, 12)]
    # ∂J/∂x = Σ_c (p_c − [c = y]) ∂F_c/∂x
    slope = sum(
        (float(chances[label]) - (label == found.label))
        * difference_quotients(model, PICTURES[0], label, places).mean(axis=1)
        for label in range(10)
    )
    assert [found.direction[place] for place in places] == np.sign(slope).tolist()


def test_a_confident_network_still_has_a_direction() -> None:
    weight = torch.randn(28, 28, generator=torch.Generator().manual_seed(4))
    sure = TwoClasses(weight * 0.2, float((weight * 0.2 * 0.5).sum()) - 25)  # 1 − p ≈ 10⁻¹¹

    found = walk(sure, np.full((28, 28), 128, dtype=np.uint8))

    assert (found.direction != 0).all()


def test_a_network_that_says_the_same_of_all_is_not_fooled() -> None:
    found = walk(TwoClasses(torch.zeros(28, 28), -1.0), PICTURES[0])

    assert found.flips_at is None
    assert found.epsilon is None
    assert not found.direction.any()


def test_walks_from_fractions_or_beyond_white_are_refused() -> None:
    with pytest.raises(ValueError, match="but must be uint8"):
        walk(on_pixels("linear"), PICTURES[0] / 255)
    with pytest.raises(ValueError, match="300 levels long, but must be of 1 to 255"):
        walk(on_pixels("linear"), PICTURES[0], farthest=300)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_an_answer_is_the_networks_outputs_and_what_its_loss_makes_of_them(loss: str) -> None:
    config = MNISTConfig.from_dict({"hidden": [8], "loss": loss})
    model = OnPixels(config.build_model(), 0.1307, 0.3081).eval()

    found = answer(config, model, PICTURES[3])

    with torch.no_grad():
        outputs = model(as_pixels(PICTURES[3], model))
    assert found.outputs.tolist() == outputs[0].tolist()
    assert found.label == int(outputs.argmax())
    assert found.probabilities.tolist() == probabilities(config, outputs)[0].tolist()
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)
