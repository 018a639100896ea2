"""Many runs as one program: each member is, but for rounding, its own single run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data import digits as data
from mlcore.mnist.ensemble import optimizer as stacked_steps
from mlcore.mnist.ensemble.program import MNISTEnsemble
from mlcore.mnist.models import build_model
from mlcore.mnist.optimizers import build_optimizer, set_learning_rate
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.runtime import precision_for
from mlcore.mnist.schedules import learning_rate
from tests.mnist.conftest import write_folder

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0, "lr": 0.02},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "lr": 0.02},
    "nesterov": {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "lr": 0.02},
    "adam": {"optimizer": "adam", "lr": 0.002},
    "adamw": {"optimizer": "adamw", "lr": 0.002, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.001},
}
STEPS = 200
PER_EPOCH = 25
BFLOAT16 = precision_for(MNISTConfig(precision="auto"), torch.device("cpu")) == "bfloat16"
OUTPUT = "model.output.weight"
NORMALIZATIONS = ("batch", "layer", "group", "rms")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """400 images to learn from: 25 batches of 16 an epoch."""
    path = tmp_path_factory.mktemp("ensemble")
    write_folder(path, train=16 * PER_EPOCH, test=30)
    return str(path)


def members(folder: str, **fields: Any) -> list[MNISTConfig]:
    """Four configs that differ in all that a tensor can hold and that matters to the optimizer."""
    given: dict[str, Any] = {
        "dataset": "folder",
        "data_dir": folder,
        "hidden": (8,),
        "batch_size": 16,
        "epochs": STEPS // PER_EPOCH,
    }
    base = MNISTConfig(**(given | fields))
    mine: dict[str, float] = {"weight_decay": 0.01}
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
    digits = data.load(config.dataset, config.data_dir)
    model = build_model(config).double()
    optimizer = build_optimizer(config, model)
    for step in range(steps):
        epoch, place = divmod(step, PER_EPOCH)
        order = torch.randperm(16 * PER_EPOCH, generator=seeded(config.seed, "order", epoch))
        chosen = order[place * 16 : (place + 1) * 16]
        pixels = digits.train_images[chosen].double()
        images = pixels.mul_(1 / (255 * digits.std)).sub_(digits.mean / digits.std)
        labels = digits.train_labels[chosen]
        outputs = model(images)
        loss = (
            functional.cross_entropy(outputs, labels, label_smoothing=config.label_smoothing)
            if config.loss == "cross_entropy"
            else functional.mse_loss(outputs, functional.one_hot(labels, 3).double())
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        set_learning_rate(optimizer, learning_rate(config, step, PER_EPOCH))
        optimizer.step()
    return {name: value.detach() for name, value in model.state_dict().items()}


def snapshots(ensemble: MNISTEnsemble, step: int) -> dict[int, Snapshot]:
    """The snapshots of all members at a step."""
    for round_ in ensemble.rounds():
        steps = {one.member: one.step for one in round_ if one.step is not None}
        if all(found.index == step for found in steps.values()):
            return {member: _taken(found) for member, found in steps.items()}
    raise AssertionError(f"no round of step {step}")


def _taken(step: Step) -> Snapshot:
    assert step.snapshot is not None
    return step.snapshot()


def distance(a: Tensor, b: Tensor) -> float:
    """‖a − b‖ relative to ‖b‖; what only rounding moves (a bias before a norm) counts as 0."""
    return float((a - b).double().norm() / b.double().norm().clamp(min=1e-3))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_weights_after_200_steps_are_those_of_a_plain_float64_loop(
    folder: str, name: str, loss: str
) -> None:
    smoothing = 0.1 if loss == "cross_entropy" else 0.0
    configs = members(folder, **OPTIMIZERS[name], loss=loss, label_smoothing=smoothing)
    found = snapshots(MNISTEnsemble(configs, [None] * 4, torch.float64), STEPS)
    for place, config in enumerate(configs):
        for key, expected in plain_loop(config, STEPS).items():
            assert distance(found[place].tensors[f"model.{key}"], expected) < 1e-9


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adams_formulas_for_gpus_are_those_of_a_plain_float64_loop(
    folder: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacked_steps, "KERNEL_EACH", ())
    configs = members(folder, **OPTIMIZERS[name])
    found = snapshots(MNISTEnsemble(configs, [None] * 4, torch.float64), STEPS)
    for place, config in enumerate(configs):
        for key, expected in plain_loop(config, STEPS).items():
            assert distance(found[place].tensors[f"model.{key}"], expected) < 1e-9


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_after_200_steps_are_those_of_the_single_runs_in_float32(
    folder: str, name: str
) -> None:
    same_as_single_runs(members(folder, **OPTIMIZERS[name], loss="cross_entropy"))


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "linear"},
        {"hidden": (12, 8, 6), "activation": "tanh"},
        {"dropout": 0.3},
        {"dropout": 0.3, "hidden": (8, 8), "seed": 1},
        {"augment": "shift"},
        {"normalization": "batch", "hidden": (8, 6)},
        {"normalization": "layer", "hidden": (8, 6)},
    ],
)
def test_so_it_is_for_every_kind_of_layer(folder: str, fields: dict[str, Any]) -> None:
    same_as_single_runs(members(folder, loss="cross_entropy", epochs=2, lr=0.01, **fields))


@pytest.mark.parametrize(
    "fields",
    [{"dropout": 0.3, "label_smoothing": 0.1}, {"normalization": "batch", "loss": "mse"}],
)
def test_so_it_is_by_autograd(
    folder: str, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on GPUs."""
    monkeypatch.setenv("MLCORE_STEP", "autograd-blas")
    given = {"loss": "cross_entropy", "hidden": (8, 6), "epochs": 2, "lr": 0.01, **fields}
    same_as_single_runs(members(folder, **given))


@pytest.mark.skipif(not BFLOAT16, reason="this processor only imitates bfloat16")
@pytest.mark.parametrize(
    "fields", [{"model": "linear"}, {"hidden": (12, 8)}, {"dropout": 0.3}, {"optimizer": "adam"}]
)
def test_in_bfloat16_a_member_is_nearer_to_its_single_run_than_float32_is(
    folder: str, fields: dict[str, Any]
) -> None:
    rate = 0.002 if "optimizer" in fields else 0.01
    given = {"loss": "cross_entropy", "epochs": 2, "lr": rate, "precision": "bfloat16", **fields}
    configs = members(folder, **given)
    same_as_single_runs(configs)
    found = snapshots(MNISTEnsemble(configs, [None] * 4), 2 * PER_EPOCH)
    for member, config in enumerate(configs):
        alone, rough = (
            _taken(list(config.replace(precision=precision).train())[-1]).tensors[OUTPUT]
            for precision in ("bfloat16", "float32")
        )
        assert distance(found[member].tensors[OUTPUT], alone) < distance(rough, alone) / 2


@pytest.mark.skipif(not BFLOAT16, reason="this processor only imitates bfloat16")
def test_a_snapshot_in_bfloat16_is_refused_where_the_group_would_go_on_in_float32(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = members(folder, precision="auto")
    half = snapshots(MNISTEnsemble(configs, [None] * 4), STEPS // 2)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(SnapshotError, match=r"taken in bfloat16, but here .* in float32"):
        MNISTEnsemble(configs, [half[member] for member in range(4)])


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalizing_layers_are_those_of_a_plain_float64_loop(folder: str, name: str) -> None:
    configs = members(folder, normalization=name, hidden=(32, 32), lr=0.01)
    found = snapshots(MNISTEnsemble(configs, [None] * 4, torch.float64), 50)
    for place, config in enumerate(configs):
        for key, expected in plain_loop(config, 50).items():
            assert distance(found[place].tensors[f"model.{key}"], expected) < 1e-9


def same_as_single_runs(configs: list[MNISTConfig]) -> None:
    """Every member tells at the same steps what its single run tells, and ends with its weights."""
    ensemble = MNISTEnsemble(configs, [None] * len(configs))
    told: dict[int, list[Step]] = {}
    last: dict[int, Snapshot] = {}
    for round_ in ensemble.rounds():
        for one in round_:
            assert one.step is not None
            told.setdefault(one.member, []).append(one.step)
            if one.step.done == one.step.total:
                last[one.member] = _taken(one.step)
    for member, config in enumerate(configs):
        single = [step for step in config.train() if set(step.metrics) - {"samples_per_second"}]
        mine = [step for step in told[member] if set(step.metrics) - {"samples_per_second"}]
        assert [step.index for step in mine] == [step.index for step in single]
        for ours, theirs in zip(mine, single, strict=True):
            assert ours.arrays.keys() == theirs.arrays.keys()
            for name in {"train_loss", "grad_norm", "lr", "test_loss"} & set(theirs.metrics):
                assert ours.metrics[name] == pytest.approx(theirs.metrics[name], rel=1e-2)
        end = _taken(single[-1])
        assert {**last[member].meta, "step": end.meta["step"]} == end.meta
        assert last[member].tensors.keys() == end.tensors.keys()
        for key, expected in end.tensors.items():
            assert last[member].tensors[key].shape == expected.shape
            if key.startswith("model.") and expected.is_floating_point():
                assert distance(last[member].tensors[key], expected) < 1e-3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_member_goes_on_as_a_single_run_and_a_group_goes_on_as_a_group(
    folder: str, name: str
) -> None:
    configs = members(folder, **OPTIMIZERS[name], loss="cross_entropy")
    half = snapshots(MNISTEnsemble(configs, [None] * 4), STEPS // 2)
    group = MNISTEnsemble(configs, [half[member] for member in range(4)])
    whole = snapshots(MNISTEnsemble(configs, [None] * 4), STEPS)
    together = snapshots(group, STEPS)
    for member, config in enumerate(configs):
        alone = _taken(list(config.train(half[member]))[-1])
        for key, expected in whole[member].tensors.items():
            if key.startswith("model."):
                assert torch.equal(together[member].tensors[key], expected)
                assert distance(alone.tensors[key], expected) < 1e-3


def test_two_ensembles_of_the_same_members_are_equal_bit_for_bit(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one core or two, alone or beside others: only blocks decide how sums are ordered."""
    configs = members(folder, loss="cross_entropy")
    monkeypatch.setenv("MLCORE_CORES", "1")
    one = snapshots(MNISTEnsemble(configs, [None] * 4), STEPS)
    monkeypatch.setenv("MLCORE_CORES", "2")
    two = snapshots(MNISTEnsemble(configs, [None] * 4), STEPS)
    for member in range(4):
        for key, value in one[member].tensors.items():
            assert torch.equal(value, two[member].tensors[key])


def test_a_member_that_diverges_or_is_dropped_leaves_the_others_alone(folder: str) -> None:
    configs = members(folder, loss="mse", momentum=0.0)
    configs.append(configs[0].replace(lr=10.0, schedule="constant"))
    ensemble = MNISTEnsemble(configs, [None] * 5)
    errors: dict[int, Exception] = {}
    last: dict[int, Snapshot] = {}
    for round_ in ensemble.rounds():
        for one in round_:
            if one.error is not None:
                errors[one.member] = one.error
                continue
            assert one.step is not None
            assert one.member not in errors
            if one.step.index == 20 and one.member == 1:
                ensemble.drop(1)
            elif one.step.done == one.step.total:
                last[one.member] = _taken(one.step)
    assert list(errors) == [4]
    assert isinstance(errors[4], DivergenceError)
    assert "try a smaller learning rate than 10" in str(errors[4])
    assert sorted(last) == [0, 2, 3]
    for member in last:
        end = _taken(list(configs[member].train())[-1])
        for key, expected in end.tensors.items():
            if key.startswith("model."):
                assert distance(last[member].tensors[key], expected) < 1e-3


def test_what_cannot_be_one_program_is_refused(folder: str) -> None:
    base = members(folder)[0]
    assert base.replace(model="cnn").ensemble_key() is None
    assert base.replace(precision="bfloat16").ensemble_key() != base.ensemble_key()
    assert base.replace(lr=1.0, seed=9).ensemble_key() == base.ensemble_key()
    for other in (base.replace(hidden=(9,)), base.replace(model="cnn"), base.replace(epochs=1)):
        assert other.ensemble_key() != base.ensemble_key()
        with pytest.raises(ValueError, match="cannot train as one program"):
            MNISTEnsemble([base, other], [None, None])
    half = snapshots(MNISTEnsemble([base], [None]), STEPS // 2)
    with pytest.raises(SnapshotError, match="another config"):
        MNISTEnsemble([base.replace(lr=0.5)], [half[0]])
    with pytest.raises(SnapshotError, match="not of one"):
        MNISTEnsemble([base, base], [half[0], None])
