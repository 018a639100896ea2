"""Regression runs trained as one program: one column of θ per run, with its own rate and start."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step, Told
from mlcore.regression.descent import Descent
from mlcore.regression.module import state_of
from mlcore.regression.train import MOST_POINTS, load, problem_of, rule_of
from mlcore.regression.validation_split import split, validation_loss

if TYPE_CHECKING:
    from mlcore.regression.config import RegressionConfig


class RegressionEnsemble:
    """A running descent of several members; see ``mlcore.core.Ensemble``.

    Args:
        configs: The members; their ``ensemble_key`` is the same.
        snapshots: Of each, all of the same step; or None for all.

    Raises:
        ValueError: If the configs differ in more than an ensemble may.
        SnapshotError: If the snapshots are of different steps.
        DataError, DataUnavailableError: If there is no usable data.
    """

    def __init__(
        self, configs: Sequence[RegressionConfig], snapshots: Sequence[Snapshot | None]
    ) -> None:
        if len({config.ensemble_key() for config in configs}) != 1:
            raise ValueError("The configs must differ in nothing but lr, start_w and start_b.")
        first = configs[0]
        data = load(first)
        self._held = split(first, data)[1]
        self._configs = list(configs)
        self._members = list(range(len(configs)))
        self._descent = Descent(
            problem_of(first, data),
            rule_of(first),
            torch.tensor([config.lr for config in configs], dtype=torch.float64),
            first.start(),
            first.batch_size or None,
            torch.Generator().manual_seed(first.seed),
        )
        starts = torch.tensor([config.start() for config in configs], dtype=torch.float64)
        self._descent.theta.copy_(starts.T)
        self._resumed = snapshots[0] is not None
        _restore(self._descent, snapshots)

    def rounds(self) -> Iterator[list[Told]]:
        """Yield the steps of all members; see ``mlcore.regression.train.train``."""
        descent, steps = self._descent, self._configs[0].steps
        every = math.ceil(steps / MOST_POINTS)
        if not self._resumed:
            yield self._tell()
        while descent.count < steps and self._members:
            descent.step()
            if descent.count % every == 0 or descent.count == steps:
                yield self._tell()

    def drop(self, member: int) -> None:
        """Remove a member and continue with the rest."""
        kept = [place for place, other in enumerate(self._members) if other != member]
        if len(kept) == len(self._members):
            return
        self._members = [self._members[place] for place in kept]
        descent = self._descent
        descent.theta, descent.lr = descent.theta[:, kept], descent.lr[kept]
        descent.state = {name: value[:, kept] for name, value in descent.state.items()}

    def _tell(self) -> list[Told]:
        descent = self._descent
        losses = descent.problem.losses(descent.theta).tolist()
        held = None
        if self._held is not None:
            held = validation_loss(descent.problem, self._held, descent.theta).tolist()
        columns = descent.theta.T.tolist()
        told = []
        for place, member in enumerate(list(self._members)):
            if not math.isfinite(losses[place]):
                told.append(Told(member, error=self._divergence(member)))
                continue
            parameters = dict(zip(descent.problem.names, columns[place], strict=True))
            metrics = {"loss": losses[place]}
            if held is not None:
                metrics["validation_loss"] = held[place]
            told.append(Told(member, self._step(member, {**metrics, **parameters})))
        for one in told:
            if one.error is not None:
                self.drop(one.member)
        return told

    def _step(self, member: int, metrics: dict[str, float]) -> Step:
        count = self._descent.count
        return Step(
            index=count,
            done=count,
            total=self._configs[member].steps,
            metrics=metrics,
            snapshot=lambda: self._snapshot(member),
        )

    def _snapshot(self, member: int) -> Snapshot:
        descent, place = self._descent, self._members.index(member)
        model = state_of(descent.problem, descent.theta[:, place])
        tensors = {f"model.{name}": tensor for name, tensor in model.items()}
        for name, value in descent.state.items():
            tensors[f"optimizer.{name}"] = value[:, place : place + 1].clone()
        tensors["generator"] = descent.generator.get_state()
        if descent.order is not None:
            tensors["order"] = descent.order.clone()
        return Snapshot(tensors, {"step": descent.count})

    def _divergence(self, member: int) -> DivergenceError:
        return DivergenceError(
            f"The loss overflowed at step {self._descent.count} or shortly before: "
            f"a learning rate of {self._configs[member].lr:g} is too large here. Use a smaller "
            "one, or standardize x."
        )


def _restore(descent: Descent, snapshots: Sequence[Snapshot | None]) -> None:
    found = [snapshot for snapshot in snapshots if snapshot is not None]
    if not found:
        return
    steps = {snapshot.meta.get("step") for snapshot in found}
    if len(found) < len(snapshots) or len(steps) != 1:
        raise SnapshotError("The snapshots of an ensemble must all be of the same step.")
    tensors = [snapshot.tensors for snapshot in found]
    descent.theta.copy_(torch.stack([one["model.theta"] for one in tensors], dim=1))
    for name, value in descent.state.items():
        columns: list[Tensor] = [one[f"optimizer.{name}"] for one in tensors]
        value.copy_(torch.cat(columns, dim=1))
    descent.generator.set_state(tensors[0]["generator"])
    if descent.order is not None:
        descent.order = tensors[0]["order"].clone()
    descent.count = int(found[0].meta["step"])
