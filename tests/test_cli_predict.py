"""``mlcore predict`` and the network as a folder: what is written, and what is refused."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
import torch
from PIL import Image

import mlcore
from mlcore.cli import main
from mlcore.core import InputError, RunStateError
from mlcore.mnist import load
from mlcore.runs import Run
from mlcore.runs.export import exportable, to_model_zip, trained_network
from mlcore.runs.status import Status
from mlcore.runs.store.store import Store
from tests.runs.made import made

Captured = pytest.CaptureFixture[str]

CONFIG = mlcore.MNISTConfig(train_size=500, hidden=(16,), epochs=2, lr=0.1)


@pytest.fixture
def run(store: Store) -> Run:
    trained = mlcore.run(CONFIG, progress=False)
    assert trained.store.url == store.url
    return trained


def _known(run: Run, images: torch.Tensor) -> list[str]:
    """Classes by the network itself, from pixels normalized as in training."""
    digits = load("mnist")
    with torch.inference_mode():
        outputs = run.model()((images / 255 - digits.mean) / digits.std)
    return [digits.classes[label] for label in outputs.argmax(1).tolist()]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_folder_of_pictures_and_an_idx_file_get_the_networks_classes(
    run: Run, tmp_path: Path, capsys: Captured
) -> None:
    images = load("mnist").test_images[:30]
    pictures = tmp_path / "in" / "below"
    pictures.mkdir(parents=True)
    for number, image in enumerate(images[:10]):
        Image.fromarray(image.numpy()).save(pictures / f"{number}.png")
    Image.fromarray(255 - images[10].numpy()).save(pictures / "paper.png")
    (pictures / "text.png").write_text("no picture")
    head = bytes([0, 0, 8, 3, *(30).to_bytes(4, "big"), 0, 0, 0, 28, 0, 0, 0, 28])
    idx = tmp_path / "some-images-idx3-ubyte.gz"
    idx.write_bytes(gzip.compress(head + images.numpy().tobytes()))

    out = tmp_path / "out.csv"
    assert main(["predict", run.id, str(tmp_path / "in"), str(idx), "--csv", str(out)]) == 0
    rows = _rows(out.read_text(encoding="utf-8"))
    assert [row["class"] for row in rows if not row["error"]] == [
        *_known(run, images[:11]),
        *_known(run, images),
    ]
    assert [Path(row["path"]).name for row in rows if row["error"]] == ["text.png"]
    assert sum(float(rows[0][f"p({name})"]) for name in "0123456789") == pytest.approx(1, abs=1e-4)
    said = capsys.readouterr().err
    assert "42 pictures; 1 had a light background and were inverted; 1 could not be read" in said

    assert main(["predict", run.id, str(pictures / "0.png"), "--fit", "digit"]) == 0
    assert _rows(capsys.readouterr().out)[0]["error"] == ""
    dark = ["predict", run.id, str(pictures / "paper.png"), "--background", "dark"]
    assert main(dark) == 0
    assert "inverted" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.png"], "nowhere.png"),
        ([".", "--csv", "."], "--csv is '.', which is a folder: name a file."),
        ([".", "--csv", "none/out.csv"], "There is no folder"),
        (["a.png", "--fit", "digit", "--background", "light"], "leave one of them out"),
    ],
)
def test_what_cannot_be_predicted_is_a_sentence(
    words: list[str],
    sentence: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (28, 28)).save("a.png")
    assert main(["predict", run.id, *words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_network_is_written_once_more_but_over_nothing_else(
    run: Run, tmp_path: Path, capsys: Captured
) -> None:
    target = tmp_path / "digits"
    for _ in range(2):
        assert main(["export", run.id, "--model", str(target)]) == 0
    assert (target / "predict.py").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.py").write_text("mine = 1")
    assert main(["export", run.id, "--model", str(tmp_path / "mine")]) == 2
    assert "is not empty, and is none that this export wrote" in capsys.readouterr().err
    assert (tmp_path / "mine" / "model.py").read_text() == "mine = 1"


def test_a_run_without_a_network_is_refused_and_offers_none(run: Run, store: Store) -> None:
    other = mlcore.run(mlcore.RegressionConfig(steps=5), progress=False)
    with pytest.raises(InputError, match="is of the experiment regression, but only the networks"):
        trained_network(other)
    bare = made(store, CONFIG.replace(seed=1), {"train_loss": {0: 1.0}})
    with pytest.raises((InputError, RunStateError), match="weights"):
        to_model_zip(bare)
    queued = made(store, CONFIG.replace(seed=2), status=Status.QUEUED)
    with pytest.raises(RunStateError, match="is queued at 0%: wait for it to finish"):
        trained_network(queued)
    assert [exportable(one) for one in (run, other, bare, queued)] == [True, False, False, False]
