"""Convolution by ``nn.Conv2d`` and by formula, and the window behind each output cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.layers.differences import largest_difference
from mlcore.layers.windows import (
    build_convolution,
    grouped,
    module_bias,
    windows_under,
    with_border,
)


@dataclass(frozen=True, slots=True, eq=False)
class Convolved:
    """An image before and after a convolution.

    Attributes:
        input: ``[N, C_in, H, W]``.
        padded: The same with its border of zeros, ``[N, C_in, H + 2p, W + 2p]``.
        weight: ``[C_out, C_in / groups, k_h, k_w]``.
        bias: ``[C_out]``.
        output: What ``nn.Conv2d`` returned, ``[N, C_out, H_out, W_out]``.
        by_hand: Σ window · weight + bias, same shape.
        max_difference: The largest |output − by_hand|; NaN where one of them is not finite.
        stride: Pixels from one window to the next.
        padding: Zeros added on each side.
        dilation: Pixels from one tap of the kernel to the next.
        groups: Parts into which the channels are split.
        parameters: Learned numbers: C_out · (C_in/groups) · k_h · k_w + C_out.
        multiply_adds: Products summed up for the whole output.
        receptive_field: Pixels (high, wide) that one output cell sees.
    """

    input: Tensor
    padded: Tensor
    weight: Tensor
    bias: Tensor
    output: Tensor
    by_hand: Tensor
    max_difference: float
    stride: int
    padding: int
    dilation: int
    groups: int
    parameters: int
    multiply_adds: int
    receptive_field: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The pixels and products that sum to one output cell.

    Attributes:
        channels: The input channels it sees, from 0.
        rows: Rows of the padded input, ``[k_h]``.
        columns: Columns of the padded input, ``[k_w]``.
        values: ``[C_in / groups, k_h, k_w]``: the pixels in the window.
        products: The same times the weights.
        total: Σ products + bias.
        output: What the module returned there.
    """

    channels: range
    rows: Tensor
    columns: Tensor
    values: Tensor
    products: Tensor
    total: float
    output: float


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1 (the formula of nn.Conv2d).

    Zero or less means that the kernel does not fit.

    Example:
        >>> import mlcore
        >>> mlcore.layers.output_size(28, kernel=5, stride=2, padding=2)
        14
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> int:
    """The side, in input pixels, of what one cell after all layers sees.

    Args:
        layers: (kernel, stride, dilation) of each, the first layer first; pooling counts as one.

    Returns:
        1 + Σ dilation·(kernel − 1)·(product of all strides before).

    Example:
        >>> import mlcore
        >>> mlcore.layers.receptive_field([(3, 1, 1), (2, 2, 1), (3, 1, 1)])
        8
    """
    seen, jump = 1, 1
    for kernel, stride, dilation in layers:
        seen += dilation * (kernel - 1) * jump
        jump *= stride
    return seen


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Convolved:
    """Convolve with ``nn.Conv2d``, and again by formula.

    (As everywhere in deep learning this is a cross-correlation: the kernel is not flipped.)

    Args:
        x: Floating-point ``[N, C_in, H, W]``.
        weight: ``[C_out, C_in / groups, k_h, k_w]``.
        bias: ``[C_out]``; None for zeros.
        stride: At least 1.
        padding: Zeros on each side.
        dilation: At least 1.
        groups: Must divide C_in and C_out.

    Raises:
        ValueError: torch's own for groups that do not divide the channels.
        RuntimeError: torch's own where the kernel does not fit (``explain`` reads both).

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> result = mlcore.layers.convolve(x, torch.ones(1, 1, 2, 2))
        >>> print(result.output.tolist(), result.max_difference)
        [[[[8.0, 12.0], [20.0, 24.0]]]] 0.0
    """
    module = build_convolution(x, weight, bias, stride, padding, dilation, groups)
    with torch.no_grad():
        output = module(x)
        padded = with_border(x, padding)
        windows = windows_under(padded, weight, stride, dilation, output.shape[2:])
        split = weight.view(groups, -1, *weight.shape[1:])
        # n sample, g group, c channel, i and j output cell, k and l tap, o output channel
        hand = torch.einsum("ngcikjl,gockl->ngoij", grouped(windows, groups), split)
        hand = hand.reshape(output.shape) + module_bias(module).view(-1, 1, 1)
    k_h, k_w = weight.shape[2:]
    return Convolved(
        input=x,
        padded=padded,
        weight=weight,
        bias=module_bias(module).detach(),
        output=output,
        by_hand=hand,
        max_difference=largest_difference((output, hand)),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        parameters=sum(p.numel() for p in module.parameters()),
        multiply_adds=output.numel() * weight[0].numel(),
        receptive_field=(dilation * (k_h - 1) + 1, dilation * (k_w - 1) + 1),
    )


def window_of(result: Convolved, channel: int, row: int, column: int, sample: int = 0) -> Window:
    """The pixels, products and sum behind one cell of the output.

    Raises:
        IndexError: If the output has no such cell.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> result = mlcore.layers.convolve(x, torch.ones(1, 1, 2, 2))
        >>> window = mlcore.layers.window_of(result, channel=0, row=1, column=1)
        >>> print(window.values.tolist(), window.total)
        [[[4.0, 5.0], [7.0, 8.0]]] 24.0
    """
    _, channels, height, width = result.output.shape
    if not (0 <= channel < channels and 0 <= row < height and 0 <= column < width):
        raise IndexError(
            f"The output has {channels} channels of {height}×{width} cells, so none at channel "
            f"{channel}, row {row}, column {column}."
        )
    per_group, k_h, k_w = result.weight.shape[1:]
    first = channel // (channels // result.groups) * per_group
    rows = row * result.stride + torch.arange(k_h) * result.dilation
    columns = column * result.stride + torch.arange(k_w) * result.dilation
    values = result.padded[sample, first : first + per_group][:, rows][:, :, columns]
    products = values * result.weight[channel]
    return Window(
        range(first, first + per_group),
        rows,
        columns,
        values,
        products,
        float(products.sum() + result.bias[channel]),
        float(result.output[sample, channel, row, column]),
    )
