"""The layers of K networks of one shape, forward and backward by hand: see ``mlcore.mnist.steps``.

The units of the members lie side by side: a layer's output is ``[N, K · width]``. So whatever acts
on single values acts on all members at once, and where all read the same images the products of
their first layers are one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.mnist.products import Library, outputs, weight_gradient
from mlcore.mnist.steps.layers import Draws, NewBuffer

Spans = Sequence[slice]
"""For each seed the members that have it, which follow each other."""


class FirstDense:
    """The first linear layers of all members, whose input is the images of their seed.

    Args:
        weight: ``[K, out, 784]``.
        bias: ``[K, out]``.
        new: Gives memory.
        libraries: Which multiplies forward, which backward.
        spans: The members of each seed.
    """

    parameters = 2

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        new: NewBuffer,
        libraries: tuple[Library, Library],
        spans: Spans,
    ) -> None:
        members, width, inputs = weight.shape
        self._ahead, self._back = libraries
        self._y = new(members * width)
        rows = len(self._y)
        weight, bias = weight.view(-1, inputs), bias.view(-1)
        self._parts = [
            _Part(
                images=slice(number * rows, (number + 1) * rows),
                units=units,
                weight=weight[units],
                bias=bias[units],
                y=self._y[:, units],
            )
            for number, span in enumerate(spans)
            for units in [slice(span.start * width, span.stop * width)]
        ]

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Multiply the images ``[seeds · N, 784]``, those of one seed after those of another."""
        self._x = x
        if len(self._parts) == 1:
            (part,) = self._parts
            return outputs(x, part.weight, part.bias, self._ahead, self._y)
        for part in self._parts:
            torch.addmm(part.bias, x[part.images], part.weight.t(), out=part.y)
        return self._y

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂W = ∂Yᵀ X and ∂b = Σ ∂Y."""
        weight, bias = gradients[0].view(-1, self._x.shape[1]), gradients[1].view(-1)
        torch.sum(dy, dim=0, out=bias)
        if len(self._parts) == 1:
            weight_gradient(dy, self._x, self._back, weight)
            return dy
        for part in self._parts:
            torch.mm(dy[:, part.units].t(), self._x[part.images], out=weight[part.units])
        return dy


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The product of the members of one seed: rows of the input, and units of the output."""

    images: slice
    units: slice
    weight: Tensor
    bias: Tensor
    y: Tensor


class StackedDense:
    """A linear layer of each member: Y = X Wᵀ + b.

    Args:
        weight: ``[K, out, in]``.
        bias: ``[K, out]``.
        new: Gives memory.
    """

    parameters = 2

    def __init__(self, weight: Tensor, bias: Tensor, new: NewBuffer) -> None:
        members, width, inputs = weight.shape
        self._weight, self._bias, self._members = weight, bias, members
        self._y, self._dx = new(members * width), new(members * inputs)
        self._y_of_members = _by_member(self._y, members)
        self._dx_of_members = _by_member(self._dx, members)

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Multiply."""
        self._x = _by_member(x, self._members)
        weight, bias = self._weight.transpose(1, 2), self._bias[:, None]
        torch.baddbmm(bias, self._x, weight, out=self._y_of_members)
        return self._y

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂W = ∂Yᵀ X, ∂b = Σ ∂Y, ∂X = ∂Y W."""
        torch.sum(dy, dim=0, out=gradients[1].view(-1))
        of_members = _by_member(dy, self._members)
        torch.bmm(of_members.transpose(1, 2), self._x, out=gradients[0])
        torch.bmm(of_members, self._weight, out=self._dx_of_members)
        return self._dx


class StackedDropout:
    """A dropout layer of each member; members of one seed have one mask, as their single runs do.

    Args:
        probability: Of a unit to be silenced.
        members: K.
        width: Units of one member.
        new: Gives memory.
        spans: The members of each seed.
    """

    parameters = 0

    def __init__(
        self, probability: float, members: int, width: int, new: NewBuffer, spans: Spans
    ) -> None:
        self._keep = 1.0 - probability
        self._masks = [new(width) for _ in spans]
        self._y = new(members * width)
        self._members, self._spans = members, spans

    def forward(self, x: Tensor, draws: Sequence[Draws]) -> Tensor:
        """Silence each value with probability p and scale the others by 1 / (1 − p)."""
        for mask, of_seed in zip(self._masks, draws, strict=True):
            for rows, generator in of_seed:
                mask[rows].bernoulli_(self._keep, generator=generator)
            mask.div_(self._keep)
        self._multiply(x, self._y)
        return self._y

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """∂X = ∂Y · mask."""
        self._multiply(dy, dy)
        return dy

    def _multiply(self, x: Tensor, out: Tensor) -> None:
        x, out = (tensor.view(len(tensor), self._members, -1) for tensor in (x, out))
        for mask, span in zip(self._masks, self._spans, strict=True):
            torch.mul(x[:, span], mask[:, None], out=out[:, span])


def _by_member(x: Tensor, members: int) -> Tensor:
    """``[N, K · width]`` as ``[K, N, width]``."""
    return x.view(len(x), members, -1).transpose(0, 1)
