"""The gradients of a convolution: by autograd and by formula."""

from __future__ import annotations

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
class ConvolvedGradient:
    """Gradients of Σ upstream · output, by autograd and by formula.

    Attributes:
        input: By autograd, as the input.
        input_by_hand: Σ upstream · weight over all windows that a pixel lies in.
        weight: By autograd, as the weight.
        weight_by_hand: Σ upstream · window.
        bias: By autograd, ``[C_out]``.
        bias_by_hand: Σ upstream.
        max_difference: The largest difference among them; NaN where a number is not finite.
    """

    input: Tensor
    input_by_hand: Tensor
    weight: Tensor
    weight_by_hand: Tensor
    bias: Tensor
    bias_by_hand: Tensor
    max_difference: float


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
    """Backpropagate through a convolution, by autograd and by formula.

    Args:
        x: ``[N, C_in, H, W]``; the other settings as for ``convolve``.
        weight: ``[C_out, C_in / groups, k_h, k_w]``.
        upstream: The loss's gradient with respect to the output, in the output's shape.
        stride: At least 1.
        padding: Zeros on each side.
        dilation: At least 1.
        groups: Must divide C_in and C_out.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> upstream = torch.ones(1, 1, 2, 2)
        >>> gradient = mlcore.layers.convolve_backward(x, torch.ones(1, 1, 2, 2), upstream)
        >>> print(gradient.weight.tolist(), gradient.max_difference)
        [[[[8.0, 12.0], [20.0, 24.0]]]] 0.0
    """
    module = build_convolution(x, weight, None, stride, padding, dilation, groups)
    leaf = x.detach().clone().requires_grad_()
    of_input, of_weight, of_bias = torch.autograd.grad(
        module(leaf), [leaf, module.weight, module_bias(module)], upstream
    )
    with torch.no_grad():
        padded = with_border(x, padding)
        out_h, out_w = upstream.shape[2:]
        n, channels = x.shape[:2]
        windows = grouped(windows_under(padded, weight, stride, dilation, (out_h, out_w)), groups)
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
    largest = largest_difference(
        (of_input, hand_input), (of_weight, hand_weight), (of_bias, hand_bias)
    )
    return ConvolvedGradient(
        of_input, hand_input, of_weight, hand_weight, of_bias, hand_bias, largest
    )
