"""The layers of a multilayer perceptron, forward and backward by hand in preallocated memory.

Each layer object holds what its backward pass needs from its last forward pass, so two batches at
once need two of them. The elementwise kernels are those that torch's autograd calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import torch
from torch import Tensor, nn

from mlcore.mnist.products import Library, input_gradient, outputs, weight_gradient

NewBuffer = Callable[[int], Tensor]
"""Gives memory ``[N, width]`` for a width."""

Draws = Sequence[tuple[slice, torch.Generator]]
"""For the rows of each microbatch the generator of its dropout masks."""

Drawn = TypeVar("Drawn", contravariant=True)
"""What tells a layer its random draws, such as ``Draws``."""

_aten: Final = torch.ops.aten
_ALL: Final = [True, True, True]


class Layer(Protocol[Drawn]):
    """One layer.

    Attributes:
        parameters: How many parameters it has.
    """

    parameters: int

    def forward(self, x: Tensor, draws: Drawn) -> Tensor:
        """The output for an input ``[N, width]``, which must stay as it is until ``backward``."""
        ...

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂ of the input for the ∂ of the output, which is overwritten.

        Args:
            dy: ``[N, width]``.
            gradients: Where to write those of the layer's parameters.
        """
        ...


def backward(layers: Sequence[Layer[Drawn]], dy: Tensor, gradients: Sequence[Tensor]) -> None:
    """Go back through layers, the last one first, and write the gradients of their parameters.

    Args:
        layers: After a forward pass.
        dy: ∂ of the output, which is overwritten.
        gradients: A place for that of each parameter of all layers, in their order.
    """
    end = len(gradients)
    for layer in reversed(layers):
        start = end - layer.parameters
        dy = layer.backward(dy, gradients[start:end])
        end = start


class Dense:
    """``nn.Linear``: Y = X Wᵀ + b.

    Args:
        weight: ``[out, in]``.
        bias: ``[out]``.
        new: Gives memory.
        libraries: Which multiplies forward, which backward.
        first: Whether the input is the images, whose gradient nobody needs.
    """

    parameters = 2

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        new: NewBuffer,
        libraries: tuple[Library, Library],
        *,
        first: bool,
    ) -> None:
        self._weight, self._bias = weight, bias
        self._ahead, self._back = libraries
        self._y = new(weight.shape[0])
        self._dx = None if first else new(weight.shape[1])

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Multiply."""
        self._x = x
        return outputs(x, self._weight, self._bias, self._ahead, self._y)

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂W = ∂Yᵀ X, ∂b = Σ ∂Y, ∂X = ∂Y W."""
        weight_gradient(dy, self._x, self._back, gradients[0])
        torch.sum(dy, dim=0, out=gradients[1])
        if self._dx is None:
            return dy
        return input_gradient(dy, self._weight, self._back, self._dx)


class ActivationLayer:
    """An activation by its name in the config; ``identity`` has no layer at all."""

    parameters = 0

    def __init__(self, name: str, width: int, new: NewBuffer) -> None:
        self._name = name
        if name != "relu":
            self._y = new(width)

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Apply the function; the cheap ones overwrite their input."""
        match self._name:
            case "relu":
                self._kept = torch.relu_(x)
                return self._kept
            case "leaky_relu":
                self._kept = _aten.leaky_relu.out(x, 0.01, out=self._y)
                return self._kept
            case "tanh":
                self._kept = torch.tanh(x, out=self._y)
                return self._kept
            case "sigmoid":
                self._kept = torch.sigmoid(x, out=self._y)
                return self._kept
            case "gelu":
                self._kept = x
                return _aten.gelu.out(x, out=self._y)  # type: ignore[no-any-return]  # torch's ops
            case _:
                self._kept = x
                return _aten.silu.out(x, out=self._y)  # type: ignore[no-any-return]  # likewise

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """∂X = ∂Y f′(X), in the memory of ∂Y."""
        kept = self._kept
        match self._name:
            case "relu":
                _aten.threshold_backward.grad_input(dy, kept, 0, grad_input=dy)
            case "leaky_relu":  # of the output, whose sign is the input's
                _aten.leaky_relu_backward.grad_input(dy, kept, 0.01, True, grad_input=dy)
            case "tanh":
                _aten.tanh_backward.grad_input(dy, kept, grad_input=dy)
            case "sigmoid":
                _aten.sigmoid_backward.grad_input(dy, kept, grad_input=dy)
            case "gelu":
                _aten.gelu_backward.grad_input(dy, kept, grad_input=dy)
            case _:
                _aten.silu_backward.grad_input(dy, kept, grad_input=dy)
        return dy


class Dropout:
    """``SeededDropout``: the same draws from the same generators."""

    parameters = 0

    def __init__(self, probability: float, width: int, new: NewBuffer) -> None:
        self._keep = 1.0 - probability
        self._mask, self._y = new(width), new(width)

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Silence each value with probability p and scale the others by 1 / (1 − p)."""
        for rows, generator in draws:
            self._mask[rows].bernoulli_(self._keep, generator=generator)
        self._mask.div_(self._keep)
        return torch.mul(x, self._mask, out=self._y)

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """∂X = ∂Y · mask."""
        return dy.mul_(self._mask)


class Normalization:
    """A normalizing layer of a multilayer perceptron: layer, group, batch or RMS.

    Args:
        layer: Whose settings are used.
        own: Its parameters, ``[width]`` each.
        running: The running statistics of batch normalization: mean and variance ``[width]``, and
            the count of batches.
        members: How many networks lie side by side in the width, each with its own mean.
    """

    def __init__(
        self, layer: nn.Module, own: Sequence[Tensor], running: Sequence[Tensor], members: int = 1
    ) -> None:
        self._layer = layer
        self._own, self._running = list(own), list(running)
        self._members = members
        self.parameters = len(self._own)

    def forward(self, x: Tensor, draws: object) -> Tensor:  # noqa: ARG002
        """Normalize; batch normalization updates its running statistics."""
        self._x, layer, own = x, self._layer, self._own
        rows, width = x.shape
        self._kept: tuple[Tensor, ...]
        match layer:
            case nn.LayerNorm() if self._members == 1:
                y, *kept = _aten.native_layer_norm(x, (width,), *own, layer.eps)
            case nn.LayerNorm() | nn.GroupNorm():
                y, *kept = _aten.native_group_norm(
                    x, *own, rows, width, 1, self._groups(), layer.eps
                )
            case nn.BatchNorm1d():
                mean, variance, count = self._running
                count.add_(1)
                y, *kept = _aten.native_batch_norm(
                    x, *own, mean, variance, True, layer.momentum, layer.eps
                )
            case _:
                parts = self._of_members(x)
                kept = [_inverse_root_mean_square(parts)]
                y = (parts * kept[0]).view_as(x).mul_(own[0])
        self._kept = tuple(kept)
        result: Tensor = y
        return result

    def backward(self, dy: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """∂X, ∂γ and ∂β."""
        x, layer, own, kept = self._x, self._layer, self._own, self._kept
        rows, width = x.shape
        match layer:
            case nn.LayerNorm() if self._members == 1:
                dx, *found = _aten.native_layer_norm_backward(dy, x, (width,), *kept, *own, _ALL)
            case nn.LayerNorm() | nn.GroupNorm():
                dx, *found = _aten.native_group_norm_backward(
                    dy, x, *kept, own[0], rows, width, 1, self._groups(), _ALL
                )
            case nn.BatchNorm1d():
                mean, variance, _ = self._running
                dx, *found = _aten.native_batch_norm_backward(
                    dy, x, own[0], mean, variance, *kept, True, layer.eps, _ALL
                )
            case _:
                hat = self._of_members(x) * kept[0]
                found = [(dy * hat.view_as(x)).sum(dim=0)]
                dh = self._of_members(dy * own[0])
                dx = kept[0] * (dh - hat * (dh * hat).mean(dim=-1, keepdim=True))
        for place, gradient in zip(gradients, found, strict=True):
            place.view(-1).copy_(gradient)
        result: Tensor = dx.view_as(x)
        return result

    def _groups(self) -> int:
        """Groups of units that are normalized together, in all members."""
        each = self._layer.num_groups if isinstance(self._layer, nn.GroupNorm) else 1
        return each * self._members

    def _of_members(self, x: Tensor) -> Tensor:
        """``[N, width]`` as ``[N, members, width / members]``."""
        return x.view(len(x), self._members, -1)


def _inverse_root_mean_square(x: Tensor) -> Tensor:
    """1 / √(mean x² + ε) over the last dimension, with the ε of ``nn.RMSNorm``."""
    eps = torch.finfo(x.dtype).eps
    return x.square().mean(dim=-1, keepdim=True).add_(eps).rsqrt_()
