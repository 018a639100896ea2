"""L1, L2, weight decay and plateaus: against torch.optim, alone and in ensembles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mlcore.core import ConfigError, Step
from mlcore.mnist.batches import batch_order, normalized
from mlcore.mnist.best_epoch import Standing
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.ensemble.program import MNISTEnsemble
from mlcore.mnist.models import build_model
from mlcore.mnist.schedules import learning_rate
from tests.mnist.conftest import write_folder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("penalties")
    write_folder(path, train=120)
    return str(path)


def config_for(folder: str, **fields: Any) -> MNISTConfig:
    return MNISTConfig(
        dataset="folder", data_dir=folder, hidden=(8,), batch_size=16, loss="cross_entropy"
    ).replace(**fields)


def weights(step: Step) -> dict[str, Tensor]:
    assert step.snapshot is not None
    return step.snapshot().state_dict()


def torch_loop(config: MNISTConfig, optimizer: torch.optim.Optimizer, model: Any) -> None:
    """Two epochs in which L1 is part of the loss and L2 the optimizer's own."""
    digits = load("folder", config.data_dir)
    for chosen in batch_order(config):
        outputs = model(normalized(digits, digits.train_images[chosen]))
        loss = functional.cross_entropy(outputs, digits.train_labels[chosen])
        loss = loss + config.l1 * sum(p.abs().sum() for p in model.parameters() if p.ndim > 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("rule", ["sgd", "adam", "rmsprop"])
def test_l2_is_the_weight_decay_of_torch_on_weights_and_l1_the_slope_of_their_size(
    folder: str, rule: str
) -> None:
    lr = {"sgd": 0.05, "adam": 0.003, "rmsprop": 0.001}[rule]
    # RMSprop's first steps are the gradient's sign, where L1 would flip what rounding decides
    l1 = 0.0 if rule == "rmsprop" else 0.003
    config = config_for(folder, optimizer=rule, lr=lr, l1=l1, l2=0.02, epochs=2, momentum=0.9)
    model = build_model(config)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": config.l2},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    made: dict[str, Any] = {
        "sgd": lambda: torch.optim.SGD(groups, lr=lr, momentum=0.9),
        "adam": lambda: torch.optim.Adam(groups, lr=lr),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=lr, momentum=0.9),
    }
    torch_loop(config, made[rule](), model)
    found = weights(list(config.train())[-1])
    for name, value in model.state_dict().items():
        assert float((found[name] - value).norm() / value.norm()) < 1e-4, name


def test_adam_with_l2_is_not_adamw_with_weight_decay(folder: str) -> None:
    base = config_for(folder, lr=0.003, epochs=2)
    rules: dict[str, dict[str, Any]] = {
        "plain": {"optimizer": "adam"},
        "adam, L2": {"optimizer": "adam", "l2": 0.1},
        "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
        "adamw, L2": {"optimizer": "adamw", "l2": 0.1},
    }
    ends = {
        name: weights(list(base.replace(**fields).train())[-1])["hidden1.weight"]
        for name, fields in rules.items()
    }
    sizes = {name: float(value.norm()) for name, value in ends.items()}
    assert sizes["adam, L2"] < sizes["adamw"] < sizes["plain"]
    # without weight decay AdamW is Adam: its L2 goes through the gradient as well
    assert torch.allclose(ends["adamw, L2"], ends["adam, L2"], rtol=1e-4, atol=1e-6)


def test_l1_makes_most_weights_vanish(folder: str) -> None:
    config = config_for(folder, lr=0.05, momentum=0.0, epochs=60, l1=0.01)
    small = (weights(list(config.train())[-1])["hidden1.weight"].abs() < 1e-3).double().mean()
    without = weights(list(config.replace(l1=0.0).train())[-1])["hidden1.weight"]
    assert float(small) > 0.9
    assert float((without.abs() < 1e-3).double().mean()) < 0.1


def test_members_of_an_ensemble_have_their_own_penalties(folder: str) -> None:
    base = config_for(folder, optimizer="adam", lr=0.003, epochs=2)
    configs = [base, base.replace(l1=0.003), base.replace(l2=0.1, seed=1)]
    last: dict[int, Step] = {}
    rounds = MNISTEnsemble(configs, [None] * 3, dtype=torch.float64).rounds()
    for round_ in rounds:
        for one in round_:
            assert one.step is not None
            last[one.member] = one.step
        if last[0].done == last[0].total:
            ends = [weights(last[member]) for member in range(3)]
    for config, found in zip(configs, ends, strict=True):
        for name, value in weights(list(config.train())[-1]).items():
            assert float((found[name] - value).norm() / value.norm()) < 1e-3, name


# --- plateaus -------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 200).map(lambda n: n / 100), min_size=1, max_size=40),
    st.sampled_from(["validation_loss", "validation_accuracy"]),
    st.integers(0, 5),
    st.sampled_from([0.1, 0.5, 0.9, 0.999]),
    st.sampled_from([1.0, 1e-6, 2e-8]),
)
def test_the_rate_is_lowered_where_reduce_lr_on_plateau_lowers_it(
    curve: list[float], monitor: str, patience: int, factor: float, lr: float
) -> None:
    config = MNISTConfig(
        validation_size=100,
        schedule="plateau",
        lr=lr,
        drop_factor=factor,
        plateau_patience=patience,
    ).replace(monitor=monitor)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    mode: Any = "min" if monitor == "validation_loss" else "max"
    theirs = ReduceLROnPlateau(optimizer, mode, factor=factor, patience=patience)
    standing = Standing()
    for epoch, value in enumerate(curve, start=1):
        metrics = {"validation_accuracy": 0.0} | {monitor: value}
        standing = standing.after(config, epoch, metrics)
        theirs.step(value)
        rate = learning_rate(config, epoch * 5, 5, standing.drops)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)


def test_a_run_on_a_plateau_lowers_its_rate_alone_and_in_an_ensemble(folder: str) -> None:
    config = config_for(
        folder,
        validation_size=20,
        schedule="plateau",
        plateau_patience=0,
        lr=0.4,
        epochs=10,
    )
    steps = list(config.train())
    rates = {step.index: step.metrics["lr"] for step in steps if "lr" in step.metrics}
    drops = sorted({round(rate, 9) for rate in rates.values()}, reverse=True)
    assert len(drops) > 1
    assert drops == [round(0.4 * 0.5**n, 9) for n in range(len(drops))]

    middle = next(step for step in config.train() if step.metrics.get("lr", 1.0) < 0.4)
    again = None
    for step in config.train():
        if step.index == middle.index:
            assert step.snapshot is not None
            again = step.snapshot()
            break
    resumed = {s.index: s.metrics["lr"] for s in config.train(again) if "lr" in s.metrics}
    assert resumed == {index: rate for index, rate in rates.items() if index > middle.index}

    configs = [config, config.replace(lr=0.1), config.replace(seed=1)]
    found: dict[int, dict[int, float]] = {0: {}, 1: {}, 2: {}}
    for round_ in MNISTEnsemble(configs, [None] * 3, dtype=torch.float64).rounds():
        for one in round_:
            assert one.step is not None
            if "lr" in one.step.metrics:
                found[one.member][one.step.index] = one.step.metrics["lr"]
    for member, each in enumerate(configs):
        alone = {s.index: s.metrics["lr"] for s in each.train() if "lr" in s.metrics}
        assert found[member] == pytest.approx(alone)


def test_a_plateau_needs_validation() -> None:
    with pytest.raises(ConfigError) as refused:
        MNISTConfig(schedule="plateau")
    assert str(refused.value) == (
        "schedule is plateau, but no validation images are held out to judge an epoch by: set "
        "validation_size or folds above 0."
    )
