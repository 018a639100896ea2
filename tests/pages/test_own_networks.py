"""Draw and Inside for a run of an experiment of one's own that takes images."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import Run
from mlcore.experiments import config_class
from mlcore.mnist import load
from mlcore.runs.store.store import Store
from tests.experiments.made import HALVING, write
from tests.pages.conftest import Open

SOURCE = HALVING.replace(
    "    def train(",
    """    def build_model(self):
        torch.manual_seed(self.seed)
        return Wide()

    def example_input(self):
        return torch.zeros(1, 1, 28, 28)

    def class_names(self):
        return ("a", "b", "c", "d")

    def train(""",
).replace(
    'metrics={"loss": self.k / 2**i})',
    'metrics={"loss": self.k / 2**i}, snapshot=self.state)\n\n'
    "    def state(self):\n"
    "        state = self.build_model().state_dict()\n"
    '        return mlcore.Snapshot({f"model.{name}": value for name, value in state.items()})',
)
SOURCE = SOURCE.replace(
    "import mlcore\n",
    """import mlcore
import torch
from torch import nn


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 5, stride=4)
        self.head = nn.Linear(108, 4)

    def forward(self, x):
        return self.head(self.conv(x).relu().flatten(1))
""",
    1,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with an experiment."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, SOURCE)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "experiments"]:
        del sys.modules[name]


@pytest.fixture
def trained(empty_store: Store) -> Run:
    """A finished run of it."""
    run = mlcore.run(config_class("halving")(), progress=False)
    assert run.store.url == empty_store.url
    return run


def scene(at: AppTest, component: str) -> dict[str, Any]:
    """What a component of the page was given."""
    protos = [element.proto for element in at.get("bidi_component")]
    [found] = [p for p in protos if p.component_name.endswith(component)]
    given: dict[str, Any] = json.loads(found.json)
    return given


@pytest.mark.parametrize("view", ["Pixels", "Layers", "Neighbours", "Fool it", "As Python"])
def test_draw_shows_its_probabilities(view: str, trained: Run, open_page: Open) -> None:
    at = open_page("pages/draw.py", run=trained.id, tab=view)
    assert not at.exception
    assert not at.error
    image = load("mnist").test_images[0] / 255
    known = trained.model()(image[None, None]).softmax(1)[0].tolist()
    [shown] = scene(at, "draw_answers")["runs"]
    assert shown["classes"] == ["a", "b", "c", "d"]
    assert shown["probabilities"] == pytest.approx(known, rel=1e-4)
    said = [info.value for info in at.info]
    assert any("does not name" in words for words in said) == (view == "Neighbours")


def test_inside_shows_weights_and_feature_maps_and_says_what_it_cannot(
    trained: Run, open_page: Open
) -> None:
    at = open_page("pages/inside.py", run=trained.id)
    assert not at.exception
    assert at.selectbox(key="inside.run").value == trained.id
    assert at.selectbox(key="inside.matrices.layer.Weights").options == [
        "conv · 3 × 1 × 5 × 5",
        "head · 4 × 108",
    ]
    at.segmented_control(key="inside.matrices.what.own").set_value("Feature maps").run()
    assert not at.exception
    assert at.selectbox(key="inside.matrices.layer.Feature maps").options == [
        "conv · 3 × 6 × 6",
        "head · 4",
    ]
    at = open_page("pages/inside.py", run=trained.id, tab="Where it errs")
    assert not at.exception
    assert "choose a run of mnist" in at.info[0].value.lower()


def test_code_that_fails_is_a_sentence(trained: Run, open_page: Open, folder: Path) -> None:
    write(folder, SOURCE.replace("nn.Linear(108, 4)", "nn.Linear(108, 5)"))
    at = open_page("pages/draw.py", run=trained.id)
    assert not at.exception
    assert "cannot be built with its weights" in at.error[0].value
    write(folder, SOURCE.replace("torch.zeros(1, 1, 28, 28)", "torch.zeros(1, 5)"))
    at = open_page("pages/draw.py", run=trained.id)
    assert "is not a network for digits" in at.error[0].value
