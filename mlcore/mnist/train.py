"""The training loop as a generator of steps; it leaves global state unchanged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from torch import Tensor

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step
from mlcore.mnist.best_epoch import BestEpoch
from mlcore.mnist.data import digits as data
from mlcore.mnist.runtime import Speed
from mlcore.mnist.schedules import learning_rate
from mlcore.mnist.steps.ways import meta_of
from mlcore.mnist.torch_state import isolated_torch_state
from mlcore.mnist.trainer import Trainer
from mlcore.mnist.weight_snapshots import keeps

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

POINTS_A_RUN: Final = 1000
POINTS_AN_EPOCH: Final = 60


def train(config: MNISTConfig, snapshot: Snapshot | None = None) -> Iterator[Step]:
    """Train a network, yielding a step each time a metric is due.

    Metrics of a step:

    - ``train_loss``, ``train_accuracy``, ``grad_norm``, ``lr``: of the batch of this very step,
      before the weights moved, and without the penalties ``l1`` and ``l2``. At every
      ``cadence(config)``-th step and at each epoch's end.
    - ``test_loss``, ``test_accuracy``: over the whole test set, at step 0 and at each epoch's end.
      With ``validation_size`` the test set is not looked at: then ``validation_loss`` and
      ``validation_accuracy`` over the validation part. They come with the arrays that
      ``mlcore.mnist.evaluate.Evaluation`` describes, and, where
      ``mlcore.mnist.weight_snapshots.keeps`` says so, a copy of the weights: for
      ``hidden1.weight`` the array ``model.hidden1.weight``.
      ``mlcore.mnist.load_weights(config, Snapshot(step.arrays))`` makes a network of them.
    - ``best_epoch``, ``best_validation_accuracy``: with ``keep="best"``, at each epoch's end: the
      epoch whose weights are kept, and their validation accuracy.
    - ``samples_per_second``: training images per second since its last report, without the time
      for examining and without the time the caller took. About four times a second.

    A step with no other metric than the last only shows life. All others come at the same steps
    with the same values, bit for bit, in every run of one config on one machine. Another machine
    may multiply by another library, and differ in the last bits (see ``mlcore.mnist.steps.ways``).

    Args:
        config: What to train.
        snapshot: Of an earlier step of the same config: go on after that step.

    Raises:
        DivergenceError: When the loss is no longer a finite number.
        DataUnavailableError: If the data set is not to be had.
        ConfigError: If this machine lacks the device or the precision asked for.
        SnapshotError: If the snapshot is of another config.
    """
    with isolated_torch_state(threads=1):
        run = _Run(config, snapshot)
    steps = run.steps()
    try:
        while True:
            with isolated_torch_state(threads=1):
                step = next(steps, None)
            if step is None:
                return
            yield step
    finally:
        run.trainer.team.close()


def cadence(config: MNISTConfig) -> int:
    """Optimizer steps between two points of the training curves.

    Some 60 points an epoch, but no more than about 1,000 a run.
    """
    per_epoch = config.steps_per_epoch()
    return max(
        math.ceil(per_epoch / POINTS_AN_EPOCH), math.ceil(per_epoch * config.epochs / POINTS_A_RUN)
    )


class _Run:
    """One training in progress; ``steps`` advances it."""

    def __init__(self, config: MNISTConfig, snapshot: Snapshot | None) -> None:
        if snapshot is not None and snapshot.meta.get("config") != config.to_dict():
            raise SnapshotError("The snapshot is of another config: resume it with its own.")
        digits = data.load(config.dataset, config.data_dir)
        self.config = config
        self.trainer = Trainer(config, digits, snapshot)
        self.index: int = snapshot.meta["index"] if snapshot is not None else 0
        self.resumed = snapshot is not None
        self.best = BestEpoch(config, snapshot)
        self.per_epoch = self.trainer.batches.per_epoch
        self.total = config.epochs * self.per_epoch

    def steps(self) -> Iterator[Step]:
        every, speed = cadence(self.config), Speed()
        if not self.resumed:
            yield self._step({}, examine=True)
        speed.start()
        while self.index < self.total and not self.best.stops:
            self.index += 1
            ends_epoch = self.index % self.per_epoch == 0
            metrics = self._learn(tell=ends_epoch or self.index % every == 0)
            speed.samples += self.trainer.batches.size(self.index - 1)
            if metrics or speed.due():
                may_end = self.index == self.total or (ends_epoch and self.config.early_stopping)
                metrics |= speed.told(must=may_end)
                speed.pause()
                yield self._step(metrics, examine=ends_epoch)
                speed.start()

    def _learn(self, *, tell: bool) -> dict[str, float]:
        step = self.index - 1
        drops = self.best.standing.drops
        lr = learning_rate(self.config, step, self.per_epoch, drops)
        metrics = self.trainer.learn(step, lr, tell=tell)
        return {**self._finite(metrics), "lr": lr} if tell else {}

    def _step(self, metrics: Mapping[str, float], *, examine: bool) -> Step:
        arrays: Mapping[str, Tensor] = {}
        if examine:
            evaluation = self.trainer.examine()
            metrics, arrays = {**metrics, **self._finite(evaluation.metrics)}, evaluation.arrays
            epoch = self.index // self.per_epoch
            metrics |= self.best.note(epoch, evaluation.metrics, self.trainer.weights)
            if keeps(self.config, self.index):
                arrays = {**arrays, **self.trainer.weights()}
        index = self.index
        total = index if self.best.stops else self.total
        return Step(index, index, total, metrics, arrays, snapshot=lambda: self._snapshot(index))

    def _finite(self, metrics: Mapping[str, float]) -> Mapping[str, float]:
        if not all(map(math.isfinite, metrics.values())):
            raise DivergenceError(
                f"The loss or its gradient is no longer a finite number at step {self.index} of "
                f"{self.total}: try a smaller learning rate than {self.config.lr:g}, such as "
                f"{self.config.lr / 10:g}."
            )
        return metrics

    def _snapshot(self, index: int) -> Snapshot:
        if self.index != index:
            raise SnapshotError(
                f"The run has moved on from step {index} to {self.index}: take a snapshot before "
                "taking the next step."
            )
        # Every random draw is seeded by its step's number, so that is the whole random state.
        meta = {
            "config": self.config.to_dict(),
            "index": index,
            "precision": self.trainer.precision,
            **self.best.meta(),
            **meta_of(self.trainer.way),
        }
        return Snapshot({**self.trainer.tensors(), **self.best.tensors()}, meta)
