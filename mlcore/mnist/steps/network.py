"""A multilayer perceptron whose gradient is computed by hand, without torch's autograd.

Autograd allocates each tensor anew, keeps a graph, and hands out a gradient a parameter. Here
products go into memory that was allocated once, and all gradients go into one vector. The formulas
are autograd's own; a test compares every gradient with autograd's in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.microbatches import microbatches_for
from mlcore.mnist.products import Library
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.steps.flat import FlatParameters
from mlcore.mnist.steps.layers import (
    ActivationLayer,
    Dense,
    Draws,
    Dropout,
    Layer,
    NewBuffer,
    Normalization,
    backward,
)
from mlcore.mnist.steps.loss_gradient import LossGradient
from mlcore.mnist.steps.result import MicrobatchResult
from mlcore.mnist.steps.workspace import Memory
from mlcore.mnist.torch_state import torch_threads

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


MOST_IMAGES: Final = 1024
"""Of a pass, unless one microbatch has more: their memory still fits into a core's cache."""


def passes(microbatches: Sequence[Microbatch]) -> list[list[Microbatch]]:
    """The microbatches of a batch in groups, each of which takes one pass."""
    groups: list[list[Microbatch]] = [[]]
    rows = 0
    for microbatch in microbatches:
        rows += len(microbatch.chosen)
        if groups[-1] and rows > MOST_IMAGES:
            groups.append([])
            rows = len(microbatch.chosen)
        groups[-1].append(microbatch)
    return groups


def images_a_pass(config: MNISTConfig) -> int:
    """Images in the largest pass of a full batch."""
    microbatch = -(-config.batch_size // microbatches_for(config))
    if config.model == "cnn":
        return microbatch
    return min(config.batch_size, microbatch * max(1, MOST_IMAGES // microbatch))


def covers(config: MNISTConfig, device: torch.device, precision: str) -> bool:
    """Whether ``ManualNetwork`` can be this config's network.

    On the CPU, without convolutions, and without normalization in bfloat16.
    """
    plain = config.model == "linear" or config.normalization == "none"
    return device.type == "cpu" and config.model != "cnn" and (plain or precision == "float32")


def dropout_draws(microbatches: Sequence[Microbatch], seed: int) -> Draws:
    """The draws of a pass over some microbatches, which follow each other."""
    draws, start = [], 0
    for microbatch in microbatches:
        rows = slice(start, start + len(microbatch.chosen))
        draws.append((rows, microbatch.generator(seed, "dropout")))
        start = rows.stop
    return draws


class ManualNetwork:
    """A multilayer perceptron, or one linear layer, with its gradient by hand.

    Args:
        config: Of the network; see ``covers``.
        model: Its layers and weights, which move into one vector; it computes as before.
        precision: ``bfloat16``, or ``float32`` for the parameters' own type.
        libraries: Which one multiplies forward, and which one backward.
        rows: Images in the largest pass.

    Attributes:
        flat: The parameters in one vector.
        gradient: A vector of the same layout, for the gradient of the whole batch.
    """

    def __init__(
        self,
        config: MNISTConfig,
        model: nn.Sequential,
        precision: str,
        libraries: tuple[Library, Library],
        rows: int,
    ) -> None:
        self.flat = FlatParameters(model)
        weights = self.flat.vector.data
        self.gradient = torch.zeros_like(weights)
        self._config = config
        self._layers = list(model.children())
        self._buffers = list(model.buffers())
        self._libraries = libraries
        self._kept = weights.dtype
        self._multiplied = torch.bfloat16 if precision == "bfloat16" else weights.dtype
        self._weights = weights.to(self._multiplied)  # the same memory if the type is the same
        self._memory = Memory(rows, self._kept, self._multiplied, self._built)
        low = self._kept != self._multiplied
        self._low = self._seen(torch.zeros_like(self._weights)) if low else None
        self._parts = {0: self._seen(self.gradient)}
        self._loss = LossGradient(config, config.label_smoothing, self._kept, across=True)

    def refresh(self) -> None:
        """Read the weights anew; call it whenever they have changed."""
        if self._kept != self._multiplied:
            self._weights.copy_(self.flat.vector.data)

    def learn_from(
        self, batches: Batches, microbatches: Sequence[Microbatch], number: int = 0, *, tell: bool
    ) -> MicrobatchResult:
        """Compute the gradient of some microbatches of one batch in one pass.

        Args:
            batches: Where their images are.
            microbatches: They follow each other in their batch, which they need not fill.
            number: Of the pass among those of the batch.
            tell: Whether the loss and the number of right answers are needed.

        Returns:
            One gradient in the layout of ``flat``, which the next pass of the same number
            overwrites.
        """
        if number not in self._parts:
            self._parts[number] = self._seen(torch.zeros_like(self.gradient))
        part = self._parts[number]
        rows = sum(len(microbatch.chosen) for microbatch in microbatches)
        share = sum(microbatch.share for microbatch in microbatches)
        room = self._memory.workspace(rows)
        labels = batches.read_all_into(microbatches, room.bytes, room.pixels)
        if room.images is not room.pixels:
            room.images.copy_(room.pixels)
        x = room.images
        draws = dropout_draws(microbatches, self._config.seed) if self._config.dropout else ()
        for layer in room.layers:
            x = layer.forward(x, draws)
        outputs = x.to(self._kept)
        targets = self._loss.targets(labels)
        loss = right = None
        if tell:
            with torch_threads(1):  # over more, the sum would round otherwise
                loss = self._loss.loss(outputs.t(), targets).mul_(share)
            right = (outputs.argmax(dim=1) == labels).sum()
        dy = self._loss.gradient(outputs.t(), targets, share).t()
        if self._low is None:
            backward(room.layers, dy, part.views)
        else:
            backward(room.layers, dy.to(self._multiplied), self._low.views)
            part.vector.copy_(self._low.vector)
        return MicrobatchResult((part.vector,), loss, right)

    def same_bits(self, batches: Batches, microbatches: Sequence[Microbatch], threads: int) -> bool:
        """Whether the gradient of these microbatches is the same with so many torch threads.

        It is asked with random weights, and leaves the network as it was.
        """
        weights = self.flat.vector.data
        before = [tensor.clone() for tensor in (weights, *self._buffers)]
        found = []
        for number in (1, threads):
            with torch_threads(1):
                weights.normal_(std=0.05, generator=seeded(0, "same bits"))
                self.refresh()
            with torch_threads(number):
                (gradient,) = self.learn_from(batches, microbatches, tell=False).gradients
            found.append(gradient.clone())
        for tensor, value in zip((weights, *self._buffers), before, strict=True):
            tensor.copy_(value)
        self.refresh()
        return torch.equal(*found)

    def _seen(self, vector: Tensor) -> _Gradient:
        return _Gradient(vector, self.flat.views(vector))

    def _built(self, new: NewBuffer) -> list[Layer[Draws]]:
        parameters = iter(self.flat.views(self._weights))
        built: list[Layer[Draws]] = []
        width = 0
        for layer in self._layers:
            match layer:
                case nn.Flatten() | nn.Identity():
                    continue
                case nn.Linear():
                    weight, bias = next(parameters), next(parameters)
                    width = weight.shape[0]
                    built.append(Dense(weight, bias, new, self._libraries, first=not built))
                case nn.Dropout():
                    built.append(Dropout(layer.p, width, new))
                case nn.LayerNorm() | nn.GroupNorm() | nn.BatchNorm1d() | nn.RMSNorm():
                    own = [next(parameters) for _ in layer.parameters()]
                    built.append(Normalization(layer, own, list(layer.buffers())))
                case _:
                    built.append(ActivationLayer(self._config.activation, width, new))
        return built


@dataclass(frozen=True, slots=True, eq=False)
class _Gradient:
    """A gradient in the layout of the parameters' vector, and its part for each parameter."""

    vector: Tensor
    views: list[Tensor]
