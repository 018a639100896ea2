"""What the command line prints it can print in every encoding, on a terminal and into a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import mlcore
from mlcore.cli import main
from mlcore.cli.console import any_encoding, moment
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run
from mlcore.runs.store.store import Store
from tests.runs.made import made_with_finals

NAME = "🔥 第3周"
ENCODINGS = ("ascii", "cp1252", "gbk", "cp437", "utf-8")


@pytest.fixture
def runs(store: Store) -> list[Run]:
    runs = [
        *made_with_finals(store, MNISTConfig(lr=0.01), [0.90, 0.91]),
        *made_with_finals(store, MNISTConfig(lr=0.1), [0.95, 0.952]),
    ]
    runs[0].edit(name=NAME, note="größer als ½", tags=["№1"], starred=True)
    return runs


def commands(run_id: str) -> list[list[str]]:
    """One of each kind of output: help, lists, facts, comparison, sentences and their refusals."""
    return [
        ["--help"],
        ["--version"],
        ["run", "mnist", "--help"],
        ["sweep", "mnist", "--help"],
        ["completion", "bash"],
        ["ls"],
        ["ls", "-n", "1"],
        ["show", run_id],
        ["compare", "--where", "experiment = mnist"],
        ["note", run_id, "η ≥ 0.1 第"],
        ["rename", run_id, "ein anderer Name"],
        ["tag", "第", run_id],
        ["show", "第"],
        ["run", "第"],
        ["run", "mnist", "--lr", "第"],
        ["ls", "--where", "第 >"],
    ]


def carried_out(here: Path, env: dict[str, str], asked: Sequence[Sequence[str]]) -> bytes:
    """What one process prints for these commands, both streams in one pipe."""
    code = (
        "import json, os, sys\n"
        "from mlcore.cli import main\n"
        "for words in json.loads(os.environ['COMMANDS']):\n"
        "    print('>>>', words[0], main(words), flush=True)\n"
    )
    home = str(Path(mlcore.__file__).parents[1])
    process = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        cwd=here,
        env={**os.environ, "PYTHONPATH": home, "COMMANDS": json.dumps(asked), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert process.returncode == 0, process.stdout.decode("utf-8", "backslashreplace")
    return process.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_prints_in_every_encoding(
    runs: list[Run], tmp_path: Path, encoding: str
) -> None:
    asked = commands(runs[0].id)
    said = carried_out(tmp_path, {"PYTHONIOENCODING": encoding}, asked).decode(encoding)
    assert "Traceback" not in said
    assert "charmap" not in said
    codes = [line.split()[-1] for line in said.splitlines() if line.startswith(">>>")]
    assert codes == ["0"] * 12 + ["2"] * 4
    shown = "".join(
        sign if _has(encoding, sign) else sign.encode("ascii", "backslashreplace").decode()
        for sign in NAME
    )
    assert shown in said
    assert ("★" if _has(encoding, "★") else "* ") in said
    assert _has(encoding, "—") == ("—" in said), "of the helps"


def test_where_there_is_no_locale_text_is_read_and_printed(runs: list[Run], tmp_path: Path) -> None:
    """``LC_ALL=C`` without Python's own remedies: words come as bytes that nobody decoded."""
    home = str(Path(mlcore.__file__).parents[1])
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": home}

    def said(*words: bytes, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mlcore.cli", *words],
            cwd=tmp_path,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout.decode("ascii")

    run = runs[1]
    assert r"\u7b2c4" in said(b"rename", run.id.encode(), "第4".encode())
    assert run.refresh().name == "第4"
    assert run.id in said(b"ls", b"--where", 'name = "第4"'.encode())
    assert "which is not text in UTF-8" in said(b"note", run.id.encode(), b"\xb5\xda", code=2)
    assert run.refresh().note == ""
    target = tmp_path / "第.csv"
    assert "bytes" in said(b"export", run.id.encode(), b"--to", os.fsencode(target))
    assert target.is_file()


def test_who_asked_for_another_way_gets_it(runs: list[Run], tmp_path: Path) -> None:
    said = carried_out(tmp_path, {"PYTHONIOENCODING": "ascii:replace"}, [["ls"]]).decode("ascii")
    assert "? ?3?" in said
    assert len(runs) == said.count("mnist ")


def test_the_streams_are_given_back_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout.errors
    with any_encoding():
        sys.stdout.write("\ud800 ★\n")
    assert sys.stdout.errors == before
    assert capsys.readouterr().out == "\\ud800 ★\n"


@pytest.mark.usefixtures("runs")
def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(mlcore.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-m", "mlcore.cli", "ls"],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 141
    assert said == b""


def test_times_say_that_they_are_utc(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    for words in (["ls"], ["show", runs[0].id]):
        assert main(words) == 0
        assert f"{runs[0].created:%Y-%m-%d %H:%M}" in (said := capsys.readouterr().out)
        assert " UTC" in said
    assert moment(runs[0].created).endswith(" UTC")


def _has(encoding: str, sign: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
