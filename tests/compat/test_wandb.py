"""Scripts in W&B's public style, with the import alone changed."""

from __future__ import annotations

import argparse
import gc
import io
import json
import logging
import math
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as Pillow

import mlcore
import mlcore.compat.wandb as wandb
from mlcore.compat.wandb import said
from mlcore.runs import Run, Status, Store
from tests.waiting import until

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store and a folder of one's own, and no run left over."""
    del store
    monkeypatch.chdir(tmp_path)
    said.forget()
    yield
    wandb.teardown()


def _curve(run: Run, name: str) -> dict[int, float]:
    table = run.metrics([name])
    return dict(zip(table["step"].tolist(), table["value"].tolist(), strict=True))


def _ended(run: wandb.Run) -> Run:
    wandb.finish()
    return mlcore.get_run(run.id)


@pytest.mark.usefixtures("one_thread")
def test_a_training_with_watch_images_table_and_summary(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    run = wandb.init(project="mlp", name="baseline", config={"lr": 0.1, "epochs": 2}, tags=["demo"])
    config = wandb.config
    model = torch.nn.Linear(3, 2)
    wandb.watch(model, log="all", log_freq=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    x, y = torch.randn(16, 3), torch.arange(16) % 2
    losses = []
    for epoch in range(config.epochs):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
        table = wandb.Table(columns=["id", "image", "truth"])
        for row in range(2):
            table.add_data(row, wandb.Image(torch.rand(1, 4, 4)), int(y[row]))
        wandb.log(
            {
                "epoch": epoch,
                "train/loss": loss,
                "examples": [wandb.Image(torch.rand(3, 4, 4), caption="cat") for _ in range(2)],
                "weights": wandb.Histogram(model.weight.detach()),
                "predictions": table,
            }
        )
    run.summary["best_loss"] = min(losses)
    stored = _ended(run)

    assert (stored.experiment, stored.name, stored.tags, stored.status) == (
        "mlp",
        "baseline",
        ("demo",),
        Status.FINISHED,
    )
    assert stored.config_fields == {"lr": 0.1, "epochs": 2}
    assert _curve(stored, "train/loss") == dict(enumerate(losses))
    assert stored.latest()["summary/best_loss"] == min(losses)
    assert {"gradient_norm/weight", "weight_norm/bias"} <= set(stored.latest())
    media = stored.media()
    assert dict(zip(media["name"], media["kind"], strict=True)) == {
        "examples/0": "image",
        "examples/1": "image",
        "weights": "histogram",
        "predictions": "table",
        "predictions/image/0": "image",
        "predictions/image/1": "image",
    }
    assert json.loads(stored.media_file("predictions", 1))["rows"] == [
        [0, "predictions/image/0", 0],
        [1, "predictions/image/1", 1],
    ]
    assert [r.getMessage() for r in caplog.records if r.name == "mlcore.log"] == [
        "wandb.watch records norms of gradients and weights, not histograms."
    ]


def test_settings_come_from_argparse_and_later_ones_are_stored_too() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.5)
    run = wandb.init(project="args", config=parser.parse_args(["--lr", "0.25"]))
    wandb.config.update({"net": {"width": 64, "depth": 2}})
    wandb.config["optimizer"] = "adam"
    wandb.config.lr = 0.125
    wandb.config.setdefaults({"lr": 9, "seed": 3})
    wandb.config.net = {"width": 32}
    assert (run.config.lr, run.config["batch_size"], "seed" in run.config) == (0.125, 8, True)
    assert wandb.config.get("nothing", 1) == 1
    with pytest.raises(AttributeError, match="nothing"):
        wandb.config.nothing  # noqa: B018
    stored = _ended(run)
    assert stored.config_fields == {
        "batch_size": 8,
        "lr": 0.125,
        "net.width": 32,
        "optimizer": "adam",
        "seed": 3,
    }
    assert stored.seed == 3


def test_steps_count_as_those_of_wandb(caplog: pytest.LogCaptureFixture) -> None:
    # the steps are those that wandb 0.31 reports for the same calls in its offline mode
    run = wandb.init(project="steps")
    wandb.log({"a": 1})
    wandb.log({"a": 2}, commit=False)
    wandb.log({"b": 3})
    assert run.step == 2
    wandb.log({"a": 5}, step=10)
    wandb.log({"b": 6}, step=10)
    assert run.step == 10
    wandb.log({"c": 7})
    assert run.step == 11
    wandb.log({"c": 8}, step=20, commit=True)
    assert run.step == 21
    wandb.log({"a": 9}, step=4)  # wandb drops it
    assert run.step == 21
    stored = _ended(run)
    assert _curve(stored, "a") == {0: 1, 1: 2, 4: 9, 10: 5}
    assert _curve(stored, "b") == {1: 3, 10: 6}
    assert _curve(stored, "c") == {10: 7, 20: 8}
    assert "it is kept at that step" in caplog.text


def test_dicts_within_dicts_and_the_summary() -> None:
    run = wandb.init(project="nested")
    run.define_metric("val.*", summary="max,mean")
    for accuracy in (0.5, 1.0, 0.75):
        run.log({"loss": torch.tensor(2.0), "val": {"accuracy": accuracy, "by": {"class": 1}}})
    assert run.summary["loss"] == 2.0
    assert run.summary["val"]["accuracy"] == {"max": 1.0, "mean": 0.75}
    run.summary.update({"epochs": 3, "verdict": "good"})
    run.summary.loss = 0.125
    stored = _ended(run)
    assert _curve(stored, "val.accuracy") == {0: 0.5, 1: 1.0, 2: 0.75}
    assert stored.latest()["val.by.class"] == 1
    assert stored.latest()["loss"] == 2.0, "the curve keeps its own last value"
    summary = {k: v for k, v in stored.latest().items() if k.startswith("summary/")}
    assert summary == {
        "summary/epochs": 3,
        "summary/loss": 0.125,
        "summary/val.accuracy.max": 1.0,
        "summary/val.accuracy.mean": 0.75,
        "summary/val.by.class.max": 1,
        "summary/val.by.class.mean": 1,
    }
    assert json.loads(stored.file("wandb-summary.json")) == {"verdict": "good"}


def test_what_is_not_there_is_said_once_and_the_script_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = wandb.init(project="missing", resume="must", id="abc")
    for _ in range(2):
        wandb.log(
            {
                "loss": 1.0,
                "clip": wandb.Video(np.zeros(3), fps=4, format="gif"),
                "roc": wandb.plot.roc_curve([1], [[0.2]], labels=["x"]),
                "none": None,
                "word": "text",
            }
        )
        assert not list(wandb.Api().runs("me/project"))
        wandb.agent(wandb.sweep({"method": "grid"}), function=print, count=1)
        run.mark_preempting()
    with pytest.raises(AttributeError):
        wandb.__nothing__  # noqa: B018
    stored = _ended(run)
    assert stored.latest() == {"loss": 1.0}
    words = [r.getMessage() for r in caplog.records if r.name == "mlcore.log"]
    assert len(words) == len(set(words)) == 8
    assert "wandb.Video does nothing here: it is not recorded. wandb.save keeps its file." in words


def test_images_of_all_kinds_keep_their_pixels() -> None:
    gray = np.array([[0, 255], [128, 1]], dtype=np.uint8)
    given: dict[str, Any] = {
        "array": gray,
        "tensor": torch.tensor(gray)[None],
        "floats": gray / 255,
        "large floats": gray.astype(float),
        "pillow": Pillow.fromarray(gray),
        "batch": torch.zeros(4, 3, 5, 5),
    }
    run = wandb.init(project="images")
    wandb.log({name: wandb.Image(value) for name, value in given.items()})
    wandb.log(
        {"signed": wandb.Image(np.array([[-1.0, 0.0], [0.5, 1.0]])), "p": Pillow.new("L", (2, 2))}
    )
    stored = _ended(run)
    for name in ("array", "tensor", "floats", "large floats", "pillow"):
        seen = np.asarray(Pillow.open(io.BytesIO(stored.media_file(name, 0))))
        assert seen.tolist() == gray.tolist(), name
    assert Pillow.open(io.BytesIO(stored.media_file("batch", 0))).size == (30, 9)  # a grid
    signed = np.asarray(Pillow.open(io.BytesIO(stored.media_file("signed", 1))))
    assert signed.tolist() == [[0, 128], [191, 255]]


def test_tables_and_histograms_take_what_those_of_wandb_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    table = wandb.Table(data=[[1, 2]], columns=["a", "b"])
    table.add_column("c", [3])
    with pytest.raises(ValueError, match="expects 3 columns"):
        table.add_data(1)
    assert table.get_column("c") == [3]
    assert table.get_dataframe()["b"].tolist() == [2]
    run = wandb.init(project="media")
    wandb.log(
        {
            "rows": table,
            "frame": wandb.Table(dataframe=frame),
            "array": wandb.Table(data=np.eye(2), columns=["x", "y"]),
            "long": wandb.Table(columns=["n"], data=[[n] for n in range(2100)]),
            "counts": wandb.Histogram(np_histogram=np.histogram([1, 2, 2], bins=2)),
            "density": wandb.Histogram(np_histogram=np.histogram([1, 2, 2], bins=3, density=True)),
            "many": np.arange(40.0),
            "bad": wandb.Image(np.zeros((2, 2, 7))),
        }
    )
    stored = _ended(run)
    assert json.loads(stored.media_file("rows", 0)) == {
        "columns": ["a", "b", "c"],
        "rows": [[1, 2, 3]],
    }
    assert json.loads(stored.media_file("frame", 0))["rows"] == [[1, "x"], [2, "y"]]
    assert json.loads(stored.media_file("array", 0))["rows"] == [[1, 0], [0, 1]]
    assert len(json.loads(stored.media_file("long", 0))["rows"]) == 2000
    assert json.loads(stored.media_file("counts", 0))["counts"] == [1, 2]
    assert sum(json.loads(stored.media_file("many", 0))["counts"]) == 40
    assert set(stored.media()["name"]) == {"rows", "frame", "array", "long", "counts", "many"}
    for words in ("2,100 rows", "density=True", "(2, 2, 7)"):
        assert words in caplog.text


def test_files_of_save_dir_and_artifacts_are_kept(tmp_path: Path) -> None:
    run = wandb.init(project="files", dir=tmp_path)
    (tmp_path / "a.txt").write_text("first")
    wandb.save(str(tmp_path / "*.txt"))
    (tmp_path / "a.txt").write_text("then another")
    Path(run.dir, "model.pt").write_bytes(b"weights")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "part.bin").write_bytes(b"1")
    artifact = wandb.Artifact("net", type="model", metadata={"epochs": 1})
    artifact.add_dir(tmp_path / "sub")
    with artifact.new_file("notes.md") as file:
        file.write("# notes")
    wandb.log_artifact(artifact, aliases=["best"]).wait()
    stored = _ended(run)
    assert stored.file("a.txt") == b"then another"
    assert stored.file("model.pt") == b"weights"
    assert stored.file("net__part.bin") == b"1"
    assert stored.file("net__notes.md") == b"# notes"


def test_ends_and_names(store: Store) -> None:
    with pytest.raises(wandb.Error, match="must call wandb"):
        wandb.log({"a": 1})
    with pytest.raises(wandb.Error, match=r"wandb\.config\.lr"):
        wandb.config.lr  # noqa: B018
    broken = wandb.init(project="mnist")
    assert broken.name == broken.id
    broken.name, broken.notes = "renamed", "why"
    broken.tags += ("late",)
    with pytest.raises(ZeroDivisionError), broken:
        raise ZeroDivisionError
    failed = store.get(broken.id)
    assert (failed.status, failed.experiment) == (Status.FAILED, "mnist-wandb")
    assert (failed.name, failed.note, failed.tags) == ("renamed", "why", ("late",))
    first = wandb.init(project="again", group="g", job_type="eval")
    assert wandb.init(project="again") is first
    second = wandb.init(project="again", reinit=True)
    beside = wandb.init(project="again", reinit="create_new")
    assert repr(wandb.run) == repr(second) != repr(beside)
    assert store.get(first.id).status == Status.FINISHED
    assert store.get(first.id).tags == ("group:g", "job_type:eval")
    beside.log({"a": 1})
    second.finish(exit_code=1)
    beside.finish()
    with pytest.raises(wandb.Error):
        wandb.save("x")
    assert store.get(second.id).status == Status.FAILED
    assert store.get(beside.id).latest() == {"a": 1}


def test_teardown_ends_every_run(store: Store) -> None:
    for _ in range(3):
        wandb.init(project="several", reinit="create_new")
    wandb.teardown()
    assert [run.status for run in store.list()] == [Status.FINISHED] * 3


def test_a_disabled_run_records_nothing(store: Store) -> None:
    run = wandb.init(project="off", mode="disabled", config={"lr": 1})
    wandb.config.lr = 2
    wandb.log({"a": 1})
    run.summary["x"] = 1
    wandb.watch(torch.nn.Linear(1, 1))
    assert (run.disabled, run.step, wandb.config.lr) == (True, 1, 2)
    wandb.finish()
    assert store.list() == []


def test_stop_in_the_dashboard_ends_the_script_as_ctrl_c_does(store: Store) -> None:
    run = wandb.init(project="stop")
    wandb.log({"a": 0})
    run._inner.read().stop()
    with pytest.raises(KeyboardInterrupt), run:
        until(lambda: bool(wandb.log({"a": 1})))  # type: ignore[func-returns-value]
    assert store.get(run.id).status == Status.STOPPED


def test_the_summary_keeps_no_graph_alive() -> None:
    wandb.init(project="graph")
    loss = torch.ones(3, requires_grad=True).sum()
    gone = weakref.ref(loss)
    wandb.log({"loss": loss, "wide": torch.ones(50, requires_grad=True) * 2, "nan": math.nan})
    del loss
    gc.collect()
    assert gone() is None


def test_a_script_that_never_finishes_its_run_ends_it_with_its_summary(
    store: Store, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import mlcore.compat.wandb as wandb\n"
        "wandb.init(project='script', config={'lr': 0.1})\n"
        "wandb.define_metric('acc', summary='max')\n"
        "for acc in (1, 3, 2):\n"
        "    wandb.log({'acc': acc})\n"
    )
    subprocess.run(
        [sys.executable, script],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    (run,) = store.list()
    assert (run.status, run.latest()) == (Status.FINISHED, {"acc": 2, "summary/acc.max": 3})


def test_settings_of_a_yaml_file_and_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setenv("WANDB_PROJECT", "from environment")
    monkeypatch.setenv("WANDB_TAGS", "a, b")
    path = tmp_path / "config.yaml"
    path.write_text("wandb_version: 1\nlr:\n  desc: rate\n  value: 0.5\nnet:\n  width: 3\n")
    stored = _ended(wandb.init(config=str(path)))
    assert stored.config_fields == {"lr": 0.5, "net.width": 3}
    assert (stored.experiment, stored.tags) == ("from environment", ("a", "b"))
    other = _ended(wandb.init(config="nowhere.yaml", project="x", notes="n\0"))
    assert other.config_fields == {}
    assert "nowhere.yaml cannot be read" in caplog.text
    assert "The run begins without" in caplog.text
