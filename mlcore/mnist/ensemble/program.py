"""Trains several MNIST runs as one vectorized program.

Learning rate, momentum, weight decay, penalties, label smoothing, the schedule, early stopping, the
first weights, the seed and the fold may differ. A member yields what its single run would yield, at
the same steps: from the same first weights, over the same batches in the same order, through the
same formulas, so that only rounding differs (sums run in another order). Gradients are computed by
hand where single runs do so (``mlcore.mnist.ensemble.gradient``), else by autograd. Measured with
tests/bench/ensemble.py. Networks with convolutions train one by one: see
tests/bench/ensemble_cnn.py.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step, Told
from mlcore.core.cores import given_cores
from mlcore.mnist.batches import Batches
from mlcore.mnist.best_epoch import BestEpoch
from mlcore.mnist.data import digits as data
from mlcore.mnist.ensemble.block import Block, Plan
from mlcore.mnist.ensemble.key import FREE, draw_key, shape
from mlcore.mnist.evaluate import Evaluation, Examiner
from mlcore.mnist.microbatches import Team, microbatches_for
from mlcore.mnist.runtime import Speed, check_precision, device_for, precision_for
from mlcore.mnist.steps.ways import way_of_ensemble
from mlcore.mnist.torch_state import isolated_torch_state
from mlcore.mnist.train import cadence
from mlcore.mnist.weight_snapshots import keeps

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

BLOCK: Final = 16
"""Members a block on the CPU: their first layers of width 32 just fit into a core's cache."""

_SEGMENT_S: Final = 0.2


class MNISTEnsemble:
    """Several MNIST runs in training; see ``mlcore.core.Ensemble``.

    Args:
        configs: The members; their ``shape`` is the same.
        snapshots: Of each, all of the same step; or None for all.
        dtype: Of the weights; anything but float32 is for tests.

    Raises:
        ValueError: If the configs differ in more than an ensemble may.
        SnapshotError: If a snapshot belongs to another config or precision, or they are of
            different steps.
        ConfigError: If this machine lacks the device or the precision asked for.
        DataUnavailableError: If the data set is not to be had.
    """

    def __init__(
        self,
        configs: Sequence[MNISTConfig],
        snapshots: Sequence[Snapshot | None],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shapes = {shape(config) for config in configs}
        if len(shapes) != 1 or None in shapes:
            raise ValueError(
                f"{len(configs)} configs cannot train as one program: they must be networks "
                f"without convolutions that differ in nothing but {', '.join(FREE)}."
            )
        self._index = _common_step(configs, snapshots)
        self._resumed = snapshots[0] is not None
        self._configs = list(configs)
        self._device = device_for(configs[0])
        before = snapshots[0].meta.get("precision") if snapshots[0] is not None else None
        self._precision = precision_for(configs[0], self._device, before)
        for snapshot in snapshots:
            check_precision(self._precision, snapshot)
        self._per_epoch = configs[0].steps_per_epoch()
        self._total = configs[0].epochs * self._per_epoch
        self._microbatches = microbatches_for(configs[0]) if self._device.type == "cpu" else 1
        digits = data.load(configs[0].dataset, configs[0].data_dir)
        way = way_of_ensemble(configs[0], self._device, self._precision, BLOCK)
        with isolated_torch_state(threads=1):
            first = {draw_key(config): config for config in configs}
            if configs[0].sealed():  # each seed draws its own, each fold is its own
                self._examiners = {d: Examiner(c, digits, self._device) for d, c in first.items()}
            else:
                examiner = Examiner(configs[0], digits, self._device)
                self._examiners = dict.fromkeys(first, examiner)
            self._batches = {d: Batches(c, digits, self._device) for d, c in first.items()}
            self._blocks = [
                Block(
                    members,
                    [configs[m] for m in members],
                    [snapshots[m] for m in members],
                    self._batches,
                    self._device,
                    dtype,
                    self._precision,
                    way,
                )
                for members in _blocks(configs, len(configs) if self._on_gpu() else BLOCK)
            ]
        threads = 1 if self._on_gpu() else min(given_cores(), len(self._blocks))
        self._team = Team(threads)
        self._step_s = 0.0
        self._best = [BestEpoch(c, s) for c, s in zip(configs, snapshots, strict=True)]

    def rounds(self) -> Iterator[list[Told]]:
        """Yield the members' updates; see ``mlcore.mnist.train.train`` for the metrics."""
        rounds = self._rounds()
        try:
            while True:
                with isolated_torch_state(threads=1):
                    told = next(rounds, None)
                if told is None:
                    return
                yield told
        finally:
            self._team.close()

    def drop(self, member: int) -> None:
        """Remove a member."""
        with isolated_torch_state(threads=1):
            for block in self._blocks:
                if member in block.members:
                    block.drop(member)
        self._blocks = [block for block in self._blocks if block.members]

    def _rounds(self) -> Iterator[list[Told]]:
        every, speed = cadence(self._configs[0]), Speed()
        if not self._resumed:
            yield self._tell({}, examine=True)
        speed.start()
        while self._index < self._total and self._blocks:
            start = self._index
            ahead = min(every - start % every, self._per_epoch - start % self._per_epoch)
            if self._step_s:
                ahead = max(1, min(ahead, int(_SEGMENT_S / self._step_s)))
            end = start + ahead
            tell = end % every == 0 or end % self._per_epoch == 0
            began = time.perf_counter()
            metrics = self._learn(start, ahead, tell=tell)
            self._step_s = (time.perf_counter() - began) / ahead
            self._index = end
            batches = next(iter(self._batches.values()))
            speed.samples += sum(batches.size(step) for step in range(start, end))
            measured = speed.told(must=end == self._total or self._may_end(end))
            speed.pause()
            if measured:
                for member in self._members():
                    metrics.setdefault(member, {}).update(measured)
            yield self._tell(metrics, examine=end % self._per_epoch == 0)
            for member in self._members():
                if self._best[member].stops:
                    self.drop(member)
            speed.start()

    def _may_end(self, index: int) -> bool:
        """Whether early stopping may end a member here."""
        epoch_ends = index % self._per_epoch == 0
        return epoch_ends and any(self._configs[m].early_stopping for m in self._members())

    def _learn(self, start: int, count: int, *, tell: bool) -> dict[int, dict[str, float]]:
        plan = {
            drawn: [
                batches.microbatches(step, self._microbatches)
                for step in range(start, start + count)
            ]
            for drawn, batches in self._batches.items()
        }
        drops = [best.standing.drops for best in self._best]
        work = functools.partial(_learn, plan=plan, start=start, drops=drops, tell=tell)
        metrics: dict[int, dict[str, float]] = {}
        for block, told in zip(self._blocks, self._team.map(work, self._blocks), strict=True):
            for place, member in enumerate(block.members):
                metrics[member] = {name: values[place] for name, values in told.items()}
        return metrics

    def _tell(self, metrics: Mapping[int, Mapping[str, float]], *, examine: bool) -> list[Told]:
        evaluations = self._examine() if examine else {}
        told = []
        for member in self._members():
            values = dict(metrics.get(member, {}))
            arrays: dict[str, Tensor] = {}
            if member in evaluations:
                values |= evaluations[member].metrics
                if all(map(math.isfinite, values.values())):
                    epoch, weights = self._index // self._per_epoch, self._weights_of(member)
                    values |= self._best[member].note(epoch, evaluations[member].metrics, weights)
                arrays |= evaluations[member].arrays
                if keeps(self._configs[member], self._index):
                    arrays |= self._block(member).weights(member)
            if all(map(math.isfinite, values.values())):
                told.append(Told(member, self._step(member, values, arrays)))
            else:
                told.append(Told(member, error=self._divergence(member)))
                self.drop(member)
        return told

    def _examine(self) -> dict[int, Evaluation]:
        found = {}
        for block in self._blocks:
            outputs = self._outputs(block)
            for place, member in enumerate(block.members):
                own, config = outputs[place].float(), self._configs[member]
                found[member] = self._examiners[draw_key(config)].evaluation(own, config)
        return found

    def _outputs(self, block: Block) -> Tensor:
        """Raw outputs ``[K, M, classes]`` of a block's members, each for its held-out images."""
        parts = [self._examiners[draw_key(self._configs[member])].parts for member in block.members]
        if all(own is parts[0] for own in parts):
            return torch.cat(self._team.map(block.outputs, parts[0]), dim=1)

        def of_each(images: tuple[Tensor, ...]) -> Tensor:
            return block.outputs(torch.stack(images))

        return torch.cat(self._team.map(of_each, list(zip(*parts, strict=True))), dim=1)

    def _weights_of(self, member: int) -> Callable[[], Mapping[str, Tensor]]:
        return lambda: self._block(member).weights(member)

    def _step(
        self, member: int, metrics: Mapping[str, float], arrays: Mapping[str, Tensor]
    ) -> Step:
        index = self._index
        return Step(
            index,
            index,
            index if self._best[member].stops else self._total,
            metrics,
            arrays,
            snapshot=lambda: self._snapshot(member, index),
        )

    def _snapshot(self, member: int, index: int) -> Snapshot:
        if self._index != index:
            raise SnapshotError(
                f"The ensemble has moved on from step {index} to {self._index}: take a snapshot "
                "before taking the next round."
            )
        meta = {
            "config": self._configs[member].to_dict(),
            "index": index,
            "precision": self._precision,
            **self._best[member].meta(),
        }
        tensors = self._block(member).tensors(member) | dict(self._best[member].tensors())
        return Snapshot(tensors, meta)

    def _divergence(self, member: int) -> DivergenceError:
        lr = self._configs[member].lr
        return DivergenceError(
            f"The loss or its gradient is no longer a finite number at step {self._index} of "
            f"{self._total}: try a smaller learning rate than {lr:g}, such as {lr / 10:g}."
        )

    def _block(self, member: int) -> Block:
        return next(block for block in self._blocks if member in block.members)

    def _members(self) -> list[int]:
        return sorted(member for block in self._blocks for member in block.members)

    def _on_gpu(self) -> bool:
        return self._device.type != "cpu"


def _learn(
    block: Block, plan: Plan, start: int, drops: Sequence[int], *, tell: bool
) -> dict[str, list[float]]:
    return block.learn(plan, start, drops, tell=tell)


def _blocks(configs: Sequence[MNISTConfig], most: int) -> list[list[int]]:
    """Members of the same images side by side, at most so many a block, and as equal as can be."""
    order = sorted(range(len(configs)), key=lambda member: draw_key(configs[member]))
    count = math.ceil(len(order) / most)
    size = math.ceil(len(order) / count)
    return [order[start : start + size] for start in range(0, len(order), size)]


def _common_step(configs: Sequence[MNISTConfig], snapshots: Sequence[Snapshot | None]) -> int:
    steps = set()
    for config, snapshot in zip(configs, snapshots, strict=True):
        if snapshot is not None and snapshot.meta.get("config") != config.to_dict():
            raise SnapshotError("A snapshot is of another config: resume it with its own.")
        steps.add(snapshot.meta["index"] if snapshot is not None else 0)
    if len(steps) != 1:
        raise SnapshotError(f"The snapshots are of the steps {sorted(steps)}, not of one.")
    return int(steps.pop())
