"""A network with its optimizer: takes one step, and gives the tensors of a snapshot."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from mlcore.core import MODEL_PREFIX
from mlcore.core.cores import given_cores
from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.data.digits import Digits
from mlcore.mnist.evaluate import Evaluation, Examiner
from mlcore.mnist.fast_layers import masks_from, use_fast_layers
from mlcore.mnist.losses import loss_for
from mlcore.mnist.microbatches import Team, microbatches_for
from mlcore.mnist.models import build_model, put_weights
from mlcore.mnist.optimizers import (
    build_optimizer,
    optimizer_tensors,
    put_optimizer_tensors,
    set_learning_rate,
)
from mlcore.mnist.penalties import add_penalties
from mlcore.mnist.runtime import check_precision, device_for, precision_for, threads_for
from mlcore.mnist.steps.network import ManualNetwork, images_a_pass, passes
from mlcore.mnist.steps.parallel import Threads
from mlcore.mnist.steps.result import MicrobatchResult
from mlcore.mnist.steps.ways import way_for
from mlcore.mnist.torch_state import torch_threads

if TYPE_CHECKING:
    from mlcore.core import Snapshot
    from mlcore.mnist.config import MNISTConfig


class Trainer:
    """A network in training. Call it with one torch thread set (``isolated_torch_state``).

    Attributes:
        batches: The training images.
        precision: ``float32`` or ``bfloat16``.
        way: How it takes its steps.
        team: The threads that compute a batch's microbatches side by side.
    """

    def __init__(self, config: MNISTConfig, digits: Digits, snapshot: Snapshot | None) -> None:
        self._config = config
        self._device = device_for(config)
        before = snapshot.meta.get("precision") if snapshot is not None else None
        self.precision = precision_for(config, self._device, before)
        check_precision(self.precision, snapshot)
        self.batches = Batches(config, digits, self._device)
        self._examiner = Examiner(config, digits, self._device)
        self._model = build_model(config)
        if snapshot is not None:
            put_weights(self._model, snapshot)
        self._model.to(self._device)
        _channels_last(self._model)
        self.way = way_for(config, self._device, self.precision, snapshot)
        use_fast_layers(self._model, self._device, self.way.libraries)
        self._microbatches = microbatches_for(config) if self._device.type == "cpu" else 1
        self._manual = None
        if self.way.gradients == "manual":
            self._manual = ManualNetwork(
                config,
                self._model,
                self.precision,
                self.way.libraries,
                rows=images_a_pass(config),
            )
        trained = self._model if self._manual is None else self._manual.flat.module
        self._optimizer = build_optimizer(config, trained)
        if snapshot is not None:
            put = (
                put_optimizer_tensors
                if self._manual is None
                else self._manual.flat.put_optimizer_tensors
            )
            put(self._optimizer, snapshot.tensors)
        self._parameters = list(trained.parameters())
        self._threads = self._threads_of_steps(self._manual) if self._manual else None
        self._gradients = (
            [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
            if self._manual is None
            else [self._manual.gradient]
        )
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        # each layer's own parameters and gradients, which here may be views of one vector
        self._of_layers: tuple[Sequence[Tensor], Sequence[Tensor]] = (
            self._parameters,
            self._gradients,
        )
        if self._manual is not None:
            flat = self._manual.flat
            self._of_layers = (flat.views(flat.vector.data), flat.views(self._manual.gradient))
        self._loss = loss_for(config)
        self.team = Team(threads_for(config, given_cores()) if self._microbatches > 1 else 1)

    def learn(self, step: int, lr: float, *, tell: bool) -> dict[str, float]:
        """Take optimizer step ``step`` (from 0).

        Returns:
            If requested: ``train_loss``, ``train_accuracy`` and ``grad_norm`` of the batch,
            before the weights moved.
        """
        microbatches = self.batches.microbatches(step, self._microbatches)
        full = self.batches.size(step) == self._config.batch_size
        with self._threads.step() if self._threads and full else nullcontext():
            learned = self._learned(microbatches, tell=tell)
            self._add_up([part.gradients for part in learned])
            metrics = self._told(learned, step) if tell else {}
            add_penalties(self._config, *self._of_layers)
            set_learning_rate(self._optimizer, lr)
            self._optimizer.step()
            if self._manual is not None:
                self._manual.refresh()
        return metrics

    def examine(self) -> Evaluation:
        """Evaluate on the whole test set, or on the validation part of a config with a split."""
        return self._examiner.examine(self._model, self.team, self._autocast)

    def tensors(self) -> Mapping[str, Tensor]:
        """Copies of the weights and the optimizer's state, on the CPU, by dotted name."""
        named = optimizer_tensors if self._manual is None else self._manual.flat.optimizer_tensors
        return {**self.weights(), **_copies(named(self._optimizer))}

    def weights(self) -> Mapping[str, Tensor]:
        """Copies of the weights and running statistics alone, under the same names."""
        named = self._model.state_dict().items()
        return _copies({MODEL_PREFIX + name: value for name, value in named})

    def _learned(self, microbatches: list[Microbatch], *, tell: bool) -> list[MicrobatchResult]:
        if self._manual is None:
            return self.team.map(functools.partial(self._learn_from, tell=tell), microbatches)
        return [
            self._manual.learn_from(self.batches, group, number, tell=tell)
            for number, group in enumerate(passes(microbatches))
        ]

    def _learn_from(self, microbatch: Microbatch, *, tell: bool) -> MicrobatchResult:
        images, labels, targets = self.batches.read(microbatch)
        with self._autocast(), self._dropout(microbatch):
            outputs = self._model(images)
        outputs = outputs.float()
        loss = self._loss(outputs, targets) * microbatch.share
        return MicrobatchResult(
            gradients=torch.autograd.grad(loss, self._parameters),
            loss=loss.detach(),
            right=(outputs.detach().argmax(dim=1) == labels).sum() if tell else None,
        )

    def _told(self, learned: list[MicrobatchResult], step: int) -> dict[str, float]:
        right = sum(int(part.right) for part in learned if part.right is not None)
        with torch_threads(1):  # over more, the sum would round otherwise
            norm = float(
                get_total_norm(self._gradients)
                if self._manual is None
                else torch.dot(self._manual.gradient, self._manual.gradient).sqrt_()
            )
        return {
            "train_loss": sum(float(part.loss) for part in learned if part.loss is not None),
            "train_accuracy": right / self.batches.size(step),
            "grad_norm": norm,
        }

    def _threads_of_steps(self, network: ManualNetwork) -> Threads:
        # torch's RMSprop has no fused kernel: its operations are too small to be split
        most = 1 if self._config.optimizer == "rmsprop" else given_cores()
        first = passes(self.batches.microbatches(0, self._microbatches))[0]
        return Threads(most, functools.partial(network.same_bits, self.batches, first))

    def _add_up(self, parts: list[tuple[Tensor, ...]]) -> None:
        """Sum the microbatches' gradients into ``.grad``, whose layout fused optimizers need."""
        for total, first, *others in zip(self._gradients, *parts, strict=True):
            if not others:
                if first is not total:
                    total.copy_(first)
                continue
            torch.add(first, others[0], out=total)
            for other in others[1:]:
                total.add_(other)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bfloat16":
            return torch.autocast(self._device.type, dtype=torch.bfloat16)
        return nullcontext()

    def _dropout(self, microbatch: Microbatch) -> AbstractContextManager[None]:
        if not self._config.dropout:
            return nullcontext()
        return masks_from(microbatch.generator(self._config.seed, "dropout", self._device))


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in tensors.items()}


def _channels_last(model: nn.Module) -> None:
    """Keep images with the channels of a pixel side by side, as fast convolutions read them.

    Module.to and not Tensor.contiguous, which leaves the weight of a single input channel as it
    is: its strides say either layout, and then the convolution's output takes the slow one.
    """
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
