"""Convolution, window by window: torch's module beside products and sums written out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlcore.layers.names import Pooling


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
        max_difference: The largest |output − by_hand|.
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
    """How one output cell came about.

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


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """An image before and after pooling.

    Attributes:
        output: What ``nn.MaxPool2d`` or ``nn.AvgPool2d`` returned, ``[N, C, H_out, W_out]``.
        by_hand: The largest, or the mean, of each window.
        max_difference: The largest |output − by_hand|.
    """

    output: Tensor
    by_hand: Tensor
    max_difference: float


@dataclass(frozen=True, slots=True, eq=False)
class ConvolvedGradient:
    """Gradients of Σ upstream · output, by autograd and by hand.

    Attributes:
        input: By autograd, as the input.
        input_by_hand: Every upstream value handed back to the pixels of its window.
        weight: By autograd, as the weight.
        weight_by_hand: Σ upstream · window.
        bias: By autograd, ``[C_out]``.
        bias_by_hand: Σ upstream.
        max_difference: The largest difference among them.
    """

    input: Tensor
    input_by_hand: Tensor
    weight: Tensor
    weight_by_hand: Tensor
    bias: Tensor
    bias_by_hand: Tensor
    max_difference: float


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1 (the formula of nn.Conv2d).

    Zero or less means that the kernel does not fit.
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> int:
    """Pixels of the input, in a row, that one cell after all layers sees.

    Args:
        layers: (kernel, stride, dilation) of each, the first layer first; pooling counts as one.

    Returns:
        1 + Σ dilation·(kernel − 1)·(product of all strides before).
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
    """Convolve with a real ``nn.Conv2d``, and again by hand.

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
    """
    module = _build(x, weight, bias, stride, padding, dilation, groups)
    with torch.no_grad():
        output = module(x)
        padded = _padded(x, padding)
        windows = _windows(padded, weight, stride, dilation, output.shape[2:])
        split = weight.view(groups, -1, *weight.shape[1:])
        # n sample, g group, c channel, i and j output cell, k and l tap, o output channel
        hand = torch.einsum("ngcikjl,gockl->ngoij", _grouped(windows, groups), split)
        hand = hand.reshape(output.shape) + module_bias(module).view(-1, 1, 1)
    k_h, k_w = weight.shape[2:]
    return Convolved(
        input=x,
        padded=padded,
        weight=weight,
        bias=module_bias(module).detach(),
        output=output,
        by_hand=hand,
        max_difference=_gap(output, hand),
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


def convolve_backward(
    x: Tensor,
    weight: Tensor,
    upstream: Tensor,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> ConvolvedGradient:
    """Send a gradient back through a convolution, by autograd and by hand.

    Args:
        x: ``[N, C_in, H, W]``; the other settings as for ``convolve``.
        weight: ``[C_out, C_in / groups, k_h, k_w]``.
        upstream: The loss's gradient with respect to the output, in the output's shape.
        stride: At least 1.
        padding: Zeros on each side.
        dilation: At least 1.
        groups: Must divide C_in and C_out.
    """
    module = _build(x, weight, None, stride, padding, dilation, groups)
    leaf = x.detach().clone().requires_grad_()
    of_input, of_weight, of_bias = torch.autograd.grad(
        module(leaf), [leaf, module.weight, module_bias(module)], upstream
    )
    with torch.no_grad():
        padded = _padded(x, padding)
        out_h, out_w = upstream.shape[2:]
        n, channels = x.shape[:2]
        windows = _grouped(_windows(padded, weight, stride, dilation, (out_h, out_w)), groups)
        g = upstream.view(n, groups, -1, out_h, out_w)
        split = weight.view(groups, -1, *weight.shape[1:])
        hand_weight = torch.einsum("ngcikjl,ngoij->gockl", windows, g).reshape(weight.shape)
        given = torch.zeros_like(padded)
        for k in range(weight.shape[2]):
            for l_ in range(weight.shape[3]):
                share = torch.einsum("ngoij,goc->ngcij", g, split[..., k, l_])
                top, left = k * dilation, l_ * dilation
                given[
                    :,
                    :,
                    top : top + (out_h - 1) * stride + 1 : stride,
                    left : left + (out_w - 1) * stride + 1 : stride,
                ] += share.reshape(n, channels, out_h, out_w)
        height, width = x.shape[2:]
        hand_input = given[:, :, padding : padding + height, padding : padding + width]
        hand_bias = upstream.sum((0, 2, 3))
    gap = max(_gap(of_input, hand_input), _gap(of_weight, hand_weight), _gap(of_bias, hand_bias))
    return ConvolvedGradient(of_input, hand_input, of_weight, hand_weight, of_bias, hand_bias, gap)


@torch.no_grad()
def pool(x: Tensor, kind: Pooling, size: int) -> Pooled:
    """Pool with windows that do not overlap; rows and columns left over at the end are dropped.

    Args:
        x: ``[N, C, H, W]``.
        kind: ``max``, ``average``, or ``none`` to return the input.
        size: Side of a window, and the stride.

    Raises:
        RuntimeError: torch's own where not one window fits.
    """
    if kind == "none":
        return Pooled(x, x, 0.0)
    output = (nn.MaxPool2d(size) if kind == "max" else nn.AvgPool2d(size))(x)
    n, c, rows, columns = output.shape
    windows = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    hand = windows.amax((3, 5)) if kind == "max" else windows.sum((3, 5)) / size**2
    return Pooled(output, hand, _gap(output, hand))


def module_bias(module: nn.Conv2d) -> Tensor:
    """The bias of a convolution that was built with one, ``[C_out]``."""
    if module.bias is None:
        raise TypeError("The convolution has no bias.")
    return module.bias


def _build(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
) -> nn.Conv2d:
    out, _, k_h, k_w = weight.shape
    module = nn.Conv2d(x.shape[1], out, (k_h, k_w), stride, padding, dilation, groups).to(x.dtype)
    with torch.no_grad():
        module.weight.copy_(weight)
        module_bias(module).copy_(torch.zeros(out) if bias is None else bias)
    return module


def _padded(x: Tensor, padding: int) -> Tensor:
    n, c, height, width = x.shape
    padded = x.new_zeros(n, c, height + 2 * padding, width + 2 * padding)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    return padded


def _windows(
    padded: Tensor, weight: Tensor, stride: int, dilation: int, out: tuple[int, ...] | torch.Size
) -> Tensor:
    """``[N, C, H_out, k_h, W_out, k_w]``: the pixels under every tap at every place."""
    k_h, k_w = weight.shape[2:]
    rows = torch.arange(out[0])[:, None] * stride + torch.arange(k_h) * dilation
    columns = torch.arange(out[1])[:, None] * stride + torch.arange(k_w) * dilation
    return padded[:, :, rows][..., columns]


def _grouped(windows: Tensor, groups: int) -> Tensor:
    n, channels = windows.shape[:2]
    return windows.view(n, groups, channels // groups, *windows.shape[2:])


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max()) if a.numel() else 0.0
