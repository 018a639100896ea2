"""A block of an ensemble: members that take their steps as one program on one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.core import MODEL_PREFIX, Snapshot
from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.autograd import AutogradGradient
from mlcore.mnist.ensemble.gradient import StackedGradient
from mlcore.mnist.ensemble.key import DrawKey, draw_key
from mlcore.mnist.ensemble.network import StackedNetwork
from mlcore.mnist.ensemble.optimizer import StackedOptimizer
from mlcore.mnist.ensemble.result import Gradient
from mlcore.mnist.models import build_model, put_weights
from mlcore.mnist.penalties import add_stacked_penalties
from mlcore.mnist.runtime import Precision
from mlcore.mnist.schedules import learning_rate
from mlcore.mnist.steps.ways import Way

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Plan = Mapping[DrawKey, list[list[Microbatch]]]
"""For each seed and fold the batches of the steps ahead, each cut into its microbatches."""


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
        self._dtype = dtype
        self._per_epoch = configs[0].steps_per_epoch()
        models = [build_model(config) for config in configs]
        for model, snapshot in zip(models, snapshots, strict=True):
            if snapshot is not None:
                put_weights(model, snapshot)
        self.network = StackedNetwork(models, device, dtype, precision, way.libraries)
        states = [snapshot.tensors if snapshot is not None else {} for snapshot in snapshots]
        index = snapshots[0].meta["index"] if snapshots[0] is not None else 0
        self._optimizer = StackedOptimizer(
            configs, list(self.network.parameters.values()), states, index
        )
        self._penalized = any(config.l1 or config.l2 for config in configs)
        self._scheduled = any(c.schedule != "constant" or c.warmup for c in configs)
        self._way = way
        self._gradient = self._gradient_for(self._way)

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
            gradients, result = self._gradient.compute(self._batches, microbatches, tell=last)
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
            return self.network.outputs(flat, None, learning=False)

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
            self._gradient = self._gradient_for(self._way)

    def _rates(self, step: int, drops: Sequence[int]) -> list[float]:
        if not self._scheduled:
            return [config.lr for config in self._configs]
        return [
            learning_rate(config, step, self._per_epoch, drops[member])
            for member, config in zip(self.members, self._configs, strict=True)
        ]

    def _gradient_for(self, way: Way) -> Gradient:
        if way.gradients == "autograd":
            return AutogradGradient(self._configs, self.network)
        return StackedGradient(self._configs, self.network, way.libraries)


def _copy(value: Tensor) -> Tensor:
    return value.detach().cpu().clone()
