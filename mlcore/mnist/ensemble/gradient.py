"""The gradients of K networks at once, without torch's autograd: see ``mlcore.mnist.steps``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.layers import FirstDense, StackedDense, StackedDropout
from mlcore.mnist.ensemble.network import StackedNetwork
from mlcore.mnist.products import Library
from mlcore.mnist.steps.layers import (
    ActivationLayer,
    Draws,
    Layer,
    NewBuffer,
    Normalization,
    backward,
)
from mlcore.mnist.steps.network import dropout_draws
from mlcore.mnist.steps.workspace import Memory

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


@dataclass(frozen=True, slots=True, eq=False)
class MembersResult:
    """The metrics of one batch, before the weights moved.

    Attributes:
        losses: The mean loss of each member, ``[K]``.
        right: How many images each has its largest output at the label of, int64 ``[K]``.
    """

    losses: Tensor
    right: Tensor


class StackedGradient:
    """The gradient of K multilayer perceptrons of one shape, by hand.

    Args:
        configs: Of the members, those of one seed side by side; see ``steps.network.covers``.
        network: Their weights, which are read anew in each pass.
        precision: ``bfloat16``, or ``float32`` for the parameters' own type.
        libraries: Which one multiplies the images forward, and which one backward.

    Attributes:
        stacks: For each parameter the gradient ``[K, …]`` of the last pass.
    """

    def __init__(
        self,
        configs: Sequence[MNISTConfig],
        network: StackedNetwork,
        precision: str,
        libraries: tuple[Library, Library],
    ) -> None:
        self._config, self._network, self._libraries = configs[0], network, libraries
        self._members = len(configs)
        seeds = [config.seed for config in configs]
        self._spans = {seed: _span(seeds, seed) for seed in dict.fromkeys(seeds)}
        weights = network.vector
        self._vector = torch.zeros_like(weights)
        self.stacks = network.layout.views(self._vector)
        self._low = precision == "bfloat16" and weights.dtype != torch.bfloat16
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
        self._table = _targets(configs).to(weights.dtype)
        self._rows_of_table = torch.arange(self._members) * self._config.num_classes()

    def compute(
        self,
        batches: Mapping[int, Batches],
        microbatches: Mapping[int, Sequence[Microbatch]],
        *,
        tell: bool,
    ) -> MembersResult | None:
        """Compute the gradients of one batch.

        Args:
            batches: The images of each seed.
            microbatches: Of each seed, of the whole batch.
            tell: Whether the metrics are needed.
        """
        rows = sum(len(part.chosen) for part in next(iter(microbatches.values())))
        room = self._memory.workspace(rows)
        of_seeds = []
        for number, seed in enumerate(self._spans):
            place = slice(number * rows, (number + 1) * rows)
            found, _ = batches[seed].read_all_into(
                microbatches[seed], room.bytes[place], room.pixels[place]
            )
            of_seeds.append(found)
        if room.images is not room.pixels:
            room.images.copy_(room.pixels)
        if self._low:
            self._weights.copy_(self._network.vector)
        x, draws = room.images, self._draws(microbatches)
        for layer in room.layers:
            x = layer.forward(x, draws)
        outputs = x.to(self._vector.dtype).view(rows, self._members, -1)
        labels = self._labels(of_seeds)
        targets = self._table.index_select(0, (labels + self._rows_of_table).view(-1))
        targets = targets.view_as(outputs)
        result = self._result(outputs, targets, labels) if tell else None
        dy = self._of_outputs(outputs, targets).view(rows, -1)
        backward(room.layers, dy.to(self._weights.dtype), self._places)
        if self._low:
            self._vector.copy_(self._multiplied)
        return result

    def _labels(self, of_seeds: Sequence[Tensor]) -> Tensor:
        """The labels of each image and member, ``[N, K]``, or ``[N, 1]`` if all have the same."""
        if len(of_seeds) == 1:
            return of_seeds[0][:, None]
        spans = self._spans.values()
        return torch.stack(
            [
                labels
                for labels, span in zip(of_seeds, spans, strict=True)
                for _ in range(span.start, span.stop)
            ],
            dim=1,
        )

    def _result(self, outputs: Tensor, targets: Tensor, labels: Tensor) -> MembersResult:
        if self._config.loss == "mse":
            losses = (outputs - targets).square_().mean(dim=(0, 2))
        else:
            losses = -outputs.log_softmax(dim=2).mul_(targets).sum(dim=2).mean(dim=0)
        return MembersResult(losses, (outputs.argmax(dim=2) == labels).sum(dim=0))

    def _of_outputs(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂ of each member's loss by its outputs."""
        rows, _, classes = outputs.shape
        if self._config.loss == "mse":
            return outputs.sub_(targets).mul_(2 / (rows * classes))
        return outputs.softmax(dim=2).sub_(targets).mul_(1 / rows)

    def _draws(self, microbatches: Mapping[int, Sequence[Microbatch]]) -> list[Draws]:
        if not self._config.dropout:
            return []
        return [dropout_draws(microbatches[seed], seed) for seed in self._spans]

    def _built(self, new: NewBuffer) -> list[Layer[Any]]:
        parameters = iter(self._network.layout.views(self._weights))
        built: list[Layer[Any]] = []
        spans = list(self._spans.values())
        members, width = self._members, 0
        for name, layer in self._network.layers.items():
            match layer:
                case nn.Flatten() | nn.Identity():
                    continue
                case nn.Linear():
                    weight, bias = next(parameters), next(parameters)
                    width = weight.shape[1]
                    built.append(
                        StackedDense(weight, bias, new)
                        if built
                        else FirstDense(weight, bias, new, self._libraries, spans)
                    )
                case nn.Dropout():
                    built.append(StackedDropout(layer.p, members, width, new, spans))
                case nn.LayerNorm() | nn.GroupNorm() | nn.BatchNorm1d() | nn.RMSNorm():
                    own = [next(parameters).view(-1) for _ in layer.parameters()]
                    running = [
                        self._network.buffers[f"{name}.{key}"].view(-1)
                        for key, _ in layer.named_buffers()
                    ]
                    built.append(Normalization(layer, own, running, members))
                case _:
                    built.append(ActivationLayer(self._config.activation, members * width, new))
        return built


def _targets(configs: Sequence[MNISTConfig]) -> Tensor:
    """What the loss wants for each member and class, ``[K · classes, classes]``: q of a label."""
    classes = configs[0].num_classes()
    spread = torch.tensor(
        [config.label_smoothing for config in configs], dtype=torch.float64
    )[:, None, None]
    hot = torch.eye(classes, dtype=torch.float64)
    return ((1 - spread) * hot + spread / classes).view(-1, classes)


def _span(seeds: Sequence[int], seed: int) -> slice:
    start = seeds.index(seed)
    return slice(start, start + seeds.count(seed))
