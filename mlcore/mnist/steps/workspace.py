"""The memory in which one microbatch goes through a network and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mlcore.mnist.models import PIXELS
from mlcore.mnist.steps.layers import Layer, NewBuffer


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """The memory for microbatches of N images, or of N images for each of several seeds.

    Attributes:
        bytes: uint8 ``[N, 784]``, for the pixels; with several seeds one after the other.
        pixels: ``[N, 784]`` in the parameters' type, for the normalized images, likewise.
        images: The same in the type in which the network multiplies; the same memory if that is
            the parameters' type.
        layers: The network's layers over this memory.
    """

    bytes: Tensor
    pixels: Tensor
    images: Tensor
    layers: Sequence[Layer[Any]]


class Memory:
    """Memory for a microbatch; smaller ones use a part of it.

    Args:
        most: Images in the largest microbatch.
        kept: The parameters' type.
        multiplied: The type in which the network multiplies.
        build: Makes the layers over memory of ``multiplied``.
        seeds: How many times as many images there are as rows of a layer's output.
    """

    def __init__(
        self,
        most: int,
        kept: torch.dtype,
        multiplied: torch.dtype,
        build: Callable[[NewBuffer], Sequence[Layer[Any]]],
        seeds: int = 1,
    ) -> None:
        self._most = most
        self._seeds = seeds
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

        def new(width: int, dtype: torch.dtype = multiplied, seeds: int = 1) -> Tensor:
            nonlocal count
            if count == len(self._buffers):
                self._buffers.append(torch.empty(seeds * self._most, width, dtype=dtype))
            count += 1
            return self._buffers[count - 1][: seeds * rows]

        seeds = self._seeds
        as_bytes, pixels = new(PIXELS, torch.uint8, seeds), new(PIXELS, self._kept, seeds)
        images = pixels if self._kept == self._multiplied else new(PIXELS, seeds=seeds)
        return Workspace(as_bytes, pixels, images, self._build(new))
