"""Experiments of one's own are found, imported as they are now, and told apart by their code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlcore
from mlcore.core import InputError, MlcoreError, RunStateError
from mlcore.core.source_code import code_hash
from mlcore.experiments import ExperimentImportError, code_now, config_class, current, own
from mlcore.runs import Status, get_run
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import Store
from tests.experiments.made import HALVING, write


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; the modules that are imported from it are forgotten afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    before = set(sys.modules)
    yield home
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_folder_is_read_without_importing_it(folder: Path) -> None:
    file = write(folder, HALVING + "\nraise SystemExit('imported')")
    write(folder, "x = 1", "helper")
    write(folder, HALVING, "_hidden")
    assert [(one.name, one.class_name, one.file) for one in own().values()] == [
        ("halving", "Halving", file)
    ]


def test_modules_are_named_by_the_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "trial.py").write_text(HALVING)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("MLCORE_EXPERIMENTS", " mine.trial ,nowhere")
    found = own()
    assert found["halving"].module == "mine.trial"
    assert "nowhere cannot be found" in found["nowhere"].problem
    assert config_class("halving")().imports() == "import mlcore\nfrom mine.trial import Halving"


def test_installed_packages_offer_experiments_by_an_entry_point(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "offered.py").write_text(HALVING + HALVING.replace("alving", "alved"))
    about = folder / "offered-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mlcore.experiments]\nhalved = offered:Halved\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("mlcore.experiments.discovery._entry_points", _entry_points_anew())
    assert [(one.name, one.module) for one in own().values()] == [("halved", "offered")]
    assert config_class("halved")().experiment == "halved"


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (HALVING.replace('"halving"', '"mnist"'), "halving", "is taken by mlcore itself"),
        (HALVING.replace('"halving"', '""'), "halving", "must be 1 to 60 printable characters"),
        (HALVING.replace("experiment:", "called:"), "halving", "Add the line experiment"),
        ("x = 1 / 0" + HALVING, "halving", "ZeroDivisionError: division by zero"),
        ("import nowhere" + HALVING, "halving", "No module named 'nowhere'"),
        ("1 +", "halving", "SyntaxError"),
        (
            HALVING.replace("Config", "Step").replace("Halving.presets = {", "x = 1  # {"),
            "halving",
            "not a subclass of mlcore.Config",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence_and_the_others_work(
    folder: Path, text: str, name: str, sentence: str
) -> None:
    write(folder, text)
    write(folder, HALVING.replace('"halving"', '"other"'), "other")
    with pytest.raises(MlcoreError, match=sentence):
        config_class(name)
    assert config_class("other")(k=1.0).experiment == "other"


def test_an_import_error_has_the_traceback_of_the_module_alone(folder: Path) -> None:
    write(folder, HALVING + "\ndef f():\n    return 1 / 0\n\nf()\n")
    with pytest.raises(ExperimentImportError) as caught:
        config_class("halving")
    trace = caught.value.traceback
    assert trace.splitlines()[0] == "Traceback (most recent call last):"
    assert trace.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert trace.count("halving.py") == 2
    assert "loading.py" not in trace


def test_edited_code_is_another_class_and_another_run(folder: Path, store: Store) -> None:
    file = write(folder)
    old = config_class("halving")
    assert config_class("halving") is old
    first = mlcore.run(old(), progress=False)
    assert mlcore.run(config_class("halving")(), progress=False).id == first.id

    file.write_text(HALVING.replace("2**i", "4**i"))  # of one size, and within one second
    new = config_class("halving")
    assert new is not old
    assert (old().code_hash(), new().code_hash()) == (first.code, code_now("halving"))
    assert first.refresh().code_changed()
    second = mlcore.run(new(), progress=False)
    assert (first.latest(), second.latest()) == ({"loss": 2.0}, {"loss": 0.5})
    assert not second.code_changed()

    file.write_text(HALVING)
    assert mlcore.run(config_class("halving")(), progress=False).id == first.id
    assert len(store.list()) == 2


def test_a_helper_that_is_imported_counts_and_is_read_anew(folder: Path) -> None:
    write(folder, "BASE = 2\n", "base")
    write(folder, "from experiments.base import BASE" + HALVING.replace("2**i", "BASE**i"))
    old = config_class("halving")()
    assert [step.metrics["loss"] for step in old.train()] == [8.0, 4.0, 2.0]
    write(folder, "BASE = 4\n", "base")
    new = current(old)
    assert [step.metrics["loss"] for step in new.train()] == [8.0, 2.0, 0.5]
    assert old.fingerprint() != new.fingerprint()
    write(folder, "BASE = 5\n", "unrelated")
    assert current(new) is new


def test_a_module_that_breaks_leaves_the_old_one_in_place(folder: Path) -> None:
    file = write(folder)
    old = config_class("halving")
    file.write_text(HALVING + "\n1 / 0")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        config_class("halving")
    assert sys.modules["experiments.halving"].Halving is old
    file.write_text(HALVING)
    assert config_class("halving") is old


def test_mlcores_own_experiments_have_no_code_hash() -> None:
    assert mlcore.MNISTConfig.code_hash() == mlcore.RegressionConfig.code_hash() == ""
    assert code_now("mnist") == ""


def test_a_run_is_trained_by_the_code_it_was_submitted_with_or_not_at_all(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder)
    config = config_class("halving")()
    runs = [store.submit(config.replace(seed=seed)) for seed in range(2)]
    monkeypatch.chdir(folder.parent)  # as a worker that was started elsewhere
    assert _executed(store, runs[0].id).status == Status.FINISHED
    file.write_text(HALVING.replace("2**i", "4**i"))
    del config, sys.modules["experiments.halving"]
    monkeypatch.setattr("mlcore.runs.execution.own_code.class_in_memory", lambda *_: None)
    ended = _executed(store, runs[1].id)
    assert ended.status == Status.FAILED
    assert "was edited after this run was submitted" in str(ended.error)


@pytest.mark.usefixtures("store")
def test_an_export_names_the_code_and_not_the_folder_of_this_machine(folder: Path) -> None:
    write(folder)
    run = mlcore.run(config_class("halving")(), progress=False)
    told = mlcore.runs.export.described(run)
    assert told["versions"]["code"] == run.code
    assert str(folder) in str(run.environment)
    assert str(folder) not in str(told)


def test_a_run_of_edited_code_is_not_resumed(folder: Path, store: Store) -> None:
    file = write(folder)
    run = store.submit(config_class("halving")())
    run.stop()
    file.write_text(HALVING + "\n")
    with pytest.raises(RunStateError, match="was edited since"):
        get_run(run.id).resume()


def test_a_sweep_is_of_one_code(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    file = write(folder)
    spec = mlcore.sweeps.spec_for(config_class("halving")(), {"k": [1.0, 2.0]})
    sweep = mlcore.sweeps.start(store, spec, 2)
    assert len(store.list()) == 2
    file.write_text(HALVING.replace("2**i", "4**i"))
    assert sweep.refresh().spec.code_changed()
    later = spec.as_now()
    assert not later.code_changed()
    assert later.to_json() != spec.to_json()
    assert mlcore.sweeps.start(store, later, 2).id != sweep.id
    assert len(store.list()) == 4
    assert sweep.refresh().status == "running"


def test_the_hash_follows_imports_and_not_the_place(tmp_path: Path) -> None:
    """Two copies of a tree hash alike; each file that is imported counts, in any depth."""
    hashes = []
    for home in (tmp_path / "a", tmp_path / "b"):
        (home / "pkg" / "sub").mkdir(parents=True)
        (home / "pkg" / "__init__.py").write_text("")
        (home / "pkg" / "main.py").write_text("from .sub import deep\nimport os, torch")
        (home / "pkg" / "sub" / "deep.py").write_text("from .. import other")
        (home / "pkg" / "other.py").write_text("x = 1")
        hashes.append(code_hash(home / "pkg" / "main.py", home))
    assert hashes[0] == hashes[1] != ""
    for name in ("__init__.py", "main.py", "sub/deep.py", "other.py"):
        (home / "pkg" / name).write_text(f"{(home / 'pkg' / name).read_text()}\n# edited")
        hashes.append(code_hash(home / "pkg" / "main.py", home))
    assert len(set(hashes)) == 5
    assert code_hash(tmp_path / "nowhere.py", tmp_path) == ""


def _executed(store: Store, run_id: str) -> mlcore.Run:
    claim = take(store, ProcessId.of(), run_id)
    assert claim is not None
    return execute(claim)


def _entry_points_anew() -> object:
    from mlcore.experiments import discovery

    return discovery._entry_points.__wrapped__
