"""What code made a run: git's own words, bounded, and no secrets of the command line."""

from __future__ import annotations

import importlib.metadata
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

import mlcore
from mlcore.runs.export import to_zip
from mlcore.runs.imports.archive import import_zip
from mlcore.runs.logged import code_state
from mlcore.runs.logged.code_state import command_line, packages
from mlcore.runs.store.artifacts import PACKAGES, SYSTEM
from mlcore.runs.store.store import Store, open_store
from tests.conftest import skip_unless_ci

GIT = shutil.which("git") or "git"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A committed script in a repository of its own, changed since."""
    if GIT == "git":
        skip_unless_ci("git")
    home = tmp_path / "repository"
    home.mkdir()
    script = home / "train.py"
    script.write_text("lr = 0.1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "trial"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run([GIT, "-C", str(home), *words], check=True)
    script.write_text("lr = 0.2  # größer\n")
    return script


def git(script: Path, *words: str) -> str:
    done = subprocess.run(
        [GIT, "-C", str(script.parent), *words], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_commit_branch_and_changes_are_those_of_git(script: Path) -> None:
    found = code_state.code_state(script, ["python", "train.py"])
    assert found.facts == {
        "command": "python train.py",
        "script": str(script),
        "git commit": git(script, "rev-parse", "HEAD").strip(),
        "git branch": "trial",
        "git changes": "1 file not committed",
    }
    assert found.diff.decode() == git(script, "diff", "HEAD")
    git(script, "checkout", "-q", ".")
    clean = code_state.code_state(script)
    assert not clean.diff
    assert "git changes" not in clean.facts


def test_large_changes_are_cut_with_a_word(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_state, "MOST_DIFF", 100)
    found = code_state.code_state(script).diff.decode("utf-8", "replace")
    whole = len(git(script, "diff", "HEAD").encode())
    assert found.endswith(f"\n… {whole - 100:,} bytes more were not kept\n")


def test_outside_a_repository_there_is_the_script_alone(tmp_path: Path) -> None:
    found = code_state.code_state(tmp_path / "train.py", ["python"])
    assert set(found.facts) == {"command", "script"}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["python", "a b.py", "--lr", "0.1"], "python 'a b.py' --lr 0.1"),
        (["x", "--token", "abc", "--lr=1"], "x --token '***' --lr=1"),
        (["x", "--db-password=abc"], "x '--db-password=***'"),
        (["x", "tokens.py"], "x tokens.py"),
    ],
)
def test_secrets_of_the_command_line_are_left_out(words: list[str], shown: str) -> None:
    assert command_line(words) == shown


def test_packages_are_those_that_are_installed() -> None:
    lines = packages().decode().splitlines()
    assert f"torch=={importlib.metadata.version('torch')}" in lines
    assert lines == sorted(lines, key=str.lower)


def test_a_logged_run_keeps_it_and_its_zip_leaves_the_changes_out(
    store: Store, script: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(code_state, "_script", lambda: script)
    with mlcore.start_run("autoencoder", store=store) as active:
        active.log({"loss": 0.5})
    run = active.read()
    assert run.environment["git branch"] == "trial"
    assert run.environment["cores"], "what was known before stays"
    assert run.diff() == git(script, "diff", "HEAD")
    assert run.packages() == tuple(packages().decode().splitlines())

    run.artifacts.put(SYSTEM, 0, b'{"seconds":[2.0],"cpu":[50.0]}')
    content = to_zip([run])
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert not any("diff" in name or "patch" in name for name in names)
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    (there,) = import_zip(other, content)
    assert there.packages() == run.packages()
    assert there.system_metrics()["cpu"].tolist() == [50.0]
    assert there.diff() == ""
    assert {one.name for one in there.artifacts.kept()} == {PACKAGES, SYSTEM}
    other.close()
