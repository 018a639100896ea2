"""The memory in which one microbatch goes through a network and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.mnist.models import PIXELS
from mlcore.mnist.steps.layers import Layer, NewBuffer


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """The memory for microbatches of N images.

    Attributes:
        bytes: uint8 ``[N, 784]``, for the pixels.
        pixels: ``[N, 784]`` in the parameters' type, for the normalized images.
        images: The same in the type in which the network multiplies; the same memory if that is
            the parameters' type.
        layers: The network's layers over this memory.
    """

    bytes: Tensor
    pixels: Tensor
    images: Tensor
    layers: Sequence[Layer]


class Memory:
    """Memory for a microbatch; smaller ones use a part of it.

    Args:
        most: Images in the largest microbatch.
        kept: The parameters' type.
        multiplied: The type in which the network multiplies.
        build: Makes the layers over memory of ``multiplied``.
    """

    def __init__(
        self,
        most: int,
        kept: torch.dtype,
        multiplied: torch.dtype,
        build: Callable[[NewBuffer], list[Layer]],
    ) -> None:
        self._most = most
        self._kept, self._multiplied = kept, multiplied
        self._build = build
        self._buffers: list[Tensor] = []
        self._workspaces: dict[int, Workspace] = {}

    def workspace(self, rows: int) -> Workspace:
        """The workspace of microbatches of so many images."""
        if rows not in self._workspaces:
            self._workspaces[rows] = self._made(rows)
        return self._workspaces[rows]

    def _made(self, rows: int) -> Workspace:
        count, multiplied = 0, self._multiplied

        def new(width: int, dtype: torch.dtype = multiplied) -> Tensor:
            nonlocal count
            if count == len(self._buffers):
                self._buffers.append(torch.empty(self._most, width, dtype=dtype))
            count += 1
            return self._buffers[count - 1][:rows]

        as_bytes, pixels = new(PIXELS, torch.uint8), new(PIXELS, self._kept)
        images = pixels if self._kept == self._multiplied else new(PIXELS)
        return Workspace(as_bytes, pixels, images, self._build(new))
