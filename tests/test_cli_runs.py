"""The verbs for recorded runs: what they print, what they leave, and one sentence when refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.cli import main
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, start_run
from mlcore.runs.export import read_json
from mlcore.runs.store.store import Store
from tests.runs.made import made, made_with_finals

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def runs(store: Store) -> list[Run]:
    return [
        *made_with_finals(store, MNISTConfig(lr=0.01), [0.90, 0.91, 0.902]),
        *made_with_finals(store, MNISTConfig(lr=0.1), [0.95, 0.952, 0.957]),
    ]


def _said(capsys: Captured, *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_ls_shows_what_a_filter_keeps(capsys: Captured) -> None:
    assert len(_said(capsys, "ls").splitlines()) == 6
    kept = _said(capsys, "ls", "--where", "lr > 0.05 and test_accuracy > 95.1%").splitlines()
    assert len(kept) == 2
    assert all("lr=0.1" in line for line in kept)
    assert main(["ls", "-n", "2"]) == 0
    assert "… and 4 more: -n 6 shows them." in capsys.readouterr().err


def test_compare_says_which_is_better(runs: list[Run], capsys: Captured) -> None:
    said = _said(capsys, "compare", *(run.id for run in runs))
    assert "A  lr 0.01: 0.904  (3 seeds)" in said
    assert "B is better by 4.9 ± 1.1 points (3 seeds each)." in said
    against = _said(capsys, "compare", "--where", "experiment = mnist", "--baseline", runs[0].id)
    assert "B  lr 0.01" in against, "newest first, so the baseline's group comes second"
    assert "A is better by" in against


def test_organizing_from_the_command_line(store: Store, runs: list[Run], capsys: Captured) -> None:
    first = runs[0]
    _said(capsys, "tag", "week3", first.id, runs[1].id)
    _said(capsys, "tag", "week3", runs[1].id, "--remove")
    _said(capsys, "rename", first.id, "the first")
    _said(capsys, "note", first.id, "why not")
    _said(capsys, "star", first.id)
    _said(capsys, "archive", "--where", "lr = 0.1")
    now = first.refresh()
    assert (now.tags, now.name, now.note, now.starred) == (("week3",), "the first", "why not", True)
    assert [run.archived for run in store.list(newest_first=False)] == [False] * 3 + [True] * 3
    assert _said(capsys, "ls", "--where", "starred").count("the first") == 1
    _said(capsys, "rm", first.id)
    _said(capsys, "rm", runs[4].id, runs[5].id)
    assert len(store.list()) == 3
    assert len(_said(capsys, "ls", "--trash").splitlines()) == 3
    assert len(_said(capsys, "undo").splitlines()) == 2, "the last deleted ones"
    _said(capsys, "undo", first.id)
    assert len(store.list()) == 6
    _said(capsys, "rm", first.id, "--forever")
    assert store.list(deleted=True) == []
    assert main(["undo"]) == 2
    assert "The trash is empty" in capsys.readouterr().err


def test_what_is_exported_is_brought_in_again(
    store: Store,
    runs: list[Run],
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [run.id for run in runs[:2]]
    for end in ("csv", "parquet", "json", "zip", "html"):
        said = _said(capsys, "export", *ids, "--to", str(tmp_path / f"out.{end}"))
        assert said.startswith(f"{tmp_path / f'out.{end}'}: ")
    points = read_json((tmp_path / "out.json").read_bytes())
    assert points["run"].drop_duplicates().tolist() == ids
    _said(capsys, "export", "--where", "lr = 0.1", "--tensorboard", str(tmp_path / "logs"))
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "other.db"))
    assert len(_said(capsys, "import", str(tmp_path / "out.zip")).splitlines()) == 2
    said = _said(capsys, "import", str(tmp_path / "logs"))
    assert said.count("(from tensorboard)") == 3
    shown = _said(capsys, "show", ids[0])
    assert "zip, out.zip" in shown
    assert len(store.list()) == 6


def test_a_logged_run_is_listed_and_shown_but_not_paused(store: Store, capsys: Captured) -> None:
    with start_run("autoencoder", {"lr": 0.1}) as run:
        run.log({"val/acc": 0.5})
        assert main(["pause", run.id]) == 2
        assert "is logged by a script" in capsys.readouterr().err
    (line,) = _said(capsys, "ls", "--experiment", "autoencoder").splitlines()
    assert "(by a script) lr=0.1" in line
    assert "val/acc              0.5" in _said(capsys, "show", run.id)
    assert main(["ls", "--experiment", "unknown"]) == 2
    assert store.get(run.id).status == "finished"


def test_a_name_cannot_move_the_cursor(store: Store, capsys: Captured) -> None:
    run = made(store, MNISTConfig()).edit(name="\x1b[2J\x1b[Hgone\r\n" + "x" * 200, note="\x1b[31m")
    for words in (["ls"], ["show", run.id]):
        said = _said(capsys, *words)
        assert "\x1b" not in said
        assert "\r" not in said
    assert len(_said(capsys, "ls").splitlines()) == 1


def test_a_run_from_elsewhere_is_shown_too(store: Store, capsys: Captured) -> None:
    from mlcore.runs.imports.foreign import Foreign
    from mlcore.runs.imports.insertion import bring_in

    facts = {"experiment": "tests.nowhere:Config", "config": {"depth": 3}}
    run = bring_in(store, Foreign("zip", "x.zip", "0" * 64, facts, ()))
    assert "depth=3" in _said(capsys, "ls")
    assert "x.zip" in _said(capsys, "show", run.id)
    assert json.loads(json.dumps(dict(run.config_fields))) == {"depth": 3}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ls", "--where", "lr <"], "A value is missing here"),
        (["compare"], "No run is named"),
        (["compare", "nope"], "No run has the id 'nope'"),
        (["export", "nope"], "Name a target: --to FILE"),
        (["export", "nope", "--to", "out.txt"], "its end must be one of .csv .parquet"),
        (["export", "nope", "--to", "/nowhere/out.csv"], "There is no folder /nowhere"),
        (["import", "/nowhere/x.zip"], "There is no file or folder /nowhere/x.zip"),
        (["import", "/nowhere/logs"], "There is no file or folder /nowhere/logs"),
        (["tag", "", "nope"], "No run has the id 'nope'"),
        (["rm", "nope"], "No run has the id 'nope'"),
        (["undo", "nope"], "No run has the id 'nope'"),
        (["star"], "No run is named"),
    ],
)
def test_bad_words_are_one_sentence_and_exit_2(
    words: list[str], sentence: str, capsys: Captured
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
