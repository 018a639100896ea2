"""Shared parts of convolution: the module, the padding, the windows."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def module_bias(module: nn.Conv2d) -> Tensor:
    """The bias of a convolution, ``[C_out]``."""
    if module.bias is None:
        raise TypeError("The convolution has no bias.")
    return module.bias


def build_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
) -> nn.Conv2d:
    """``nn.Conv2d`` with this weight and bias, in the precision of the input."""
    out, _, k_h, k_w = weight.shape
    module = nn.Conv2d(x.shape[1], out, (k_h, k_w), stride, padding, dilation, groups).to(x.dtype)
    with torch.no_grad():
        module.weight.copy_(weight)
        module_bias(module).copy_(torch.zeros(out) if bias is None else bias)
    return module


def with_border(x: Tensor, padding: int) -> Tensor:
    """The images with ``padding`` zeros on each side."""
    n, c, height, width = x.shape
    padded = x.new_zeros(n, c, height + 2 * padding, width + 2 * padding)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    return padded


def windows_under(
    padded: Tensor, weight: Tensor, stride: int, dilation: int, out: tuple[int, ...] | torch.Size
) -> Tensor:
    """The pixels under every kernel tap: ``[N, C, H_out, k_h, W_out, k_w]``."""
    k_h, k_w = weight.shape[2:]
    rows = torch.arange(out[0])[:, None] * stride + torch.arange(k_h) * dilation
    columns = torch.arange(out[1])[:, None] * stride + torch.arange(k_w) * dilation
    return padded[:, :, rows][..., columns]


def grouped(windows: Tensor, groups: int) -> Tensor:
    """Windows ``[N, C, …]`` reshaped to ``[N, groups, C / groups, …]``."""
    n, channels = windows.shape[:2]
    return windows.view(n, groups, channels // groups, *windows.shape[2:])
