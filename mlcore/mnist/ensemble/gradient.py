"""The gradients of K networks at once, without torch's autograd: see ``mlcore.mnist.steps``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.key import DrawKey, draw_key
from mlcore.mnist.ensemble.layers import (
    FirstDense,
    StackedDense,
    StackedDropout,
    StackedNormalization,
)
from mlcore.mnist.ensemble.network import StackedNetwork
from mlcore.mnist.ensemble.result import MembersResult
from mlcore.mnist.products import Library
from mlcore.mnist.steps.layers import (
    ActivationLayer,
    Draws,
    Layer,
    NewBuffer,
    backward,
)
from mlcore.mnist.steps.loss_gradient import LossGradient
from mlcore.mnist.steps.network import dropout_draws
from mlcore.mnist.steps.workspace import Memory, Workspace

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


class StackedGradient:
    """The gradient of K multilayer perceptrons of one shape, by hand.

    Args:
        configs: Of the members, those of one seed and fold side by side; see
            ``steps.network.covers``.
        network: Their weights, which are read anew in each pass.
        libraries: Which one multiplies the images forward, and which one backward.
    """

    def __init__(
        self,
        configs: Sequence[MNISTConfig],
        network: StackedNetwork,
        libraries: tuple[Library, Library],
    ) -> None:
        self._config, self._network, self._libraries = configs[0], network, libraries
        self._members = len(configs)
        keys = [draw_key(config) for config in configs]
        self._spans = {key: _span(keys, key) for key in dict.fromkeys(keys)}
        weights = network.vector
        self._vector = torch.zeros_like(weights)
        self._stacks = network.layout.views(self._vector)
        self._low = network.precision == "bfloat16" and weights.dtype != torch.bfloat16
        self._weights = weights.bfloat16() if self._low else weights
        # in the precision of the products, and so the same memory if that is the parameters' own
        self._multiplied = torch.zeros_like(self._weights) if self._low else self._vector
        self._places = network.layout.views(self._multiplied)
        self._memory = Memory(
            self._config.batch_size,
            weights.dtype,
            self._weights.dtype,
            self._built,
            len(self._spans),
        )
        smoothing = [config.label_smoothing for config in configs]
        self._loss = LossGradient(
            self._config,
            torch.tensor(smoothing, dtype=weights.dtype)[:, None, None],
            weights.dtype,
        )

    def compute(
        self,
        batches: Mapping[DrawKey, Batches],
        microbatches: Mapping[DrawKey, Sequence[Microbatch]],
        *,
        tell: bool,
    ) -> tuple[Sequence[Tensor], MembersResult | None]:
        """The gradient of each stack of parameters: see ``result.Gradient``."""
        rows = sum(len(part.chosen) for part in next(iter(microbatches.values())))
        room = self._memory.workspace(rows)
        labels = self._read(batches, microbatches, room)
        if self._low:
            self._weights.copy_(self._network.vector)
        x, draws = room.images, self._draws(microbatches)
        for layer in room.layers:
            x = layer.forward(x, draws)
        outputs = x.to(self._vector.dtype)
        targets = self._loss.targets(labels)
        result = None
        if tell:
            chosen = outputs.transpose(1, 2).contiguous().argmax(dim=2)  # quicker than over rows
            right = (chosen == labels).sum(dim=1)
            result = MembersResult(self._loss.loss(outputs, targets), right)
        dy = self._loss.gradient(outputs, targets)
        backward(room.layers, dy.to(self._weights.dtype), self._places)
        if self._low:
            self._vector.copy_(self._multiplied)
        return self._stacks, result

    def _read(
        self,
        batches: Mapping[DrawKey, Batches],
        microbatches: Mapping[DrawKey, Sequence[Microbatch]],
        room: Workspace,
    ) -> Tensor:
        """Gather the images of all seeds and folds; the labels ``[N]`` of one, or ``[K, N]``."""
        labels = [
            batches[key].read_all_into(microbatches[key], as_bytes, pixels)
            for key, as_bytes, pixels in zip(
                self._spans, self._by_key(room.bytes), self._by_key(room.pixels), strict=True
            )
        ]
        if room.images is not room.pixels:
            room.images.copy_(room.pixels)
        if len(labels) == 1:
            return labels[0]
        spans = self._spans.values()
        return torch.cat(
            [
                of_key.expand(span.stop - span.start, len(of_key))
                for of_key, span in zip(labels, spans, strict=True)
            ]
        )

    def _by_key(self, memory: Tensor) -> Sequence[Tensor]:
        return memory.chunk(len(self._spans)) if len(self._spans) > 1 else (memory,)

    def _draws(self, microbatches: Mapping[DrawKey, Sequence[Microbatch]]) -> list[Draws]:
        if not self._config.dropout:
            return []
        return [dropout_draws(microbatches[key], key[0]) for key in self._spans]

    def _built(self, new: NewBuffer) -> list[Layer[Any]]:
        def stack(width: int) -> Tensor:
            found = new(self._members * width)
            return found.view(self._members, width, len(found))

        parameters = iter(self._network.layout.views(self._weights))
        built: list[Layer[Any]] = []
        spans = list(self._spans.values())
        width = 0
        for name, layer in self._network.layers.items():
            match layer:
                case nn.Flatten() | nn.Identity():
                    continue
                case nn.Linear():
                    weight, bias = next(parameters), next(parameters)
                    width = weight.shape[1]
                    built.append(
                        StackedDense(weight, bias, stack)
                        if built
                        else FirstDense(weight, bias, stack, self._libraries, spans)
                    )
                case nn.Dropout():
                    built.append(StackedDropout(layer.p, width, stack, spans))
                case nn.LayerNorm() | nn.GroupNorm() | nn.BatchNorm1d() | nn.RMSNorm():
                    own = [next(parameters) for _ in layer.parameters()]
                    running = [
                        self._network.buffers[f"{name}.{key}"] for key, _ in layer.named_buffers()
                    ]
                    built.append(StackedNormalization(layer, own, running))
                case _:
                    built.append(ActivationLayer(self._config.activation, width, stack))
        return built


def _span(keys: Sequence[DrawKey], key: DrawKey) -> slice:
    start = keys.index(key)
    return slice(start, start + keys.count(key))
