"""Convolution and pooling: products and sums against torch's modules for random settings."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mlcore.layers import (
    convolve,
    convolve_backward,
    output_size,
    pool,
    receptive_field,
    window_of,
)
from mlcore.layers.names import Pooling
from tests.layers.strategies import ConvolutionCase, convolution_cases


def assert_close(one: torch.Tensor, other: torch.Tensor) -> None:
    size = max(float(one.abs().max()), 1e-3)
    assert float((one - other).abs().max()) <= 1e-6 * size


@given(convolution_cases())
def test_written_out_and_module_agree_for_every_setting(case: ConvolutionCase) -> None:
    result = convolve(
        case.tensor(case.x, 0),
        case.tensor(case.weight, 1),
        case.tensor(case.weight[:1], 2),
        stride=case.stride,
        padding=case.padding,
        dilation=case.dilation,
        groups=case.groups,
    )

    assert_close(result.output, result.by_hand)
    expected = [
        output_size(case.x[axis], case.weight[axis], case.stride, case.padding, case.dilation)
        for axis in (2, 3)
    ]
    assert list(result.output.shape[2:]) == expected


@given(convolution_cases())
def test_gradients_by_hand_and_autograd_agree_for_every_setting(case: ConvolutionCase) -> None:
    high, wide = (
        output_size(case.x[axis], case.weight[axis], case.stride, case.padding, case.dilation)
        for axis in (2, 3)
    )

    result = convolve_backward(
        case.tensor(case.x, 0),
        case.tensor(case.weight, 1),
        case.tensor((case.x[0], case.weight[0], high, wide), 3),
        stride=case.stride,
        padding=case.padding,
        dilation=case.dilation,
        groups=case.groups,
    )

    assert_close(result.input, result.input_by_hand)
    assert_close(result.weight, result.weight_by_hand)
    assert_close(result.bias, result.bias_by_hand)


@given(convolution_cases(), st.data())
def test_a_window_sums_up_to_its_output_cell(case: ConvolutionCase, data: st.DataObject) -> None:
    result = convolve(
        case.tensor(case.x, 0),
        case.tensor(case.weight, 1),
        case.tensor(case.weight[:1], 2),
        stride=case.stride,
        padding=case.padding,
        dilation=case.dilation,
        groups=case.groups,
    )
    channel, row, column = (data.draw(st.integers(0, side - 1)) for side in result.output.shape[1:])

    window = window_of(result, channel, row, column)

    assert window.total == pytest.approx(window.output, rel=1e-9, abs=1e-9)
    assert len(window.channels) == case.weight[1]


def test_a_window_outside_the_output_is_refused_with_the_sizes() -> None:
    result = convolve(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 3, 3))

    with pytest.raises(IndexError, match="1 channels of 2×2 cells"):
        window_of(result, 0, 2, 0)


@given(st.sampled_from(["max", "average"]), st.integers(1, 4), st.integers(4, 9), st.integers(4, 9))
def test_pooling_by_hand_and_module_agree(kind: Pooling, size: int, high: int, wide: int) -> None:
    x = torch.randn(2, 3, high, wide, generator=torch.Generator().manual_seed(size))

    result = pool(x.double(), kind, size)

    assert result.max_difference < 1e-12
    assert result.output.shape[2:] == (high // size, wide // size)


def test_parameters_and_multiply_adds_of_a_known_layer() -> None:
    result = convolve(torch.zeros(1, 3, 32, 32), torch.zeros(16, 3, 5, 5), padding=2)

    assert result.parameters == 16 * 3 * 25 + 16
    assert result.multiply_adds == 16 * 32 * 32 * 3 * 25


def test_receptive_field_is_where_the_gradient_of_one_cell_is_not_zero() -> None:
    layers = [(5, 1, 1), (2, 2, 1), (3, 1, 2), (3, 2, 1)]
    network = nn.Sequential(
        *(nn.Conv2d(1, 1, k, stride, dilation=d, bias=False) for k, stride, d in layers)
    )
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(1, 1, 40, 40, requires_grad=True)

    network(x)[0, 0, 2, 2].backward()

    assert x.grad is not None
    assert int((x.grad[0, 0].sum(1) != 0).sum()) == receptive_field(layers)
