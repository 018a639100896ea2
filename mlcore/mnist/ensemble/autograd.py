"""The gradients of K networks at once by torch's autograd, where they are not computed by hand.

That is on GPUs, and for normalizing layers in bfloat16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.key import DrawKey, draw_key
from mlcore.mnist.ensemble.network import Masks, StackedNetwork
from mlcore.mnist.ensemble.result import MembersResult

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """A batch as all members read it.

    Attributes:
        images: ``[B, 784]`` if all members share seed and fold, else ``[K, B, 784]``.
        labels: int64 ``[K, B]``.
        targets: One-hot ``[K, B, classes]``, or the labels again, as the loss wants them.
        masks: For the dropout layers, or None.
    """

    images: Tensor
    labels: Tensor
    targets: Tensor
    masks: Masks | None


class AutogradGradient:
    """The gradient of K multilayer perceptrons of one shape, by autograd.

    Args:
        configs: Of the members.
        network: Their weights.
    """

    def __init__(self, configs: Sequence[MNISTConfig], network: StackedNetwork) -> None:
        self._configs, self._network = configs, network
        self._device, self._dtype = network.vector.device, network.vector.dtype

    def compute(
        self,
        batches: Mapping[DrawKey, Batches],
        microbatches: Mapping[DrawKey, Sequence[Microbatch]],
        *,
        tell: bool,
    ) -> tuple[Sequence[Tensor], MembersResult | None]:
        """The gradient of each stack of parameters: see ``result.Gradient``."""
        batch = self._read(batches, microbatches)
        outputs = self._network.outputs(batch.images, batch.masks, learning=True)
        losses = self._losses(outputs, batch)
        parameters = list(self._network.parameters.values())
        gradients = torch.autograd.grad(losses.sum(), parameters)
        if not tell:
            return gradients, None
        right = (outputs.detach().argmax(dim=2) == batch.labels).sum(dim=1)
        return gradients, MembersResult(losses.detach(), right)

    def _read(
        self,
        batches: Mapping[DrawKey, Batches],
        microbatches: Mapping[DrawKey, Sequence[Microbatch]],
    ) -> _Batch:
        keys = [draw_key(config) for config in self._configs]
        read = {
            key: self._read_one(batches[key], key[0], microbatches[key])
            for key in dict.fromkeys(keys)
        }
        if len(read) == 1:
            images, labels, targets, masks = read[keys[0]]
            members = len(keys)
            return _Batch(
                images,
                labels.expand(members, *labels.shape),
                targets.expand(members, *targets.shape),
                masks,
            )
        rows = [read[key] for key in keys]
        masks = None
        if rows[0][3] is not None:
            masks = {
                name: torch.stack([row[3][name] for row in rows if row[3] is not None])
                for name in rows[0][3]
            }
        return _Batch(
            torch.stack([row[0] for row in rows]),
            torch.stack([row[1] for row in rows]),
            torch.stack([row[2] for row in rows]),
            masks,
        )

    def _read_one(
        self, batches: Batches, seed: int, microbatches: Sequence[Microbatch]
    ) -> tuple[Tensor, Tensor, Tensor, Masks | None]:
        parts = [batches.read(microbatch) for microbatch in microbatches]
        images, labels, targets = (torch.cat(part) for part in zip(*parts, strict=True))
        if targets.is_floating_point():
            targets = targets.to(self._dtype)
        images = images.flatten(1).to(self._dtype)
        return images, labels, targets, self._masks(seed, microbatches)

    def _masks(self, seed: int, microbatches: Sequence[Microbatch]) -> Masks | None:
        """The masks that the single run draws: microbatch by microbatch, layer after layer."""
        layers = self._network.dropouts
        if not any(layers.values()):
            return None
        dtype = torch.bfloat16 if self._network.precision == "bfloat16" else self._dtype
        parts: dict[str, list[Tensor]] = {name: [] for name in layers}
        for microbatch in microbatches:
            generator = microbatch.generator(seed, "dropout", self._device)
            for name, probability in layers.items():
                width = self._width_before(name)
                mask = torch.empty(len(microbatch.chosen), width, device=self._device)
                mask.bernoulli_(1 - probability, generator=generator)
                parts[name].append(mask.to(dtype).div_(1 - probability))
        return {name: torch.cat(part) for name, part in parts.items()}

    def _width_before(self, dropout: str) -> int:
        hidden = dropout.replace("dropout", "hidden")
        return self._network.parameters[f"{hidden}.weight"].shape[1]

    def _losses(self, outputs: Tensor, batch: _Batch) -> Tensor:
        """The mean loss of each member, ``[K]``: the formulas of ``mlcore.mnist.losses``."""
        if self._configs[0].loss == "mse":
            return (outputs - batch.targets).square().mean(dim=(1, 2))
        logs = outputs.log_softmax(dim=2)
        chosen = logs.gather(2, batch.labels[:, :, None])[:, :, 0].mean(dim=1)
        spread = [config.label_smoothing for config in self._configs]
        if not any(spread):
            return -chosen
        share = torch.tensor(spread, dtype=outputs.dtype, device=outputs.device)
        return -((1 - share) * chosen + share * logs.mean(dim=(1, 2)))
