"""Many runs as one program: each member is, but for rounding, its own single run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step, Told
from mlcore.mnist.batches import seeded
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data import load
from mlcore.mnist.models import build_model
from mlcore.mnist.optimizers import build_optimizer, set_learning_rate
from mlcore.mnist.population import MNISTPopulation
from mlcore.mnist.population_shape import shape
from mlcore.mnist.schedules import learning_rate

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0, "lr": 0.05},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "lr": 0.02},
    "nesterov": {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "lr": 0.02},
    "adam": {"optimizer": "adam", "lr": 0.002},
    "adamw": {"optimizer": "adamw", "lr": 0.002, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.001},
}
STEPS = 200


def members(**fields: Any) -> list[MNISTConfig]:
    """Four configs that differ in all that a tensor can hold and that matters to the optimizer."""
    base = MNISTConfig(
        **{"hidden": (8,), "batch_size": 16, "train_size": 16 * 50, "epochs": 4} | fields
    )
    mine = {"weight_decay": 0.01}
    if base.optimizer in ("sgd", "rmsprop"):
        mine["momentum"] = min(0.95, base.momentum + 0.05)
    else:
        mine |= {"beta1": 0.8, "beta2": 0.99}
    return [
        base,
        base.replace(lr=base.lr / 3, **mine),
        base.replace(lr=base.lr * 2, schedule="cosine", warmup=0.1),
        base.replace(seed=1, initialization="kaiming"),
    ]


def plain_loop(config: MNISTConfig, steps: int) -> dict[str, Tensor]:
    """The oracle: one network, one torch.optim optimizer, float64."""
    digits = load()
    model = build_model(config).double()
    optimizer = build_optimizer(config, model)
    subset = torch.randperm(60_000, generator=seeded(config.seed, "subset"))
    subset = subset[: config.train_size].sort().values
    per_epoch = config.steps_per_epoch()
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        order = torch.randperm(config.train_size, generator=seeded(config.seed, "order", epoch))
        chosen = subset[order[place * config.batch_size : (place + 1) * config.batch_size]]
        pixels = digits.train_images[chosen].to(torch.float32)
        images = pixels.mul_(1 / (255 * digits.std)).sub_(digits.mean / digits.std).double()
        labels = digits.train_labels[chosen]
        outputs = model(images)
        loss = (
            functional.cross_entropy(outputs, labels, label_smoothing=config.label_smoothing)
            if config.loss == "cross_entropy"
            else functional.mse_loss(outputs, functional.one_hot(labels, 10).double())
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        set_learning_rate(optimizer, learning_rate(config, step, per_epoch))
        optimizer.step()
    return {name: value.detach() for name, value in model.state_dict().items()}


def snapshots(population: MNISTPopulation, step: int) -> dict[int, Snapshot]:
    """The snapshots of all members at a step."""
    for told in population.rounds():
        if told[0].step is not None and told[0].step.index == step:
            return {one.member: one.step.snapshot() for one in told if one.step and one.step.snapshot}
    raise AssertionError(f"no round of step {step}")


def distance(a: Tensor, b: Tensor) -> float:
    """‖a − b‖ relative to ‖b‖."""
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_weights_after_200_steps_are_those_of_a_plain_float64_loop(name: str, loss: str) -> None:
    configs = members(**OPTIMIZERS[name], loss=loss, label_smoothing=0.1 * (loss != "mse"))
    found = snapshots(MNISTPopulation(configs, [None] * 4, torch.float64), STEPS)
    for place, config in enumerate(configs):
        for key, expected in plain_loop(config, STEPS).items():
            assert distance(found[place].tensors[f"model.{key}"], expected) < 1e-9


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_after_200_steps_are_those_of_the_single_runs_in_float32(name: str) -> None:
    configs = members(**OPTIMIZERS[name], loss="cross_entropy")
    found = snapshots(MNISTPopulation(configs, [None] * 4), STEPS)
    for place, config in enumerate(configs):
        last = list(config.train())[-1]
        assert last.index == STEPS
        assert last.snapshot is not None
        single = last.snapshot()
        assert found[place].tensors.keys() == single.tensors.keys()
        assert found[place].meta == single.meta
        for key, expected in single.tensors.items():
            if key.startswith("model."):
                assert distance(found[place].tensors[key], expected) < 1e-3
