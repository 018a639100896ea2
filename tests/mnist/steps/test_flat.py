"""Parameters in one vector: the same optimizer steps, and snapshots of the same form."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mlcore.core import Snapshot
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.models import build_model
from mlcore.mnist.optimizers import build_optimizer, optimizer_tensors
from mlcore.mnist.steps.flat import FlatParameters

OPTIMIZERS: list[dict[str, Any]] = [
    {"optimizer": "sgd", "momentum": 0.0},
    {"optimizer": "sgd", "nesterov": True, "weight_decay": 0.1},
    {"optimizer": "adam"},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "rmsprop", "momentum": 0.5, "lr": 0.001},
]


def after(config: MNISTConfig, snapshot: Snapshot | None = None, *, at: int = 4) -> Snapshot:
    """The snapshot at a step."""
    step = next(step for step in config.train(snapshot) if step.index == at)
    assert step.snapshot is not None
    return step.snapshot()


@pytest.mark.parametrize("fields", OPTIMIZERS)
def test_a_step_over_the_vector_is_one_over_each_parameter(fields: dict[str, Any]) -> None:
    config = MNISTConfig(hidden=(5, 3), **fields)
    model, other = build_model(config).double(), build_model(config).double()
    flat = FlatParameters(model)
    optimizers = build_optimizer(config, flat.module), build_optimizer(config, other)
    flat.vector.grad = torch.zeros_like(flat.vector.data)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for view, parameter in zip(flat.views(flat.vector.grad), other.parameters(), strict=True):
            parameter.grad = torch.randn(parameter.shape, generator=generator).double()
            view.copy_(parameter.grad)
        for optimizer in optimizers:
            optimizer.step()

    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    named, expected = flat.optimizer_tensors(optimizers[0]), optimizer_tensors(optimizers[1])
    assert named.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(named[name], value, rtol=1e-12, atol=1e-15)
        assert named[name].shape == value.shape


@pytest.mark.parametrize("fields", OPTIMIZERS)
@pytest.mark.parametrize("ways", [("autograd", "manual"), ("manual", "autograd")])
def test_a_run_goes_on_another_way_than_it_began(
    tiny: str, fields: dict[str, Any], ways: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So snapshots of before there were two ways still resume."""
    config = MNISTConfig(
        dataset="folder", data_dir=tiny, hidden=(12,), batch_size=16, epochs=2, **fields
    )
    monkeypatch.setenv("MLCORE_STEP", ways[0])
    half, whole = after(config), after(config, at=10)
    monkeypatch.setenv("MLCORE_STEP", ways[1])

    end = after(config, half, at=10)

    assert end.meta["step"].split("-")[0] == ways[1]
    assert end.tensors.keys() == whole.tensors.keys()
    for name, value in whole.tensors.items():
        assert torch.allclose(end.tensors[name], value, rtol=1e-3, atol=1e-5), name
