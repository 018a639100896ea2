"""Which epochs keep their weights, and that a run's steps do so without changing anything else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.core import Snapshot
from mlcore.mnist import load_weights
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.models import build_model
from mlcore.mnist.train import train
from mlcore.mnist.trainer import Trainer
from mlcore.mnist.weight_snapshots import KEPT_BYTES, epochs_between, keeps, weight_bytes


def small(folder: str, **fields: object) -> MNISTConfig:
    base = MNISTConfig(dataset="folder", data_dir=folder, hidden=(12,), batch_size=16, epochs=2)
    return base.replace(**fields)


@given(
    width=st.sampled_from([1, 64, 1024, 4096]),
    layers=st.integers(1, 3),
    epochs=st.integers(1, 1000),
)
def test_the_kept_weights_of_any_run_stay_within_the_budget_with_first_and_last_among_them(
    width: int, layers: int, epochs: int
) -> None:
    config = MNISTConfig(hidden=(width,) * layers, epochs=epochs)
    ends = [epoch * config.steps_per_epoch() for epoch in range(epochs + 1)]
    kept = [step for step in ends if keeps(config, step)]
    if epochs_between(config) is None:
        assert kept == []
        assert 2 * weight_bytes(config) > KEPT_BYTES
    else:
        assert len(kept) * weight_bytes(config) <= KEPT_BYTES
        assert {kept[0], kept[-1]} == {ends[0], ends[-1]}
    assert not keeps(config, 1)


def test_the_size_is_that_of_the_network_torch_builds() -> None:
    config = MNISTConfig(model="cnn", normalization="batch")
    state = build_model(config).state_dict().values()
    assert weight_bytes(config) == sum(tensor.nbytes for tensor in state)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "linear"},
        {"normalization": "batch", "dropout": 0.3},
        {"model": "cnn", "channels": (4, 4), "dense": 8, "normalization": "batch"},
        {"activation": "identity"},
    ],
)
def test_the_weights_of_each_epoch_make_the_network_of_that_epoch(
    tiny: str, fields: dict[str, object]
) -> None:
    config = small(tiny, **fields)
    kept = []
    for step in train(config):
        if "test_accuracy" in step.metrics:
            assert step.snapshot is not None
            exact = load_weights(config, step.snapshot()).state_dict()
            mine = load_weights(config, Snapshot(step.arrays)).state_dict()
            assert all(torch.equal(mine[name], tensor) for name, tensor in exact.items())
            kept.append(step.index)
    assert kept == [0, config.steps_per_epoch(), 2 * config.steps_per_epoch()]


def test_a_run_that_keeps_nothing_tells_the_same_numbers(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(tiny)
    with_weights = [
        {k: v for k, v in step.metrics.items() if k != "samples_per_second"}
        for step in train(config)
    ]
    monkeypatch.setattr("mlcore.mnist.train.keeps", lambda *_: False)
    without = []
    for step in train(config):
        assert not any(name.startswith("model.") for name in step.arrays)
        without.append({k: v for k, v in step.metrics.items() if k != "samples_per_second"})
    assert [m for m in with_weights if m] == [m for m in without if m]


def test_kept_weights_are_copies_that_later_steps_leave_alone(tiny: str) -> None:
    steps = train(small(tiny))
    first = next(steps)
    before = {name: tensor.clone() for name, tensor in first.arrays.items()}
    last = list(steps)[-1]
    assert all(torch.equal(first.arrays[name], tensor) for name, tensor in before.items())
    assert not torch.equal(last.arrays["model.output.weight"], before["model.output.weight"])


def test_a_learner_names_its_weights_as_a_snapshot_does(tiny: str) -> None:
    from mlcore.mnist.data import digits

    config = small(tiny)
    trainer = Trainer(config, digits.load("folder", tiny), None)
    assert set(trainer.weights()) == {
        name for name in trainer.tensors() if name.startswith("model.")
    }
