"""The measured choice of a machine: made once, kept in a file, and what may be wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.core import InputError, Snapshot
from mlcore.mnist import runtime
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.products import LIBRARIES, onednn_multiplies
from mlcore.mnist.steps import choices, kept
from mlcore.mnist.steps.calibration import BUDGET_S, measure, quickest
from mlcore.mnist.steps.ways import Way, way_for, way_of_ensemble

CPU = torch.device("cpu")
CONFIG = MNISTConfig(hidden=(16,))
SHAPE = "512: 784-16"

needs_onednn = pytest.mark.skipif(not onednn_multiplies(), reason="no oneDNN for x86 in this torch")


class Measured:
    """Stands in for measuring: counts, and finds one library quicker."""

    def __init__(self) -> None:
        self.times = 0
        self.quick = ("onednn", "blas")

    def __call__(self, *_: Any) -> dict[str, dict[str, float]]:
        """As ``calibration.measure``."""
        self.times += 1
        return {
            direction: {library: 1.0 if library == quick else 2.0 for library in LIBRARIES}
            for direction, quick in zip(("forward", "backward"), self.quick, strict=True)
        }


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLCORE_STEP", raising=False)
    monkeypatch.setenv("MLCORE_CACHE", str(tmp_path))
    return tmp_path / kept.FILE


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, file: Path) -> Iterator[Measured]:
    stand_in = Measured()
    assert not file.exists()
    monkeypatch.setattr(choices, "measure", stand_in)
    monkeypatch.setattr(choices, "onednn_multiplies", lambda: True)
    yield stand_in
    choices._known.clear()


def chosen() -> tuple[str, str]:
    """As a new process finds it."""
    choices._known.clear()
    return choices.chosen_libraries(CONFIG)


def test_a_choice_is_measured_once_and_then_read(measured: Measured, file: Path) -> None:
    assert chosen() == ("onednn", "blas")
    measured.quick = ("blas", "onednn")

    assert chosen() == ("onednn", "blas")
    assert measured.times == 1
    entry = json.loads(file.read_text(encoding="utf-8"))[kept.machine()][SHAPE]
    assert (entry["forward"], entry["backward"]) == ("onednn", "blas")
    assert entry["seconds"]["forward"] == {"blas": 2.0, "onednn": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b'{"a": ',
        b"[1, 2]",
        b"null",
        b'{"MACHINE": 3}',
        b'{"MACHINE": {"512: 784-16": "blas"}}',
        b'{"MACHINE": {"512: 784-16": {"forward": "blas", "backward": "gpu"}}}',
        b'{"MACHINE": {"512: 784-16": {"forward": ["blas"], "backward": {}}}}',
    ],
)
def test_a_damaged_file_is_replaced(measured: Measured, file: Path, content: bytes) -> None:
    file.write_bytes(content.replace(b"MACHINE", kept.machine().encode()))

    assert chosen() == ("onednn", "blas")
    assert chosen() == ("onednn", "blas")
    assert measured.times == 1


def test_the_choices_of_another_processor_are_left_alone(measured: Measured, file: Path) -> None:
    other = {"Another, 64 cores, torch 1": {SHAPE: {"forward": "blas", "backward": "blas"}}}
    file.write_text(json.dumps(other), encoding="utf-8")

    assert chosen() == ("onednn", "blas")
    assert json.loads(file.read_text(encoding="utf-8")).items() > other.items()
    assert measured.times == 1


def test_where_no_choice_can_be_kept_it_is_a_fixed_one(
    measured: Measured, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next process might measure another, and train to other bits."""
    measured.quick = ("blas", "blas")
    occupied = file.parent / "occupied"
    occupied.write_bytes(b"")
    monkeypatch.setenv("MLCORE_CACHE", str(occupied / "cache"))
    assert chosen() == choices.FIXED

    monkeypatch.setenv("MLCORE_CACHE", str(file.parent))
    file.mkdir()
    assert chosen() == choices.FIXED


def test_of_two_processes_that_measure_at_once_the_first_decides(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def while_another_writes(*_: Any) -> dict[str, dict[str, float]]:
        monkeypatch.setattr(choices, "measure", measured)
        assert chosen() == ("onednn", "blas")  # the other process
        measured.quick = ("blas", "onednn")
        return measured()

    monkeypatch.setattr(choices, "measure", while_another_writes)

    assert chosen() == ("onednn", "blas")
    assert measured.times == 2


@needs_onednn
def test_many_processes_that_begin_at_once_end_with_one_choice(file: Path) -> None:
    code = (
        "import mlcore; from mlcore.mnist.steps.choices import chosen_libraries;"
        "print(chosen_libraries(mlcore.MNISTConfig(hidden=(16,))))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ}
        )
        for _ in range(3)
    ]
    found = {process.communicate()[0] for process in processes}

    assert len(found) == 1
    assert found <= {f"{(a, b)}\n" for a in LIBRARIES for b in LIBRARIES}
    assert list(json.loads(file.read_text(encoding="utf-8"))[kept.machine()]) == [SHAPE]


@needs_onednn
def test_auto_precision_is_what_was_measured_and_a_resumed_run_keeps_its_own(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "has_bfloat16", lambda _: True)
    config = CONFIG.replace(precision="auto")
    for seconds, precision in ((2.0, "float32"), (0.5, "bfloat16")):
        choices._known.clear()
        monkeypatch.setattr(
            choices, "measure_bfloat16", lambda s=seconds: {"float32": 1.0, "bfloat16": s}
        )
        monkeypatch.setenv("MLCORE_CACHE", f"{os.environ['MLCORE_CACHE']}{precision}")
        assert runtime.precision_for(config, CPU) == precision
        assert runtime.precision_for(config, CPU, "float32") == "float32"
        assert runtime.precision_for(config, CPU, "bfloat16") == "bfloat16"
    assert measured.times == 0


def test_what_is_measured_is_each_product_of_a_layer_and_ties_go_to_blas() -> None:
    times = measure([(784, 16), (16, 10)], rows=32, threads=2)

    assert all(seconds > 0 for each in times.values() for seconds in each.values())
    assert quickest({"forward": {"blas": 1.0, "onednn": 0.99}, "backward": times["backward"]})[
        0
    ] == ("blas")
    assert BUDGET_S <= 0.3


def test_the_variable_goes_before_the_snapshot_and_that_before_what_is_measured(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Snapshot({}, {"step": "autograd-blas-blas"})
    assert str(way_for(CONFIG, CPU, "float32")) == "manual-onednn-blas"
    assert str(way_for(CONFIG, CPU, "bfloat16")) == "manual-blas-blas"
    assert str(way_for(CONFIG, CPU, "float32", snapshot)) == "autograd-blas-blas"
    assert str(way_for(CONFIG, CPU, "float32", Snapshot({}, {"step": "by-abacus"}))) == str(
        way_for(CONFIG, CPU, "float32", Snapshot({}, {}))
    )

    monkeypatch.setenv("MLCORE_STEP", "manual-blas")

    assert str(way_for(CONFIG, CPU, "float32", snapshot)) == "manual-blas-blas"
    assert str(way_for(CONFIG.replace(model="cnn"), CPU, "float32")) == "autograd-blas-blas"
    assert measured.times == 1


def test_an_ensemble_measures_the_product_of_its_first_layers_and_falls_back_as_a_run_does(
    measured: Measured, file: Path
) -> None:
    assert str(way_of_ensemble(CONFIG, CPU, "float32", members=4)) == "manual-onednn-blas"
    assert list(json.loads(file.read_text(encoding="utf-8"))[kept.machine()]) == ["512: 784-64"]
    normal = CONFIG.replace(normalization="layer")
    assert str(way_of_ensemble(normal, CPU, "bfloat16", members=4)) == "autograd-blas-blas"
    assert measured.times == 1


@pytest.mark.parametrize("name", ["fast", "manual-mkl", "manual-blas-blas-blas", "blas", "-"])
def test_a_way_that_there_is_not_is_a_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_STEP", name)
    with pytest.raises(InputError, match=r"MLCORE_STEP is wrong: .* give manual or autograd, and"):
        way_for(CONFIG, CPU, "float32")
    with pytest.raises(InputError):
        CONFIG.environment()


def test_a_way_without_its_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlcore.mnist.steps.ways.onednn_multiplies", lambda: False)
    with pytest.raises(InputError, match=r"needs oneDNN, .* give manual-blas"):
        Way.parse("manual-onednn")
    assert str(Way.parse("autograd")) == "autograd-blas-blas"


def test_the_environment_of_a_run_names_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_STEP", "autograd-blas")

    assert MNISTConfig(device="cpu").environment()["step"] == "autograd-blas-blas"
