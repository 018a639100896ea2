"""Activations, chains and losses: closed forms against torch and autograd."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from mlcore.layers import activate, chain, logit_loss, softmax, unit_activity
from mlcore.layers.activations import MODULES
from mlcore.layers.losses import LOSS_TITLES, LossName
from mlcore.layers.names import Activation

names = st.sampled_from(list(MODULES))
logits = st.lists(st.floats(-20, 20), min_size=2, max_size=10)


@given(names, st.lists(st.floats(-30, 30), min_size=1, max_size=20))
def test_closed_forms_of_value_and_slope_agree_with_torch(
    name: Activation, xs: list[float]
) -> None:
    x = torch.tensor([v for v in xs if v != 0] or [1.0], dtype=torch.float64)

    assert activate(name, x).max_difference < 1e-12


def test_slopes_at_zero_are_torchs_own() -> None:
    zero = torch.zeros(1, dtype=torch.float64)

    for name in MODULES:
        assert activate(name, zero).max_difference < 1e-12, name


@given(names, st.integers(1, 30), st.floats(0.1, 2), st.floats(-4, 4))
def test_gradient_through_a_chain_is_the_product_of_its_slopes(
    name: Activation, depth: int, weight: float, start: float
) -> None:
    x = torch.tensor([start or 1.0], dtype=torch.float64)

    result = chain(name, x, depth, weight)

    size = max(1.0, float(result.gradients.abs().max()))
    assert result.max_difference <= 1e-9 * size
    assert result.values.shape == (depth + 1, 1)


def test_sigmoid_keeps_at_most_a_quarter_of_the_gradient_each_layer() -> None:
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)

    assert float(chain("sigmoid", x, 10).gradients[0].abs().max()) <= 0.25**10


def test_a_chain_of_no_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is 0"):
        chain("relu", torch.ones(1), 0)


def test_relu_units_below_zero_for_every_sample_are_dead_and_leaky_ones_are_not() -> None:
    z = torch.tensor([[-1.0, 1.0, -1.0], [-2.0, -1.0, 3.0]])

    assert unit_activity("relu", z).dead_units == pytest.approx(1 / 3)
    assert unit_activity("relu", z).flat_cells == pytest.approx(4 / 6)
    assert unit_activity("leaky_relu", z).dead_units == 0


@given(logits, st.floats(0.05, 50))
def test_softmax_with_temperature_agrees_with_its_formula(
    values: list[float], temperature: float
) -> None:
    result = softmax(torch.tensor(values, dtype=torch.float64), temperature)

    assert result.max_difference < 1e-12
    assert float(result.output.sum()) == pytest.approx(1)
    assert 0 <= float(result.entropy) <= math.log(len(values)) + 1e-9


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        softmax(torch.zeros(3), 0.0)


@given(st.sampled_from(list(LOSS_TITLES)), logits, st.integers(0, 9))
def test_losses_and_their_gradients_agree_with_autograd(
    name: LossName, values: list[float], label: int
) -> None:
    z = torch.tensor([values], dtype=torch.float64)

    assert logit_loss(name, z, label % len(values)).max_difference < 1e-9


def test_cross_entropy_is_torchs_and_its_gradient_is_softmax_less_one_hot() -> None:
    z = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)

    result = logit_loss("cross_entropy", z, 1)

    assert float(result.value) == float(functional.cross_entropy(z, torch.tensor([1])))
    assert torch.allclose(result.gradient, z.softmax(1) - torch.tensor([[0.0, 1.0, 0.0]]))


def test_squared_distance_of_the_softmax_is_flat_where_the_network_is_surely_wrong() -> None:
    z = torch.tensor([[-15.0, 15.0, 0.0]], dtype=torch.float64)

    assert float(logit_loss("squared_softmax", z, 0).gradient.abs().max()) < 1e-6
    assert float(logit_loss("cross_entropy", z, 0).gradient.abs().max()) > 0.99
