"""Signals through untrained networks: by hand, by theory, and as the runs start out."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore import MNISTConfig
from mlcore.layers import activation_statistics, draw_weight, propagate, weight_variance
from mlcore.layers.activations import MODULES
from mlcore.layers.names import Activation, Scheme
from tests.layers.strategies import seeds

schemes = st.sampled_from(get_args(Scheme))


def digits_like(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 28, 28, generator=generator, dtype=torch.float64)
    return images, torch.randint(10, (count,), generator=generator)


@given(
    st.integers(1, 8),
    st.integers(1, 24),
    st.sampled_from(list(MODULES)),
    schemes,
    st.sampled_from([0.001, 0.05, 0.3]),
    seeds,
)
def test_signals_and_gradients_by_hand_and_by_torch_agree(
    depth: int, width: int, activation: Activation, scheme: Scheme, scale: float, seed: int
) -> None:
    images, labels = digits_like(4, seed)

    result = propagate(
        images,
        labels,
        depth=depth,
        width=width,
        activation=activation,
        scheme=scheme,
        scale=scale,
        seed=seed,
    )

    assert result.max_difference <= 1e-6
    assert len(result.activations) == len(result.gradients) == depth
    assert result.activations[0].shape == (4, width)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
@pytest.mark.parametrize("scheme", ["default", "normal", "xavier", "kaiming", "orthogonal"])
def test_wide_layers_do_what_theory_says(activation: Activation, scheme: Scheme) -> None:
    images, labels = digits_like(32)

    result = propagate(
        images, labels, depth=4, width=512, activation=activation, scheme=scheme, scale=0.05
    )

    assert not result.theory.exact
    assert result.activation_std == pytest.approx(result.theory.activation_std, rel=0.25)
    assert result.gradient_std == pytest.approx(result.theory.gradient_std, rel=0.35)


@pytest.mark.parametrize("scheme", ["zeros", "constant"])
def test_equal_weights_do_exactly_what_theory_says_and_send_no_gradient(scheme: Scheme) -> None:
    images, labels = digits_like(16)

    result = propagate(
        images, labels, depth=3, width=20, activation="tanh", scheme=scheme, scale=0.01
    )

    assert result.theory.exact
    assert result.activation_std == pytest.approx(result.theory.activation_std, rel=1e-6)
    assert result.theory.gradient_std == (0.0, 0.0, 0.0)
    assert max(result.gradient_std) < 1e-12


def test_the_network_is_the_one_a_run_starts_from() -> None:
    images, labels = digits_like(8)
    config = MNISTConfig(
        hidden=(30, 30), activation="tanh", initialization="kaiming", seed=5, loss="cross_entropy"
    )

    result = propagate(
        images.float(),
        labels,
        depth=2,
        width=30,
        activation="tanh",
        scheme="kaiming",
        seed=5,
    )

    for name, tensor in config.build_model().state_dict().items():
        assert torch.equal(tensor, result.model.state_dict()[name])


@settings(max_examples=20)
@given(schemes, st.integers(1, 40), st.integers(1, 40))
def test_drawn_weights_have_the_variance_that_theory_counts_with(
    scheme: Scheme, fan_in: int, fan_out: int
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(fan_in * 41 + fan_out)
        draws = torch.stack([_drawn(scheme, fan_out, fan_in) for _ in range(60)])

    expected = weight_variance(scheme, fan_in, fan_out, scale=0.3, activation="relu")
    count = draws.numel()
    if scheme == "constant":
        assert bool((draws == 0.3).all())
        assert expected == 0
    else:
        assert float(draws.square().mean()) == pytest.approx(
            expected, rel=6 * math.sqrt(2 / count), abs=1e-12
        )


def _drawn(scheme: Scheme, fan_out: int, fan_in: int) -> torch.Tensor:
    weight = torch.empty(fan_out, fan_in, dtype=torch.float64)
    draw_weight(weight, scheme, scale=0.3, activation="relu")
    return weight


def test_a_network_without_layers_is_refused() -> None:
    images, labels = digits_like(2)

    with pytest.raises(ValueError, match="depth is 0"):
        propagate(images, labels, depth=0)


def test_statistics_of_a_network_are_those_of_its_layers_and_leave_it_alone() -> None:
    model = MNISTConfig(hidden=(16, 8), normalization="batch").build_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images = torch.randn(32, 28, 28, generator=torch.Generator().manual_seed(0))

    rows = {row.name: row for row in activation_statistics(model, images)}

    hidden = images.flatten(1) @ before["hidden1.weight"].T + before["hidden1.bias"]
    assert rows["hidden1"].std == pytest.approx(float(hidden.std(correction=0)), rel=1e-4)
    assert "flatten" not in rows
    assert list(rows)[-1] == "output"
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
