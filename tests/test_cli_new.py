"""``mlcore new`` writes an experiment that works, and overwrites nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import mlcore
from mlcore.cli import main
from mlcore.experiments import example
from mlcore.runs.store.store import Store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "experiments"]:
        del sys.modules[name]


def test_the_example_is_written_and_runs(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "spiral"]) == 0
    assert "mlcore run spiral" in capsys.readouterr().out
    file = folder / "experiments" / "spiral.py"
    assert file.read_text() == Path(example.__file__).read_text()
    assert main(["run", "spiral", "--steps", "20", "--preset", "narrow"]) == 0
    (run,) = store.list()
    steps = list(example.Spiral(width=4, steps=20).train())
    assert run.latest() == pytest.approx(steps[-1].metrics)
    assert run.code
    assert _accuracy(run) == pytest.approx(run.latest()["test_accuracy"], abs=1e-7)
    assert run.config_fields["width"] == 4


def _accuracy(run: mlcore.Run) -> float:
    """Of the saved network on the test points, drawn anew: the second 500 of the seed."""
    config = example.Spiral.from_dict(run.config_fields)
    generator = torch.manual_seed(config.seed)
    config.data(generator)
    points, labels = config.data(generator)
    found: torch.Tensor = (run.model()(points).argmax(1) == labels).float().mean()
    return found.item()


@pytest.mark.usefixtures("store")
def test_another_name_makes_another_class(folder: Path) -> None:
    assert main(["new", "two_moons"]) == 0
    text = (folder / "experiments" / "two_moons.py").read_text()
    assert "class TwoMoons(mlcore.Config)" in text
    assert 'experiment: ClassVar[str] = "two_moons"' in text
    assert "Spiral" not in text


@pytest.mark.parametrize("name", ["spiral", "mnist", "my-net", "class", "x.y", "../x"])
def test_a_name_that_is_taken_or_no_module_is_refused(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "spiral.py").write_text("mine")
    assert main(["new", name]) == 2
    assert capsys.readouterr().err.startswith("mlcore: ")
    assert [file.name for file in (folder / "experiments").iterdir()] == ["spiral.py"]
    assert (folder / "experiments" / "spiral.py").read_text() == "mine"
