"""Points held out of a regression: never fitted, measured at each step, alone and together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mlcore
from mlcore.core import ConfigError
from mlcore.regression import DataError, RegressionConfig, load, split
from mlcore.regression.ensemble import RegressionEnsemble


@given(st.integers(2, 300), st.floats(0.01, 0.9), st.integers(0, 20))
def test_the_parts_are_disjoint_and_exhaustive(count: int, share: float, seed: int) -> None:
    config = RegressionConfig(data="made", count=count, validation_share=share, seed=seed)
    data = load(config)
    if max(1, round(share * count)) >= count:
        with pytest.raises(DataError, match=r"^validation_share is "):
            split(config, data)
        return
    train, held = split(config, data)
    assert held is not None
    assert len(held) == max(1, round(share * count))
    together = torch.cat([train.x, held.x]).sort().values
    assert torch.equal(together, data.x.sort().values)
    again, other = split(config, data), split(config.replace(seed=seed + 1), data)
    assert torch.equal(again[0].x, train.x)
    assert count < 50 or other[0].x.tolist() != train.x.tolist()


@given(st.integers(2, 300), st.integers(2, 20), st.integers(0, 20))
def test_the_folds_are_disjoint_exhaustive_and_of_one_size_to_the_point(
    count: int, folds: int, seed: int
) -> None:
    config = RegressionConfig(data="made", count=count, folds=folds, fold_seed=seed)
    data = load(config)
    if count < folds:
        with pytest.raises(ConfigError, match=rf"^folds is {folds}, but there are {count} points"):
            split(config, data)
        return
    parts = [split(config.replace(fold=fold), data) for fold in range(1, folds + 1)]
    held = [part[1].x for part in parts if part[1] is not None]
    assert torch.equal(torch.cat(held).sort().values, data.x.sort().values)
    assert {len(x) for x in held} <= {count // folds, count // folds + 1}
    for (train, own), x in zip(parts, held, strict=True):
        assert own is not None
        assert torch.equal(torch.cat([train.x, x]).sort().values, data.x.sort().values)


@pytest.mark.parametrize(
    "fields",
    [
        {"standardize": True, "lr": 0.1},
        {"model": "polynomial", "degree": 3, "standardize": True, "lr": 0.01},
        {"loss": "huber", "delta": 5.0, "batch_size": 7},
    ],
)
def test_it_fits_the_training_points_and_measures_the_others(fields: dict[str, Any]) -> None:
    config = RegressionConfig(steps=40, validation_share=0.25, **fields)
    data = load(config)
    train, held = split(config, data)
    assert held is not None
    own = mlcore.regression.problem_of(config.replace(validation_share=0.0), train)
    assert set(config.metric_names()) == {"loss", "validation_loss", *own.names}
    for step in config.train():
        theta = np.array([step.metrics[name] for name in own.names])
        assert step.metrics["loss"] == pytest.approx(
            float(own.losses(torch.from_numpy(theta)[:, None])), rel=1e-9
        )
        assert step.snapshot is not None
        network = config.build_model()
        network.load_state_dict(step.snapshot().state_dict())
        r = (network(held.x) - held.y).detach().numpy()
        size = np.abs(r)
        huber = np.where(size <= 5, r**2 / 2, 5 * (size - 2.5))
        expected = (huber if config.loss == "huber" else r**2).mean()
        assert step.metrics["validation_loss"] == pytest.approx(expected, rel=1e-9)


def test_members_of_an_ensemble_measure_what_their_single_runs_do() -> None:
    base = RegressionConfig(steps=30, validation_share=0.3, standardize=True, lr=0.1)
    configs = [base, base.replace(lr=0.01, start_w=3.0)]
    curves: dict[int, list[float]] = {0: [], 1: []}
    for told in RegressionEnsemble(configs, [None, None]).rounds():
        for one in told:
            assert one.step is not None
            curves[one.member].append(one.step.metrics["validation_loss"])
    for member, config in enumerate(configs):
        alone = [step.metrics["validation_loss"] for step in config.train()]
        assert curves[member] == pytest.approx(alone, rel=1e-12)
