"""The layers of K networks of one shape, forward and backward by hand: see ``mlcore.mnist.steps``.

What goes from layer to layer is ``[K, width, N]``: all images of one unit lie side by side. So the
members' products are products of whole stacks, without a copy, and where all members read the same
images their first layers are one product.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mlcore.mnist.products import Library, transposed_outputs, weight_gradient
from mlcore.mnist.steps.layers import Draws, NewBuffer, Normalization

Spans = Sequence[slice]
"""For each seed the members that have it, which follow each other."""


class FirstDense:
    """The first linear layers of all members, whose input is the images of their seed.

    Args:
        weight: ``[K, out, 784]``.
        bias: ``[K, out]``.
        new: Gives memory ``[K, width, N]``.
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
        _, width, inputs = weight.shape
        self._ahead, self._back = libraries
        self._y = new(width)
        self._units = [slice(span.start * width, span.stop * width) for span in spans]
        weight, bias, y = weight.view(-1, inputs), bias.view(-1, 1), self._y.flatten(0, 1)
        self._parts = [(weight[units], bias[units], y[units]) for units in self._units]

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Multiply the images ``[seeds · N, 784]``, those of one seed after those of another."""
        self._of_seeds = x.chunk(len(self._parts)) if len(self._parts) > 1 else (x,)
        for images, (weight, bias, y) in zip(self._of_seeds, self._parts, strict=True):
            transposed_outputs(images, weight, bias, self._ahead, y)
        return self._y

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂W = ∂Y X and ∂b = Σ ∂Y."""
        torch.sum(dy, dim=2, out=gradients[1])
        places, found = gradients[0].flatten(0, 1), dy.flatten(0, 1)
        if len(self._of_seeds) == 1:
            weight_gradient(found.t(), self._of_seeds[0], self._back, places)
            return dy
        for images, units in zip(self._of_seeds, self._units, strict=True):
            weight_gradient(found[units].t(), images, self._back, places[units])
        return dy


class StackedDense:
    """A linear layer of each member: Y = W X + b.

    Args:
        weight: ``[K, out, in]``.
        bias: ``[K, out]``.
        new: Gives memory ``[K, width, N]``.
    """

    parameters = 2

    def __init__(self, weight: Tensor, bias: Tensor, new: NewBuffer) -> None:
        self._weight, self._bias = weight, bias[:, :, None]
        self._transposed = weight.transpose(1, 2)
        self._y, self._dx = new(weight.shape[1]), new(weight.shape[2])

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Multiply."""
        self._x = x
        return torch.baddbmm(self._bias, self._weight, x, out=self._y)

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂W = ∂Y Xᵀ, ∂b = Σ ∂Y, ∂X = Wᵀ ∂Y."""
        torch.bmm(dy, self._x.transpose(1, 2), out=gradients[0])
        torch.sum(dy, dim=2, out=gradients[1])
        return torch.bmm(self._transposed, dy, out=self._dx)


class StackedDropout:
    """A dropout layer of each member; members of one seed have one mask, as their single runs do.

    Args:
        probability: Of a unit to be silenced.
        width: Units of one member.
        new: Gives memory ``[K, width, N]``.
        spans: The members of each seed.
    """

    parameters = 0

    def __init__(self, probability: float, width: int, new: NewBuffer, spans: Spans) -> None:
        self._keep = 1.0 - probability
        self._y = new(width)
        self._masks = [
            torch.empty(self._y.shape[2], width, dtype=self._y.dtype)  # as the single run draws
            for _ in spans
        ]
        self._spans = spans

    def forward(self, x: Tensor, draws: Sequence[Draws]) -> Tensor:
        """Silence each value with probability p and scale the others by 1 / (1 − p)."""
        for mask, of_seed in zip(self._masks, draws, strict=True):
            for rows, generator in of_seed:
                mask[rows].bernoulli_(self._keep, generator=generator)
            mask.div_(self._keep)
        return self._multiplied(x, self._y)

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """∂X = ∂Y · mask."""
        return self._multiplied(dy, dy)

    def _multiplied(self, x: Tensor, out: Tensor) -> Tensor:
        for mask, span in zip(self._masks, self._spans, strict=True):
            torch.mul(x[span], mask.t(), out=out[span])
        return out


class StackedNormalization:
    """A normalizing layer of each member.

    Args:
        layer: Whose settings are used.
        own: Its parameters, ``[K, width]`` each.
        running: As for ``Normalization``, ``[K, width]`` each.
    """

    def __init__(self, layer: nn.Module, own: Sequence[Tensor], running: Sequence[Tensor]) -> None:
        flat = [tensor.view(-1) for tensor in own], [tensor.view(-1) for tensor in running]
        self._layer = Normalization(layer, *flat, members=len(own[0]))
        self.parameters = self._layer.parameters

    def forward(self, x: Tensor, draws: object) -> Tensor:
        """Normalize; batch normalization updates its running statistics."""
        return _of_units(self._layer.forward(_of_images(x), draws), x)

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂X, ∂γ and ∂β."""
        return _of_units(self._layer.backward(_of_images(dy), gradients), dy)


def _of_images(x: Tensor) -> Tensor:
    """``[K, width, N]`` as ``[N, K · width]``."""
    return x.permute(2, 0, 1).contiguous().view(x.shape[2], -1)


def _of_units(x: Tensor, like: Tensor) -> Tensor:
    """The inverse of ``_of_images`` for a tensor of the shape of ``like``."""
    members, width, rows = like.shape
    return x.view(rows, members, width).permute(1, 2, 0)
