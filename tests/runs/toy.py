"""A small real experiment for the tests of runs: descent on a noisy quadratic, as slow as asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from mlcore.core import Config, DivergenceError, Snapshot, Step

HELD_AT = 12
"""Step that a run does not take while the file ``ToyConfig.hold`` is there."""


class ToyConfig(Config):
    """Momentum descent on |w|² with noise from a generator, in float64."""

    experiment: ClassVar[str] = "tests.runs.toy:ToyConfig"

    steps: int = Field(100, ge=1, le=100_000)
    lr: float = Field(0.05, gt=0, le=10)
    momentum: float = Field(0.9, ge=0, lt=1)
    delay: float = Field(0.0, ge=0, le=1000, description="Seconds to sleep at each step")
    hold: str = Field("", description="While this file is there, no step from HELD_AT on is taken")
    fail_at: int = Field(-1, ge=-1, description="Step at which the experiment has a bug")
    diverge_at: int = Field(-1, ge=-1)
    seed: int = Field(0, ge=0)

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield a step for each update."""
        noise = torch.Generator().manual_seed(self.seed)
        net = self.build_model()
        weight = net.weight
        velocity = torch.zeros_like(weight)
        with torch.no_grad():
            weight.copy_(torch.randn(weight.shape, generator=noise, dtype=torch.float64))
        begin = 0
        if snapshot is not None:
            net.load_state_dict({"weight": snapshot.tensors["model.weight"]})
            velocity = snapshot.tensors["velocity"].clone()
            noise.set_state(snapshot.tensors["random.noise"])
            begin = int(snapshot.meta["step"])
        for index in range(begin, self.steps + 1):
            if index > begin or index == 0:
                if index == self.fail_at:
                    raise ZeroDivisionError("a bug in the experiment")
                if index == self.diverge_at:
                    raise DivergenceError(f"The loss is inf at step {index}; try a smaller lr.")
                time.sleep(self.delay)
                while self.hold and index >= HELD_AT and Path(self.hold).exists():
                    time.sleep(0.01)
                with torch.no_grad():
                    if index:
                        shake = torch.randn(weight.shape, generator=noise, dtype=torch.float64)
                        velocity = self.momentum * velocity - self.lr * (2 * weight + shake)
                        weight += velocity
                state = {
                    "model.weight": weight.detach().clone(),
                    "velocity": velocity.clone(),
                    "random.noise": noise.get_state(),
                }
                at = index
                yield Step(
                    index=index,
                    done=index,
                    total=self.steps,
                    metrics={"loss": float(weight.detach().square().sum())},
                    arrays={"weight": weight.detach().clone()} if index % 50 == 0 else {},
                    snapshot=lambda state=state, at=at: Snapshot(state, {"step": at}),  # type: ignore[misc]
                )

    def build_model(self) -> nn.Linear:
        """One layer of 3 → 2."""
        return nn.Linear(3, 2, bias=False, dtype=torch.float64)
