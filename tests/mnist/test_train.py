"""The training loop: what it tells, that it repeats bit for bit, and whom it leaves alone."""

import itertools
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mlcore.core import MEASURED_METRICS, DivergenceError, Snapshot, SnapshotError, Step
from mlcore.core.snapshots import load_snapshot, save_snapshot
from mlcore.mnist import load_weights, runtime, trainer
from mlcore.mnist.batches import normalized
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.microbatches import Team
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.steps import parallel
from mlcore.mnist.train import POINTS_A_RUN, cadence

Told = list[tuple[int, dict[str, float], dict[str, Tensor]]]


def small(tiny: str, **changes: Any) -> MNISTConfig:
    base = MNISTConfig(dataset="folder", data_dir=tiny, hidden=(12,), batch_size=16, epochs=2)
    return base.replace(**changes)


def told(steps: Iterator[Step]) -> tuple[Told, Snapshot]:
    """What a run tells that must repeat, and its last snapshot."""
    rows, last = [], None
    for step in steps:
        metrics = {k: v for k, v in step.metrics.items() if k not in MEASURED_METRICS}
        if metrics:
            rows.append((step.index, metrics, dict(step.arrays)))
        if step.done == step.total:
            assert step.snapshot is not None
            last = step.snapshot()
    assert last is not None
    return rows, last


def assert_same(one: tuple[Told, Snapshot], other: tuple[Told, Snapshot]) -> None:
    for (index, metrics, arrays), (index2, metrics2, arrays2) in zip(one[0], other[0], strict=True):
        assert (index, metrics) == (index2, metrics2)
        assert_equal_tensors(arrays, arrays2)
    assert_equal_tensors(dict(one[1].tensors), dict(other[1].tensors))
    assert one[1].meta == other[1].meta


def assert_equal_tensors(some: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    assert some.keys() == others.keys()
    for name, value in some.items():
        assert torch.equal(value, others[name]), name


VARIANTS: dict[str, dict[str, Any]] = {
    "course": {},
    "sgd, no momentum, step": {"momentum": 0.0, "schedule": "step"},
    "nesterov, decay, warm-up": {"nesterov": True, "weight_decay": 0.01, "warmup": 0.3},
    "adam, dropout": {"optimizer": "adam", "dropout": 0.3, "loss": "cross_entropy"},
    "adamw, batch norm": {"optimizer": "adamw", "normalization": "batch", "schedule": "cosine"},
    "rmsprop, shift": {"optimizer": "rmsprop", "lr": 0.001, "augment": "shift"},
    "linear, one cycle, affine": {"model": "linear", "schedule": "one_cycle", "augment": "affine"},
    "cnn, bfloat16 where there is": {
        "model": "cnn",
        "channels": (16, 8),
        "dense": 8,
        "loss": "cross_entropy",
        "label_smoothing": 0.1,
        "optimizer": "adam",
        "precision": "auto",
    },
    "cnn": {
        "model": "cnn",
        "channels": (3, 4),
        "dense": 8,
        "stride": 2,
        "optimizer": "adam",
        "dropout": 0.2,
        "normalization": "group",
        "train_size": 66,
    },
}


# --- what it tells --------------------------------------------------------------------------


def test_the_first_steps_are_those_of_a_plain_torch_loop() -> None:
    config = MNISTConfig(train_size=1024)
    digits = load()
    subset = torch.randperm(60_000, generator=seeded(0, "subset"))[:1024].sort().values
    order = torch.randperm(1024, generator=seeded(0, "order", 0))
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(784, 256),
        torch.nn.ReLU(),
        torch.nn.Linear(256, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    steps = (s for s in config.train() if "train_loss" in s.metrics)
    for chosen, step in zip(torch.split(order, 512), steps, strict=False):
        images = (digits.train_images[subset[chosen]].float() / 255 - 0.1307) / 0.3081
        labels = digits.train_labels[subset[chosen]]
        outputs = model(images)
        loss = functional.mse_loss(outputs, functional.one_hot(labels, 10).float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
        optimizer.step()
        accuracy = float((outputs.argmax(1) == labels).float().mean())

        assert step.metrics["train_loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert step.metrics["train_accuracy"] == pytest.approx(accuracy, abs=2 / 512)
        assert step.metrics["grad_norm"] == pytest.approx(norm, rel=1e-4)
        assert step.metrics["lr"] == 0.01


def test_it_tells_of_the_test_set_at_the_start_and_after_every_epoch(tiny: str) -> None:
    config = small(tiny, epochs=3)
    steps = list(config.train())

    examined = [step for step in steps if "test_loss" in step.metrics]
    assert [step.index for step in examined] == [0, 5, 10, 15]
    assert all(step.total == 15 and step.done == step.index for step in steps)
    for step in examined:
        confusion = step.arrays["confusion"]
        assert confusion.sum(dim=1).tolist() == [10, 10, 10]
        right = int(confusion.diagonal().sum()) / 30
        assert step.metrics["test_accuracy"] == pytest.approx(right)
        assert step.arrays["sample_probabilities"].shape == (30, 3)
        assert torch.allclose(step.arrays["sample_probabilities"].sum(dim=1), torch.ones(30))


def test_what_it_tells_of_the_test_set_is_what_its_final_weights_do(tiny: str) -> None:
    config = small(tiny, model="cnn", channels=(4,), kernels=(5,), loss="cross_entropy", lr=0.1)
    rows, last = told(config.train())
    digits = load("folder", tiny)

    model = load_weights(config, last)
    with torch.no_grad():
        outputs = model(normalized(digits, digits.test_images))

    metrics, arrays = rows[-1][1], rows[-1][2]
    loss = functional.cross_entropy(outputs, digits.test_labels)
    assert metrics["test_loss"] == pytest.approx(float(loss), rel=1e-5)
    for truth, guess in itertools.product(range(3), range(3)):
        count = ((digits.test_labels == truth) & (outputs.argmax(1) == guess)).sum()
        assert arrays["confusion"][truth, guess] == count
    samples = outputs.softmax(dim=1)[arrays["sample_index"]]
    assert torch.allclose(arrays["sample_probabilities"], samples, atol=1e-6)


def test_a_network_learns_the_small_set_by_heart(tiny: str) -> None:
    rows, _ = told(small(tiny, epochs=20, loss="cross_entropy", lr=0.05).train())

    assert rows[-1][1]["test_accuracy"] == 1.0


@given(st.integers(1, 1000), st.integers(1, 60_000), st.integers(1, 65_536))
def test_a_run_has_about_a_thousand_points_at_most_and_some_in_every_epoch(
    epochs: int, train_size: int, batch_size: int
) -> None:
    config = MNISTConfig(epochs=epochs, train_size=train_size, batch_size=batch_size)

    points = epochs * config.steps_per_epoch() // cadence(config)

    assert cadence(config) >= 1
    assert points <= POINTS_A_RUN
    assert points >= min(epochs * min(config.steps_per_epoch(), 30), POINTS_A_RUN / 2) - 1


def test_a_slow_run_shows_life_between_its_points(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(tiny, batch_size=1, epochs=3)
    assert cadence(config) == 2
    monkeypatch.setattr(runtime, "SPEED_INTERVAL_S", 0.0)

    steps = list(config.train())

    assert [step.index for step in steps] == list(range(3 * 70 + 1))
    assert set(steps[1].metrics) == MEASURED_METRICS
    assert steps[1].metrics["samples_per_second"] > 0


def test_a_diverging_run_ends_with_its_step_and_advice(tiny: str) -> None:
    config = small(tiny, lr=10.0, epochs=50)

    with pytest.raises(DivergenceError, match=r"at step \d+ of 250: try a smaller .* such as 1\."):
        list(config.train())


# --- that it repeats ------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_runs_of_one_config_are_the_same_bit_for_bit(tiny: str, variant: str) -> None:
    config = small(tiny, **VARIANTS[variant])

    assert_same(told(config.train()), told(config.train()))


@pytest.mark.parametrize("variant", VARIANTS)
def test_resumed_at_any_step_it_ends_as_if_never_stopped(
    tiny: str, tmp_path: Path, variant: str
) -> None:
    config = small(tiny, **VARIANTS[variant])
    whole = told(config.train())
    saved = {}
    for step in config.train():
        assert step.snapshot is not None
        snapshot = step.snapshot()
        saved[step.index] = save_snapshot(snapshot, tmp_path / str(step.index))

    assert len(saved) == 11
    for index, sha256 in saved.items():
        if index == 10:
            continue
        snapshot = load_snapshot(tmp_path / str(index), sha256)
        later = [row for row in whole[0] if row[0] > index]
        assert_same((later, whole[1]), told(config.train(snapshot)))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.sampled_from(sorted(VARIANTS)))
def test_stopped_and_resumed_again_and_again_it_ends_the_same(
    tiny: str, steps_between: list[int], variant: str
) -> None:
    config = small(tiny, **VARIANTS[variant])
    snapshot = None
    for count in steps_between:
        for step in itertools.islice(config.train(snapshot), count):
            assert step.snapshot is not None
            snapshot = step.snapshot()
            if step.index == step.total:
                return

    assert_same(
        ([], told(config.train())[1]),
        ([], told(config.train(snapshot))[1]),
    )


@pytest.mark.parametrize("variant", ["course", "adam, dropout", "rmsprop, shift", "cnn"])
def test_the_number_of_cores_changes_no_bit(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = VARIANTS[variant] if variant != "cnn" else MNISTConfig.presets["99 % CNN"].to_dict()
    config = MNISTConfig(**fields | {"train_size": 1200, "epochs": 4})
    monkeypatch.setattr(parallel, "GAIN", 1e9)  # so that more threads stay, however slow here
    runs = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(trainer, "given_cores", lambda cores=cores: cores)
        runs.append(told(config.train()))

    assert_same(runs[0], runs[1])
    assert_same(runs[0], runs[2])


def test_seeds_decide_weights_order_and_subset(tiny: str) -> None:
    one, other = (told(small(tiny, seed=seed, train_size=40).train()) for seed in (0, 1))

    assert one[0][0][1] != other[0][0][1]


def test_a_snapshot_of_another_config_is_refused(tiny: str) -> None:
    first = next(small(tiny).train())
    assert first.snapshot is not None

    with pytest.raises(SnapshotError, match="another config"):
        next(small(tiny, lr=0.5).train(first.snapshot()))


def test_a_snapshot_taken_too_late_is_refused(tiny: str) -> None:
    steps = small(tiny).train()
    first = next(steps)
    next(steps)
    assert first.snapshot is not None

    with pytest.raises(SnapshotError, match="moved on from step 0 to 1"):
        first.snapshot()


# --- whom it leaves alone -------------------------------------------------------------------


def test_runs_stepped_in_turn_do_not_disturb_each_other(tiny: str) -> None:
    configs = [small(tiny, **VARIANTS[v]) for v in ("adam, dropout", "cnn")]
    alone = [told(config.train())[1] for config in configs]

    last = {}
    for pair in zip(*(config.train() for config in configs), strict=False):
        for number, step in enumerate(pair):
            if step.index == 10 and step.snapshot is not None:
                last[number] = step.snapshot()

    for number, snapshot in last.items():
        assert_equal_tensors(dict(alone[number].tensors), dict(snapshot.tensors))
    assert len(last) == 2


def test_the_callers_random_state_threads_and_modes_are_left_alone(tiny: str) -> None:
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    with torch.no_grad():
        for _ in small(tiny, **VARIANTS["cnn"]).train():
            assert torch.get_num_threads() == threads
            assert torch.equal(torch.get_rng_state(), random)
            assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert len(list(small(tiny).train())) == 11


def test_closing_the_generator_ends_its_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Team] = []
    monkeypatch.setattr(Team, "close", lambda team: closed.append(team))
    steps = MNISTConfig(train_size=1024).train()
    next(steps)
    assert not closed

    steps.close()  # type: ignore[attr-defined]  # it is a generator

    assert len(closed) == 1
    monkeypatch.undo()
    closed[0].close()


def test_a_device_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match=r"device is cuda, but torch finds none .* auto, .*cpu\."):
        next(MNISTConfig(device="cuda").train())


def test_bfloat16_is_refused_where_it_would_be_imitated_and_auto_falls_back(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})

    with pytest.raises(ValueError, match="give float32 or auto"):
        next(small(tiny, precision="bfloat16", device="cpu").train())
    assert_equal_tensors(
        dict(told(small(tiny, precision="auto", device="cpu").train())[1].tensors),
        dict(told(small(tiny, precision="float32", device="cpu").train())[1].tensors),
    )


def test_a_first_run_waits_for_no_compiler() -> None:
    code = (
        "import sys\n"
        "from mlcore.mnist.config import MNISTConfig\n"
        "for optimizer in ('sgd', 'adam', 'adamw', 'rmsprop'):\n"
        "    config = MNISTConfig(optimizer=optimizer, train_size=1024, epochs=1)\n"
        "    snapshot = next(s.snapshot() for s in config.train() if s.index == 1)\n"
        "    assert [s.index for s in config.train(snapshot)][-1] == 2\n"
        "assert not {'torch._dynamo', 'torchvision', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
