"""All parameters of a network in one vector, so that one call updates them all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mlcore.mnist.optimizers import STATE_PREFIX, optimizer_tensors, put_optimizer_tensors

ALIGNMENT: Final = 16
"""Each parameter begins at a multiple of so many numbers: 64 bytes of float32, a cache line."""


class Layout:
    """Where each of several tensors lies in one vector.

    Between two of them there may be a few unused numbers.

    Args:
        shapes: Of the tensors.

    Attributes:
        size: Numbers in the vector.
    """

    def __init__(self, shapes: Sequence[torch.Size]) -> None:
        self._shapes = list(shapes)
        self._sizes = [math.ceil(shape.numel() / ALIGNMENT) * ALIGNMENT for shape in shapes]
        self.size = sum(self._sizes)

    def views(self, vector: Tensor) -> list[Tensor]:
        """For each tensor its part of a vector ``[size]``, in its shape."""
        return [
            place[: shape.numel()].view(shape)
            for place, shape in zip(torch.split(vector, self._sizes), self._shapes, strict=True)
        ]


class FlatParameters:
    """The parameters of a network as views of one vector.

    The unused numbers between two of them are zeros, which get no gradient and stay zero.

    Args:
        model: Whose parameters move into the vector; it computes as before.

    Attributes:
        vector: All of them, in the order of ``Module.parameters()``.
        module: A module whose only parameter is ``vector``, for an optimizer.
    """

    def __init__(self, model: nn.Module) -> None:
        parameters = list(model.parameters())
        self._shapes = [parameter.shape for parameter in parameters]
        self._layout = Layout(self._shapes)
        values = torch.zeros(self._layout.size, dtype=parameters[0].dtype)
        self.vector = nn.Parameter(values)
        self.module = nn.ParameterList([self.vector])
        for parameter, view in zip(parameters, self.views(self.vector.data), strict=True):
            view.copy_(parameter.data)
            parameter.data = view

    def views(self, vector: Tensor) -> list[Tensor]:
        """For each parameter its part of a vector of this layout, in the parameter's shape."""
        return self._layout.views(vector)

    def optimizer_tensors(self, optimizer: Optimizer) -> dict[str, Tensor]:
        """The state of an optimizer over ``vector``, as one over each parameter names it."""
        named: dict[str, Tensor] = {}
        for name, value in optimizer_tensors(optimizer).items():
            key = name.split(".", maxsplit=2)[2]
            whole = value.shape == self.vector.shape
            parts = self.views(value) if whole else [value] * len(self._shapes)
            named |= {f"{STATE_PREFIX}{number}.{key}": part for number, part in enumerate(parts)}
        return named

    def put_optimizer_tensors(self, optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of ``optimizer_tensors``; other names are left alone."""
        state: dict[str, Tensor] = {}
        for name, value in tensors.items():
            if not name.startswith(STATE_PREFIX):
                continue
            number, key = name.removeprefix(STATE_PREFIX).split(".", maxsplit=1)
            if value.shape != self._shapes[int(number)]:  # a count of steps, the same in all
                state[f"{STATE_PREFIX}0.{key}"] = value
                continue
            whole = state.setdefault(f"{STATE_PREFIX}0.{key}", torch.zeros_like(self.vector.data))
            self.views(whole)[int(number)].copy_(value)
        if state:
            put_optimizer_tensors(optimizer, state)
