"""Nested fields, fields that may be None and paths: on the command line, in runs and sweeps."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlcore
from mlcore.cli import main
from mlcore.core import Config, ConfigError
from mlcore.experiments import config_class, current, own
from mlcore.runs import Run, run_table
from mlcore.runs.export import to_zip
from mlcore.runs.filters.parser import parse
from mlcore.runs.imports.by_content import import_path
from mlcore.runs.store.store import Store
from mlcore.sweeps import list_sweeps
from mlcore.sweeps.spec import SweepSpec
from mlcore.ui.run_names import name_of
from tests.experiments.made import HALVING, NESTED, write
from tests.sweeps.conftest import work_off


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the experiment ``descent``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    write(tmp_path, NESTED, "descent")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "experiments"]:
        del sys.modules[name]


def ran(words: str, store: Store) -> Run:
    assert main(["run", "descent", *shlex.split(words)]) == 0
    return store.list()[0]


def test_settings_beside_an_experiment_are_no_experiment_of_their_own(folder: Path) -> None:
    assert list(own()) == ["descent"]
    write(folder, "import mlcore\n\nclass Alone(mlcore.Config):\n    lr: float = 0.1\n", "alone")
    assert "Alone in alone.py has no name" in own()["alone"].problem
    write(folder, HALVING.replace("experiment:", "called:") + NESTED, "halving")
    assert "Halving in halving.py has no name" in own()["halving"].problem


def test_a_run_is_made_by_flags_and_again_by_what_is_shown(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ran(
        "--optimizer.lr 0.2 --optimizer.decay.after 2 --clip 0.5 --file '/a b' --steps 3",
        store,
    )
    assert run.config_fields["optimizer.lr"] == 0.2
    assert run.config_fields["optimizer.decay"] is True
    assert run.config_fields["file"] == "/a b"
    shown = run.config.as_command()
    assert shown == (
        "mlcore run descent --steps 3 --clip 0.5 --file '/a b' --optimizer.lr 0.2 "
        "--optimizer.decay --optimizer.decay.after 2"
    )
    assert main(shlex.split(shown)[1:]) == 0
    assert "(cached)" in capsys.readouterr().out
    names: dict[str, Any] = {}
    exec(run.config.imports(), names)  # noqa: S102
    made = eval(run.config.as_python(""), names)  # noqa: S307
    assert mlcore.run(made, progress=False).id == run.id
    assert current(run.config) == run.config
    assert ran("--preset decayed --no-optimizer.decay", store).config_fields["optimizer.lr"] == 0.5
    assert main(["run", "descent", "--optimizer.lr", "7"]) == 2
    assert (
        "optimizer.lr is 7.0, but must be a number above 0 and up to 1." in capsys.readouterr().err
    )
    assert main(["run", "descent", "--help"]) == 0
    help_text = " ".join(capsys.readouterr().out.split())
    assert "--optimizer.decay / --no-optimizer.decay Lower the rate over time" in help_text
    assert "Optimizer · Decay" in help_text


def test_runs_are_filtered_compared_named_and_exported_by_dotted_names(store: Store) -> None:
    one = ran("--optimizer.lr 0.2", store)
    other = ran("--optimizer.lr 0.3 --optimizer.decay.gamma 0.25", store)
    table = run_table(store)

    def matches(text: str) -> list[str]:
        return list(table["id"][parse(text).mask(table)])

    assert matches("optimizer.lr < 0.25") == [one.id]
    for text in ("optimizer.decay = true", "optimizer.decay.gamma = 0.25"):
        assert matches(text) == [other.id]
    differing = mlcore.runs.compare([one, other]).differing
    assert {"optimizer.lr", "optimizer.decay", "optimizer.decay.gamma"} <= set(differing.index)
    assert name_of(one) == "optimizer.lr 0.2"
    assert name_of(other) == "decayed, optimizer.lr 0.3, optimizer.decay.gamma 0.25"
    (again,) = import_path(store, _written(to_zip([other])))
    assert again.config_fields == other.config_fields
    assert again.config == other.config


def _written(content: bytes) -> Path:
    file = Path("runs.zip")
    file.write_bytes(content)
    return file


def test_a_sweep_varies_fields_of_models_and_switches_them(store: Store) -> None:
    words = "--optimizer.lr 0.1,0.5 --optimizer.decay true,false --optimizer.decay.gamma 0.25,0.5"
    assert main(["sweep", "descent", *shlex.split(words), "--no-wait"]) == 0
    sweep = list_sweeps(store, 1)[0]
    assert sweep.counts.total == 2 * (2 + 1)
    done = work_off(sweep)
    results = done.frame()
    off = results[results["config.optimizer.decay"] == False]  # noqa: E712
    assert len(off) == 2
    assert off["config.optimizer.decay.gamma"].isna().all()
    assert set(results["config.optimizer.lr"]) == {0.1, 0.5}
    assert done.best is not None
    assert done.best.config_fields["optimizer.lr"] == 0.5
    assert SweepSpec.from_json(sweep.spec.to_json()) == sweep.spec
    again = shlex.split(sweep.as_command())[1:]
    assert main([*again, "--no-wait"]) == 0
    assert list_sweeps(store, 1)[0].id == sweep.id
    assert _from_python(sweep) == sweep.id


@pytest.mark.usefixtures("store")
def test_what_a_sweep_of_a_model_keeps_is_the_rest_of_the_config() -> None:
    decayed = config_class("descent").presets["decayed"]
    config = decayed.replace(**{"optimizer.decay.gamma": 0.25})
    spec = mlcore.sweeps.spec_for(config, {"optimizer.decay": [True, False]})
    on, off = (spec.run_config(params, 0) for params in spec.space.grid(spec.config))
    assert on.to_dict()["optimizer.decay.gamma"] == 0.25
    assert off.to_dict()["optimizer.decay"] is False
    assert off.to_dict()["optimizer.lr"] == 0.5
    sweep = mlcore.sweep(config, {"optimizer.decay": [True, False]}, wait=False)
    assert main([*shlex.split(sweep.as_command())[1:], "--no-wait"]) == 0
    assert list_sweeps(limit=2) == [sweep.refresh()]
    with pytest.raises(ConfigError, match=r"only where optimizer\.decay is True, but"):
        mlcore.sweeps.spec_for(config_class("descent")(), {"optimizer.decay.gamma": [0.1, 0.2]})


@pytest.mark.usefixtures("store")
def test_a_condition_on_a_dotted_name_is_shown_as_python_that_works() -> None:
    base: Config = config_class("descent")()
    space = {
        "optimizer.kind": ["sgd", "adam"],
        **mlcore.when("optimizer.kind", "sgd", **{"optimizer.lr": [0.1, 0.2]}),
    }
    sweep = mlcore.sweep(base, space, wait=False)
    assert _from_python(sweep) == sweep.id
    paths = mlcore.sweep(base, {"file": [Path("a"), Path("b")]}, wait=False)
    assert _from_python(paths) == paths.id
    assert main(["sweep", "descent", "--clip", "none,1", "--file", "a", "--no-wait"]) == 0
    clipped = list_sweeps(limit=1)[0]
    assert [trial.params for trial in clipped.tried] == [{"clip": None}, {"clip": 1.0}]
    assert main([*shlex.split(clipped.as_command())[1:], "--no-wait"]) == 0
    assert list_sweeps(limit=1)[0].id == clipped.id


def _from_python(sweep: mlcore.Sweep) -> str:
    """The id of the sweep that the shown Python begins."""
    names: dict[str, Any] = {}
    exec(sweep.spec.config.imports(), names)  # noqa: S102
    call = sweep.as_python().removesuffix(")") + ", wait=False)"
    found: mlcore.Sweep = eval(call, names)  # noqa: S307
    return found.id
