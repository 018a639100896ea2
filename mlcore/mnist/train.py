"""The training loop: a generator of steps that holds its whole state and touches no one else's."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step
from mlcore.mnist import data
from mlcore.mnist.batches import Batches, Piece
from mlcore.mnist.dropout import masks_from
from mlcore.mnist.evaluate import Examiner
from mlcore.mnist.hardware import device_for, precision_for
from mlcore.mnist.losses import loss_for
from mlcore.mnist.models import WEIGHTS_PREFIX, build_model, put_weights
from mlcore.mnist.optimizers import (
    build_optimizer,
    optimizer_tensors,
    put_optimizer_tensors,
    set_learning_rate,
)
from mlcore.mnist.pieces import Team, pieces_for
from mlcore.mnist.schedules import learning_rate
from mlcore.mnist.surroundings import surroundings
from mlcore.mnist.threads import cores_here, threads_for

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

POINTS_A_RUN: Final = 1000
POINTS_AN_EPOCH: Final = 60
SIGN_OF_LIFE_S: Final = 0.25


def train(config: MNISTConfig, snapshot: Snapshot | None = None) -> Iterator[Step]:
    """Train a network, yielding a step whenever there is something to tell.

    Metrics of a step:

    - ``train_loss``, ``train_accuracy``, ``grad_norm``, ``lr``: of the batch of this very step,
      before the weights moved. At every ``cadence(config)``-th step and at each epoch's end.
    - ``test_loss``, ``test_accuracy``: over the whole test set, at step 0 and at each epoch's end,
      together with the arrays that ``mlcore.mnist.evaluate.Evaluation`` describes.
    - ``samples_per_second``: training images per second since it was last told, without the time
      for examining and without the time the caller took. About four times a second.

    A step with no other metric than the last only shows life. All others come at the same steps
    with the same values, bit for bit, in every run of one config on one machine.

    Args:
        config: What to train.
        snapshot: Of an earlier step of the same config: go on after that step.

    Raises:
        DivergenceError: When the loss is no longer a finite number.
        DataUnavailableError: If the data set is not to be had.
        ConfigError: If this machine lacks the device or the precision asked for.
        SnapshotError: If the snapshot is of another config.
    """
    with surroundings(threads=1):
        run = _Run(config, snapshot)
    steps = run.steps()
    try:
        while True:
            with surroundings(threads=1):
                step = next(steps, None)
            if step is None:
                return
            yield step
    finally:
        run.team.close()


def cadence(config: MNISTConfig) -> int:
    """Optimizer steps from one point of the training curves to the next.

    Some 60 points an epoch, but no more than about 1,000 a run.
    """
    per_epoch = config.steps_per_epoch()
    return max(
        math.ceil(per_epoch / POINTS_AN_EPOCH), math.ceil(per_epoch * config.epochs / POINTS_A_RUN)
    )


class _Run:
    """The whole state of one training; ``steps`` moves it."""

    def __init__(self, config: MNISTConfig, snapshot: Snapshot | None) -> None:
        meta = _checked_meta(config, snapshot)
        self.config = config
        self.device = device_for(config)
        self.index: int = meta.get("index", 0)
        self.resumed = snapshot is not None
        self.precision = precision_for(config, self.device)
        if self.precision != meta.get("precision", self.precision):
            raise SnapshotError(
                f"The snapshot was taken in {meta['precision']}, but here this config computes in "
                f"{self.precision}: resume it on a machine like the first."
            )
        digits = data.load(config.dataset, config.data_dir)
        self.batches = Batches(config, digits, self.device)
        self.examiner = Examiner(config, digits, self.device)
        self.total = config.epochs * self.batches.per_epoch
        self.model = build_model(config)
        if snapshot is not None:
            put_weights(self.model, snapshot)
        self.model.to(self.device)
        _channels_last(self.model)
        self.optimizer = build_optimizer(config, self.model)
        if snapshot is not None:
            put_optimizer_tensors(self.optimizer, snapshot.tensors)
        self.parameters = list(self.model.parameters())
        self.gradients = [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self.pieces = pieces_for(config) if self.device.type == "cpu" else 1
        self.team = Team(threads_for(config, cores_here()) if self.pieces > 1 else 1)
        self.speed = _Speed()

    def steps(self) -> Iterator[Step]:
        every = cadence(self.config)
        per_epoch = self.batches.per_epoch
        if not self.resumed:
            yield self._step(*self._examined())
        self.speed.start()
        while self.index < self.total:
            self.index += 1
            ends_epoch = self.index % per_epoch == 0
            metrics = self._learn(tell=ends_epoch or self.index % every == 0)
            if metrics or self.speed.due():
                metrics |= self.speed.told(must=self.index == self.total)
                self.speed.pause()
                if ends_epoch:
                    examined, arrays = self._examined()
                    yield self._step(metrics | examined, arrays)
                else:
                    yield self._step(metrics)
                self.speed.start()

    def _learn(self, *, tell: bool) -> dict[str, float]:
        """One optimizer step; its metrics if they are to be told."""
        step = self.index - 1
        lr = learning_rate(self.config, step, self.batches.per_epoch)
        pieces = self.batches.pieces(step, self.pieces)
        learned = self.team.map(self._gradient, pieces)
        self._add_up([gradients for gradients, _, _ in learned])
        metrics: dict[str, float] = {}
        if tell:
            images = sum(len(piece.chosen) for piece in pieces)
            metrics = {
                "train_loss": self._finite(sum(float(loss) for _, loss, _ in learned)),
                "train_accuracy": sum(int(right.sum()) for _, _, right in learned) / images,
                "grad_norm": self._finite(float(get_total_norm(self.gradients))),
                "lr": lr,
            }
        set_learning_rate(self.optimizer, lr)
        self.optimizer.step()
        self.speed.samples += sum(len(piece.chosen) for piece in pieces)
        return metrics

    def _gradient(self, piece: Piece) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """A piece's part of the gradient and of the loss, and which images it got right."""
        images, labels, targets = self.batches.read(piece)
        with self._autocast(), self._dropout(piece):
            outputs = self.model(images)
        outputs = outputs.float()
        loss = loss_for(self.config)(outputs, targets) * piece.share
        gradients = torch.autograd.grad(loss, self.parameters)
        return gradients, loss.detach(), outputs.detach().argmax(dim=1) == labels

    def _add_up(self, parts: list[tuple[Tensor, ...]]) -> None:
        """Σ of the pieces' gradients, into ``.grad``, whose memory layout fused optimizers need."""
        for total, *gradients in zip(self.gradients, *parts, strict=True):
            if len(gradients) == 1:
                total.copy_(gradients[0])
                continue
            torch.add(gradients[0], gradients[1], out=total)
            for gradient in gradients[2:]:
                total.add_(gradient)

    def _dropout(self, piece: Piece) -> AbstractContextManager[None]:
        if not self.config.dropout:
            return nullcontext()
        return masks_from(piece.generator(self.config.seed, "dropout", self.device))

    def _examined(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        evaluation = self.examiner.examine(self.model, self.team, self._autocast)
        self._finite(evaluation.metrics["test_loss"])
        return dict(evaluation.metrics), dict(evaluation.arrays)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bfloat16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def _finite(self, value: float) -> float:
        if not math.isfinite(value):
            raise DivergenceError(
                f"The loss is no longer a finite number at step {self.index} of {self.total}: "
                f"try a smaller learning rate than {self.config.lr:g}, such as "
                f"{self.config.lr / 10:g}."
            )
        return value

    def _step(self, metrics: dict[str, float], arrays: dict[str, Tensor] | None = None) -> Step:
        index = self.index

        def snapshot() -> Snapshot:
            if self.index != index:
                raise SnapshotError(
                    f"The run has gone on from step {index} to {self.index}: take a snapshot "
                    "before asking for the next step."
                )
            return self._snapshot()

        return Step(index, index, self.total, metrics, arrays or {}, snapshot)

    def _snapshot(self) -> Snapshot:
        tensors = {WEIGHTS_PREFIX + k: v for k, v in self.model.state_dict().items()}
        tensors |= optimizer_tensors(self.optimizer)
        return Snapshot(
            {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()},
            {
                "config": self.config.to_dict(),
                "index": self.index,
                "precision": self.precision,
            },
        )


class _Speed:
    """Counts training images against the time spent on training alone."""

    def __init__(self) -> None:
        self.samples = 0
        self._spent = 0.0
        self._started = time.perf_counter()

    def start(self) -> None:
        self._started = time.perf_counter()

    def pause(self) -> None:
        self._spent += time.perf_counter() - self._started

    def due(self) -> bool:
        return self._spent + time.perf_counter() - self._started >= SIGN_OF_LIFE_S

    def told(self, *, must: bool) -> dict[str, float]:
        spent = self._spent + time.perf_counter() - self._started
        if spent < SIGN_OF_LIFE_S and not (must and spent > 0):
            return {}
        speed = {"samples_per_second": self.samples / spent}
        self.samples, self._spent = 0, 0.0
        self.start()
        return speed


def _channels_last(model: nn.Module) -> None:
    """Keep images with the channels of a pixel side by side, as fast convolutions read them."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)


def _checked_meta(config: MNISTConfig, snapshot: Snapshot | None) -> dict[str, Any]:
    if snapshot is None:
        return {}
    meta = dict(snapshot.meta)
    if meta.get("config") != config.to_dict():
        raise SnapshotError("The snapshot is of another config: resume it with its own.")
    return meta
