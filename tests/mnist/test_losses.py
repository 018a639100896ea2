"""Losses and probabilities against hand formulas."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.losses import loss_for, nearest_probabilities, probabilities, targets_for

OUTPUTS = torch.tensor([[0.1, -0.3, 0.7], [2.0, 0.0, -1.0]])
LABELS = torch.tensor([2, 1])


def ten_classes() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 10, generator=generator), torch.arange(5)


def test_mse_is_the_mean_over_images_and_classes_of_squares_against_one_hot() -> None:
    outputs, labels = ten_classes()
    config = MNISTConfig(loss="mse")
    by_hand = sum(
        (float(outputs[i, c]) - (1.0 if c == labels[i] else 0.0)) ** 2
        for i in range(5)
        for c in range(10)
    ) / (5 * 10)

    loss = loss_for(config)(outputs, targets_for(config, labels))

    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_minus_the_log_softmax_at_the_smoothed_label(smoothing: float) -> None:
    outputs, labels = ten_classes()
    config = MNISTConfig(loss="cross_entropy", label_smoothing=smoothing)
    log_softmax = outputs.double() - outputs.double().exp().sum(dim=1, keepdim=True).log()
    by_hand = -sum(
        ((1 - smoothing) * (c == labels[i]) + smoothing / 10) * float(log_softmax[i, c])
        for i in range(5)
        for c in range(10)
    )

    loss = loss_for(config)(outputs, targets_for(config, labels))

    assert float(loss) == pytest.approx(float(by_hand) / 5, rel=1e-6)


def test_probabilities_under_cross_entropy_are_the_softmax() -> None:
    config = MNISTConfig(loss="cross_entropy")

    assert torch.equal(probabilities(config, OUTPUTS), OUTPUTS.softmax(dim=1))


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=12))
def test_probabilities_under_squared_error_are_the_nearest_ones(values: list[float]) -> None:
    given_values = torch.tensor([values], dtype=torch.float64)

    p = nearest_probabilities(given_values)

    assert float(p.min()) >= 0
    assert float(p.sum()) == pytest.approx(1, abs=1e-6)
    # the optimality condition: v − p is one number where p > 0, and no more elsewhere
    gap = (given_values - p)[0]
    shift = float(gap[p[0] > 0].max())
    assert float(gap[p[0] > 0].min()) == pytest.approx(shift, abs=1e-6)
    assert bool((gap[p[0] == 0] <= shift + 1e-6).all())
    assert bool(p[0, int(given_values.argmax())] == p.max())


def test_probabilities_are_left_as_they_are_by_the_projection() -> None:
    p = torch.tensor([[0.2, 0.5, 0.3]])

    assert torch.allclose(nearest_probabilities(p), p, atol=1e-7)
