"""A block of an ensemble: members that take their steps as one program on one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.core import MODEL_PREFIX, Snapshot
from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.gradient import MembersResult, StackedGradient
from mlcore.mnist.ensemble.key import DrawKey, draw_key
from mlcore.mnist.ensemble.network import Masks, StackedNetwork
from mlcore.mnist.ensemble.optimizer import StackedOptimizer
from mlcore.mnist.models import build_model, put_weights
from mlcore.mnist.penalties import add_stacked_penalties
from mlcore.mnist.runtime import Precision
from mlcore.mnist.schedules import learning_rate
from mlcore.mnist.steps.ways import Way

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Plan = Mapping[DrawKey, list[list[Microbatch]]]
"""For each seed and fold the batches of the steps ahead, each cut into its microbatches."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch as a block reads it.

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


class Block:
    """Members of an ensemble that step together.

    Attributes:
        members: Their places in the ensemble.
    """

    def __init__(
        self,
        members: Sequence[int],
        configs: Sequence[MNISTConfig],
        snapshots: Sequence[Snapshot | None],
        batches: Mapping[DrawKey, Batches],
        device: torch.device,
        dtype: torch.dtype,
        precision: Precision,
        way: Way,
    ) -> None:
        self.members = list(members)
        self._configs = list(configs)
        self._batches = batches
        self._device, self._dtype, self._precision = device, dtype, precision
        self._per_epoch = configs[0].steps_per_epoch()
        models = [build_model(config) for config in configs]
        for model, snapshot in zip(models, snapshots, strict=True):
            if snapshot is not None:
                put_weights(model, snapshot)
        self.network = StackedNetwork(models, device, dtype, way.libraries)
        states = [snapshot.tensors if snapshot is not None else {} for snapshot in snapshots]
        index = snapshots[0].meta["index"] if snapshots[0] is not None else 0
        self._optimizer = StackedOptimizer(
            configs, list(self.network.parameters.values()), states, index
        )
        self._penalized = any(config.l1 or config.l2 for config in configs)
        self._way = way
        self._manual = self._by_hand()

    def learn(
        self, plan: Plan, start: int, drops: Sequence[int], *, tell: bool
    ) -> dict[str, list[float]]:
        """Take the optimizer steps of a plan, the first of which is step ``start`` (from 0).

        Args:
            plan: The batches.
            start: Number of the first step.
            drops: How often a plateau lowered the learning rate, of each of the ensemble's configs.
            tell: Whether the metrics of the last step are requested.

        Returns:
            If requested: ``train_loss``, ``train_accuracy``, ``grad_norm`` and ``lr`` of each
            member for the last step's batch, before the weights moved.
        """
        told: dict[str, list[float]] = {}
        count = len(next(iter(plan.values())))
        for place in range(count):
            microbatches = {drawn: steps[place] for drawn, steps in plan.items()}
            last = tell and place == count - 1
            rates = self._rates(start + place, drops)
            gradients, result = self._gradients(microbatches, tell=last)
            if result is not None:
                norms = [
                    torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients
                ]
                images = self._batches[draw_key(self._configs[0])].size(start + place)
                told = {
                    "train_loss": result.losses.tolist(),
                    "train_accuracy": (result.right / images).tolist(),
                    "grad_norm": torch.linalg.vector_norm(torch.stack(norms), dim=0).tolist(),
                    "lr": rates,
                }
            if self._penalized:
                add_stacked_penalties(
                    self._configs, list(self.network.parameters.values()), gradients
                )
            self._optimizer.step(gradients, rates)
        return told

    def outputs(self, images: Tensor) -> Tensor:
        """Raw outputs ``[K, M, classes]`` for held-out images, in eval mode.

        Args:
            images: ``[M, 28, 28]`` for all members alike, or ``[K, M, 28, 28]`` of their own.
        """
        with torch.no_grad():
            flat = images.flatten(-2).to(self._dtype)
            return self._outputs(flat, None, learning=False)

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copies of one member's weights on the CPU, as its single run names them."""
        state = self.network.state(self.members.index(member))
        return {MODEL_PREFIX + name: _copy(value) for name, value in state.items()}

    def tensors(self, member: int) -> dict[str, Tensor]:
        """Copies of one member's weights and optimizer state, as its single run's snapshot."""
        state = self._optimizer.state(self.members.index(member))
        return self.weights(member) | {name: _copy(value) for name, value in state.items()}

    def drop(self, member: int) -> None:
        """Remove a member."""
        kept = [place for place, other in enumerate(self.members) if other != member]
        self.members = [self.members[place] for place in kept]
        self._configs = [self._configs[place] for place in kept]
        if kept:
            self.network.keep(kept)
            self._optimizer.keep(kept, list(self.network.parameters.values()))
            self._manual = self._by_hand()

    def _rates(self, step: int, drops: Sequence[int]) -> list[float]:
        return [
            learning_rate(config, step, self._per_epoch, drops[member])
            for member, config in zip(self.members, self._configs, strict=True)
        ]

    def _by_hand(self) -> StackedGradient | None:
        if self._way.gradients == "autograd":
            return None
        return StackedGradient(self._configs, self.network, self._precision, self._way.libraries)

    def _gradients(
        self, microbatches: Mapping[DrawKey, Sequence[Microbatch]], *, tell: bool
    ) -> tuple[Sequence[Tensor], MembersResult | None]:
        """The gradient of each stack of parameters, and the metrics if they are requested."""
        if self._manual is not None:
            result = self._manual.compute(self._batches, microbatches, tell=tell)
            return self._manual.stacks, result
        batch = self._read(microbatches)
        outputs = self._outputs(batch.images, batch.masks, learning=True)
        losses = self._losses(outputs, batch)
        gradients = torch.autograd.grad(losses.sum(), list(self.network.parameters.values()))
        if not tell:
            return gradients, None
        right = (outputs.detach().argmax(dim=2) == batch.labels).sum(dim=1)
        return gradients, MembersResult(losses.detach(), right)

    def _outputs(self, images: Tensor, masks: Masks | None, *, learning: bool) -> Tensor:
        if self._precision == "float32":
            return self.network.outputs(images, masks, learning=learning)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            return self.network.outputs(images, masks, learning=learning).float()

    def _read(self, microbatches: Mapping[DrawKey, Sequence[Microbatch]]) -> Batch:
        keys = [draw_key(config) for config in self._configs]
        read = {key: self._read_one(key, microbatches[key]) for key in dict.fromkeys(keys)}
        if len(read) == 1:
            images, labels, targets, masks = read[keys[0]]
            members = len(keys)
            return Batch(
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
        return Batch(
            torch.stack([row[0] for row in rows]),
            torch.stack([row[1] for row in rows]),
            torch.stack([row[2] for row in rows]),
            masks,
        )

    def _read_one(
        self, key: DrawKey, microbatches: Sequence[Microbatch]
    ) -> tuple[Tensor, Tensor, Tensor, Masks | None]:
        batches = self._batches[key]
        parts = [batches.read(microbatch) for microbatch in microbatches]
        images, labels, targets = (torch.cat(part) for part in zip(*parts, strict=True))
        if targets.is_floating_point():
            targets = targets.to(self._dtype)
        images = images.flatten(1).to(self._dtype)
        return images, labels, targets, self._masks(key[0], microbatches)

    def _masks(self, seed: int, microbatches: Sequence[Microbatch]) -> Masks | None:
        """The masks that the single run draws: microbatch by microbatch, layer after layer."""
        layers = self.network.dropouts
        if not any(layers.values()):
            return None
        dtype = torch.bfloat16 if self._precision == "bfloat16" else self._dtype
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
        return self.network.parameters[f"{hidden}.weight"].shape[1]

    def _losses(self, outputs: Tensor, batch: Batch) -> Tensor:
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


def _copy(value: Tensor) -> Tensor:
    return value.detach().cpu().clone()
