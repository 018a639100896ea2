"""An experiment of one's own: the shown Python and commands work in the folder of its module."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mlcore
from mlcore.runs import Run, Status, get_run
from mlcore.runs.store.store import Store
from mlcore.sweeps import list_sweeps

MODULE = '''
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from mlcore.core import Config, Snapshot, Step


class Halving(Config):
    """Halves a number."""

    experiment: ClassVar[str] = "halving:Halving"

    k: int = Field(1, ge=-9, le=9, description="Where to begin")
    way: Literal["up", "down"] = "down"
    force: bool = False
    store: str = Field("", max_length=20)
    seed: int = Field(0, ge=0)

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        for i in range(3):
            yield Step(index=i, done=i, total=2, metrics={"loss": self.k / 2**i})

    def metric_names(self) -> tuple[str, ...]:
        return ("loss",)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an experiment; nothing but its place makes it known."""
    home = tmp_path / "my folder"
    home.mkdir()
    (home / "halving.py").write_text(MODULE)
    return home


def done(here: Path, *words: str, code: int = 0) -> str:
    """What ``mlcore`` prints, started as pip's script starts it: from a folder of its own."""
    script = here / "bin" / "mlcore"
    script.parent.mkdir(exist_ok=True)
    script.write_text("import sys\nfrom mlcore.cli import main\nsys.exit(main())\n")
    return ended(here, [str(script), *words], code)


def ended(folder: Path, words: list[str], code: int = 0) -> str:
    env = {**os.environ, "PYTHONPATH": str(Path(mlcore.__file__).parents[1])}
    process = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == code, process.stderr
    return process.stdout if code == 0 else process.stderr


def test_a_run_is_made_by_its_command_and_again_by_what_is_shown(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--k", "-2", "--way", "up", "--force", "--store", "mine"]
    done(folder, "run", "halving:Halving", *words)
    (run,) = store.list()
    assert run.status == Status.FINISHED
    assert dict(run.config_fields) == {
        "k": -2,
        "way": "up",
        "force": True,
        "store": "mine",
        "seed": 0,
    }

    shown = _shown(done(folder, "show", run.id))
    again = done(folder, *shlex.split(shown["command"])[1:])
    assert f"{run.id}  halving:Halving  finished  100%  (cached)" in again
    said = ended(
        folder,
        [
            "-c",
            shown["python"].replace("mlcore.run", "found = mlcore.run", 1)
            + "; print(found.id, found.cached)",
        ],
    )
    assert said.split() == [run.id, "True"]

    config = _config_here(run, folder, monkeypatch)
    assert config.imports() == "import mlcore\nfrom halving import Halving"
    page = f"{config.imports()}\n\nrun = {config.as_python()}\nprint(run.id)"
    assert ended(folder, ["-c", page]).strip() == run.id


def test_who_cannot_import_the_experiment_leaves_its_sweep_alone(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    done(folder, "sweep", "halving:Halving", "--k", "1,2", "--objective", "loss", "--no-wait")
    done(folder.parent, "ls")
    (sweep,) = list_sweeps(store)
    assert sweep.status == "running"


def test_a_submitted_run_is_carried_out_by_a_worker(store: Store, folder: Path) -> None:
    done(folder, "submit", "halving:Halving", "--k", "4")
    (run,) = store.list()
    code = "import sys, mlcore; mlcore.get_run(sys.argv[1]).wait()"
    ended(folder, ["-c", code, run.id])
    assert get_run(run.id).status == Status.FINISHED, get_run(run.id).error
    assert get_run(run.id).latest() == {"loss": 1.0}


def test_a_sweep_is_made_by_its_command_and_again_by_what_is_shown(
    store: Store, folder: Path
) -> None:
    done(folder, "sweep", "halving:Halving", "--k", "1,2,3", "--objective", "loss")
    (sweep,) = list_sweeps(store)
    assert f"{sweep.id}  halving:Halving  finished" in done(folder, "sweeps")
    assert "3 of 3 runs  k\n" in done(folder, "sweeps", "ls")
    assert f"{sweep.id}  halving:Halving  finished" in done(folder.parent, "sweeps")
    shown = _shown(done(folder, "sweeps", "show", sweep.id))
    assert sweep.id in done(folder, *shlex.split(shown["command"])[1:])
    code = shown["python"].replace("mlcore.sweep(", "found = mlcore.sweep(", 1)
    assert ended(folder, ["-c", f"{code}; print(found.id)"]).strip() == sweep.id
    assert len(list_sweeps(store)) == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("", "halving:Nothing", "cannot be imported (module 'halving' has no attribute 'Nothing'"),
        ("1 +", "halving:Halving", "SyntaxError"),
        ("import nowhere_to_be_found", "halving:Halving", "No module named 'nowhere_to_be_found'"),
        ("x = 1 / 0", "halving:Halving", "ZeroDivisionError: division by zero"),
        ("Halving = 3", "halving:Halving", "is not a subclass of mlcore.Config"),
    ],
)
def test_a_module_that_does_not_work_is_one_sentence(
    folder: Path, text: str, name: str, sentence: str
) -> None:
    (folder / "halving.py").write_text(text)
    said = done(folder, "run", name, code=2)
    assert sentence in said
    assert said.count("\n") == 1


def _shown(text: str) -> dict[str, str]:
    """The lines of ``mlcore show`` by their labels."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  "))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _config_here(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> mlcore.Config:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "halving", raising=False)
    config = run.config
    monkeypatch.delitem(sys.modules, "halving")
    return config
