"""Early stopping and the best epoch: the rule, the weights, resumed and as an ensemble."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mlcore
from mlcore.core import MEASURED_METRICS, RunStateError, Snapshot, Step
from mlcore.mnist import load_weights
from mlcore.mnist.batches import normalized
from mlcore.mnist.best_epoch import Standing
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.ensemble.program import MNISTEnsemble
from mlcore.mnist.validation_split import held_out
from mlcore.runs import Status
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.recorder import execute, execute_ensemble
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from tests.mnist.conftest import write_folder

Told = list[tuple[int, dict[str, float]]]
RECORDED = json.loads((Path(__file__).parent / "cases" / "early_stopping.json").read_text())


def small(folder: str, **changes: Any) -> MNISTConfig:
    return MNISTConfig(dataset="folder", data_dir=folder, hidden=(12,), batch_size=16).replace(
        **changes
    )


def told(steps: Iterator[Step]) -> tuple[Told, Snapshot]:
    """What a run tells that must repeat, and its last snapshot."""
    rows: Told = []
    last = None
    for step in steps:
        values = {k: v for k, v in step.metrics.items() if k not in MEASURED_METRICS}
        rows += [(step.index, values)] if values else []
        last = step
    assert last is not None
    assert last.snapshot is not None
    return rows, last.snapshot()


def rule(mode: str, patience: int, min_gain: float) -> MNISTConfig:
    return MNISTConfig(
        validation_size=100,
        epochs=1000,
        early_stopping=True,
        patience=patience,
        min_gain=min_gain,
        monitor="validation_loss" if mode == "min" else "validation_accuracy",
    )


def stopped_at(config: MNISTConfig, curve: list[float]) -> tuple[int | None, int]:
    """The epoch at which a curve ends the run, or None; and the best epoch."""
    standing = Standing()
    for epoch, value in enumerate(curve, start=1):
        metrics = {"validation_accuracy": 0.0} | {config.monitor: value}
        standing = standing.after(config, epoch, metrics)
        if standing.waited >= config.patience:
            return epoch, standing.epoch
    return None, standing.epoch


@pytest.mark.parametrize("number", range(len(RECORDED["cases"])))
def test_it_stops_at_the_epoch_at_which_lightning_did(number: int) -> None:
    case = RECORDED["cases"][number]
    config = rule(case["mode"], case["patience"], case["min_delta"])
    assert stopped_at(config, case["curve"])[0] == case["stopped"]


@given(
    st.lists(st.integers(-64, 64).map(lambda n: n / 64), min_size=1, max_size=40),
    st.sampled_from(["min", "max"]),
    st.integers(1, 8),
    st.sampled_from([0.0, 1 / 64, 0.25]),
)
def test_it_stops_after_patience_epochs_without_a_gain(
    curve: list[float], mode: str, patience: int, gain: float
) -> None:
    signed = curve if mode == "min" else [-value for value in curve]
    expected, best, waited = None, float("inf"), 0
    for epoch, value in enumerate(signed, start=1):  # EarlyStopping's documentation, in words
        gained = best - value > gain
        best, waited = (value, 0) if gained else (best, waited + 1)
        if waited == patience:
            expected = epoch
            break
    found, best_epoch = stopped_at(rule(mode, patience, gain), curve)
    assert found == expected
    seen = signed[: expected or len(signed)]
    assert best_epoch == seen.index(min(seen)) + 1


# --- runs -----------------------------------------------------------------------------------


FIELDS: dict[str, Any] = {
    "validation_size": 20,
    "epochs": 12,
    "lr": 0.3,
    "momentum": 0.9,
    "loss": "cross_entropy",
    "early_stopping": True,
    "patience": 2,
    "keep": "best",
}


SPLITS: dict[str, dict[str, Any]] = {
    "split": {},
    "fold": {"validation_size": 0, "folds": 5, "fold": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("validation")
    write_folder(path, train=120)
    return str(path)


def ended(config: MNISTConfig) -> Step:
    return list(config.train())[-1]


@pytest.mark.parametrize("kind", SPLITS)
def test_a_split_run_tells_validation_and_never_the_test_set(folder: str, kind: str) -> None:
    config = small(folder, **FIELDS | SPLITS[kind])
    steps = list(config.train())
    names = {name for step in steps for name in step.metrics}
    assert not {name for name in names if "test" in name}
    assert set(config.metric_names()) == names
    digits = load("folder", folder)
    held = held_out(config, digits)
    for step in steps:
        if "validation_loss" not in step.metrics:
            continue
        model = load_weights(config, Snapshot(step.arrays))
        outputs = model(normalized(digits, held.images))
        loss = torch.nn.functional.cross_entropy(outputs, held.labels)
        assert step.metrics["validation_loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        right = (outputs.argmax(dim=1) == held.labels).double().mean()
        assert step.metrics["validation_accuracy"] == pytest.approx(float(right))
        assert int(step.arrays["confusion"].sum()) == len(held.labels)


def test_it_ends_early_with_the_best_epoch_s_weights(folder: str) -> None:
    config = small(folder, **FIELDS)
    steps = [step for step in config.train() if "validation_loss" in step.metrics]
    last = steps[-1]
    losses = [step.metrics["validation_loss"] for step in steps[1:]]
    best = losses.index(min(losses)) + 1
    assert len(losses) < config.epochs
    assert last.done == last.total == last.index
    assert last.metrics["best_epoch"] == best
    assert last.metrics["best_validation_accuracy"] == steps[best].metrics["validation_accuracy"]
    assert last.snapshot is not None
    kept = load_weights(config, last.snapshot()).state_dict()
    for name, value in kept.items():
        assert torch.equal(value, steps[best].arrays[f"model.{name}"])
    plain = ended(config.replace(keep="last"))
    assert plain.snapshot is not None
    newest = load_weights(config.replace(keep="last"), plain.snapshot())
    assert any(not torch.equal(v, kept[n]) for n, v in newest.state_dict().items())


@pytest.mark.parametrize("kind", SPLITS)
def test_resumed_at_any_step_it_has_the_same_best_epoch_and_bits(folder: str, kind: str) -> None:
    config = small(folder, **FIELDS | SPLITS[kind])
    whole = told(config.train())
    snapshots = {s.index: s.snapshot() for s in config.train() if s.snapshot is not None}
    for index, snapshot in list(snapshots.items())[::3]:
        if index < whole[0][-1][0]:
            rows, last = told(config.train(snapshot))
            assert rows == [row for row in whole[0] if row[0] > index]
            assert last.meta == whole[1].meta
            assert last.tensors.keys() == whole[1].tensors.keys()
            assert all(torch.equal(v, whole[1].tensors[n]) for n, v in last.tensors.items())
    assert not list(config.train(whole[1]))  # it had stopped early, and stays so


def test_before_its_first_validation_a_run_has_no_best_weights(folder: str) -> None:
    config = small(folder, **FIELDS)
    first = next(iter(config.train()))
    assert first.snapshot is not None
    with pytest.raises(RunStateError, match=r"^keep is best, but this run has not reached its "):
        load_weights(config, first.snapshot())


# --- ensembles ------------------------------------------------------------------------------


def test_members_of_an_ensemble_stop_where_their_single_runs_do(folder: str) -> None:
    base = small(folder, **FIELDS)
    configs = [
        base,
        base.replace(seed=1, patience=4),
        base.replace(seed=2, early_stopping=False),
        base.replace(seed=1, lr=0.05, monitor="validation_accuracy", keep="last"),
    ]
    last: dict[int, Step] = {}
    kept: dict[int, Snapshot] = {}
    for round_ in MNISTEnsemble(configs, [None] * 4, dtype=torch.float64).rounds():
        for one in round_:
            assert one.step is not None, one.error
            assert one.member not in kept, "it went on after its end"
            last[one.member] = one.step
            if one.step.done == one.step.total:
                assert one.step.snapshot is not None
                kept[one.member] = one.step.snapshot()
    assert len({step.index for step in last.values()}) > 2
    for member, config in enumerate(configs):
        alone = ended(config)
        assert last[member].index == alone.index
        for name, value in alone.metrics.items():
            if name not in MEASURED_METRICS:
                assert last[member].metrics[name] == pytest.approx(value, rel=1e-3, abs=1e-4)
        assert alone.snapshot is not None
        meta = alone.snapshot().meta
        assert kept[member].meta["best_epoch"]["epoch"] == meta["best_epoch"]["epoch"]


def test_a_member_that_stops_early_is_finished_before_the_others(
    folder: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = small(folder, **FIELDS)
    made = [
        store.submit(c) for c in (base, base.replace(early_stopping=False, keep="last", epochs=12))
    ]
    with store.writing() as connection:
        connection.execute(runs.update().values(ensemble=made[0].id))
    claims = [take(store, ProcessId.of(), run.id) for run in made]
    monkeypatch.setattr("mlcore.runs.execution.recorder.pays", lambda _: True)
    done = execute_ensemble([claim for claim in claims if claim is not None])
    assert [run.id for run in done] == [run.id for run in made]
    assert [run.status for run in done] == [Status.FINISHED] * 2
    assert done[0].step < done[1].step
    assert done[0].progress == 1


# --- recorded -------------------------------------------------------------------------------


_KILLED = """
import os, signal, sys
from mlcore.runs import open_store
from mlcore.runs.execution import recorder
from mlcore.runs.execution.claims import take
from mlcore.runs.process_id import ProcessId

recorder.CHECKPOINT_EVERY = recorder.FLUSH_EVERY = 0.0
recorder.CHECKPOINT_SHARE = 1.0
claim = take(open_store(), ProcessId.of(), sys.argv[1])

def watch(step):
    if step.index == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

recorder.execute(claim, watch=watch)
"""


def test_killed_after_its_best_epoch_and_resumed_it_keeps_the_same_weights(
    folder: str, store: Store
) -> None:
    config = small(folder, **FIELDS)
    whole = mlcore.run(config)
    again = store.submit(config, force=True)
    best = int(whole.latest()["best_epoch"]) * config.steps_per_epoch()
    killed = subprocess.run([sys.executable, "-c", _KILLED, again.id, str(best + 3)], check=False)
    assert killed.returncode == -signal.SIGKILL
    reap(store)
    store.requeue(again.refresh())
    claim = take(store, ProcessId.of(), again.id)
    assert claim is not None
    resumed = execute(claim)
    assert resumed.status == Status.FINISHED
    for name in ("best_epoch", "best_validation_accuracy", "validation_loss"):
        assert resumed.latest()[name] == whole.latest()[name]
    points = [
        run.metrics(config.metric_names()[:-1])[["step", "name", "value"]]
        for run in (whole, resumed)
    ]
    assert points[0].equals(points[1])
    ours, theirs = (run.model().state_dict() for run in (resumed, whole))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    at_best = whole.arrays(best)
    assert all(torch.equal(value, at_best[f"model.{name}"]) for name, value in ours.items())
