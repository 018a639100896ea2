"""Sweeps on the command line: what is asked for, what is shown, what is refused."""

from __future__ import annotations

import shlex

import pytest

import mlcore
from mlcore import MNISTConfig, RegressionConfig
from mlcore.cli import main
from mlcore.runs.store.store import Store
from mlcore.sweeps import list_sweeps
from tests.sweeps.conftest import work_off


def swept(words: str) -> mlcore.Sweep:
    """The sweep that a command begins."""
    assert main(["sweep", *shlex.split(words), "--no-wait"]) == 0
    return list_sweeps(limit=1)[0]


@pytest.mark.usefixtures("bench")
def test_the_command_of_the_issue_asks_for_what_it_says() -> None:
    sweep = swept("mnist --lr log:1e-4:1 --hidden 32,128 -n 32 --epochs 1")
    expected = mlcore.sweep(
        MNISTConfig(epochs=1),
        {"hidden": [(32,), (128,)], "lr": mlcore.log_range(1e-4, 1)},
        n=32,
        wait=False,
    )
    assert sweep.id == expected.id
    assert sweep.counts.total == 32


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    "words",
    [
        "regression --lr 1e-5,1e-4 --steps 5",
        "regression --lr log:1e-6:1e-4 --steps int:2:6/2 -n 9 --sampler random --seeds 2",
        "regression --lr lin:1e-6:1e-4:3 --prune halving@0.5 --sampler tpe -n 4 --objective w "
        "--direction maximize --sampler-seed 7",
        "mnist --hidden 32,128x64 --batch-size logint:16:64 --nesterov true,false --seeds 3,1",
        "mnist --preset 'linear baseline' --lr log:0.01:1 --weight-decay 0.0,0.1 --no-nesterov",
        "mnist --optimizer sgd,adam --momentum lin:0:0.9 --lr 0.1,0.2 "
        "--only-if lr:optimizer=adam -n 6",
        "mnist --epochs 1,2 --momentum 0.1,0.2 --only-if momentum:epochs=2 --base momentum=0.7",
        "regression --lr log:1e-6:1e-4 --sampler random --minutes 90",
        "regression --lr log:1e-6:1e-4 --sampler random --minutes 0.5 -n 7",
        "mnist --objective test_accuracy,grad_norm --direction max,min --lr 0.1,0.2",
    ],
)
def test_a_sweep_gives_itself_again_as_a_command(words: str) -> None:
    first = swept(words)
    again = swept(first.as_command().removeprefix("mlcore sweep "))
    assert (again.id, again.spec, again.settings) == (first.id, first.spec, first.settings)
    assert ("--minutes" in words) == (again.deadline is not None)


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("minutes", ["0.5", "90", "10081.5"])
def test_the_time_a_sweep_was_given_is_told_exactly(minutes: str) -> None:
    sweep = swept(f"regression --lr log:1e-6:1e-4 --sampler random --minutes {minutes}")
    assert sweep.as_command().endswith(f"--minutes {minutes} --sampler random")
    assert f"minutes={float(minutes)}," in sweep.as_python()


def test_sweeps_are_listed_shown_stopped_extended_and_resumed(
    bench: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = swept("regression --lr log:1e-6:1e-4 --steps 5 -n 4 --sampler random --name first")
    capsys.readouterr()
    assert main(["sweeps", "stop", sweep.id]) == 0
    assert f"{sweep.id}  regression  stopped" in capsys.readouterr().out
    assert main(["sweeps", "resume", sweep.id[:4]]) == 0
    assert main(["sweeps", "extend", sweep.id, "-n", "2"]) == 0
    assert "0 of 6 runs" in capsys.readouterr().out
    done = work_off(sweep)
    assert main(["sweeps", "wait", sweep.id]) == 0
    assert main(["sweeps"]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["sweeps", "show", sweep.id]) == 0
    shown = capsys.readouterr().out
    assert done.best is not None
    assert f"best  {done.best.id}  loss=" in shown
    assert done.as_command() in shown
    assert "6 of 6 runs" in shown
    assert list_sweeps(bench, 1)[0].name == "first"
    assert main(["sweeps", "rename", sweep.id, "second"]) == 0
    assert list_sweeps(bench, 1)[0].name == "second"
    assert "importance   lr 100%" in shown


def test_a_deleted_sweep_leaves_its_runs_and_comes_back_with_its_line(
    bench: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = swept("regression --lr 1e-6,1e-5 --steps 5")
    assert main(["sweeps", "rm", sweep.id]) == 2
    assert "stop it before you delete it" in capsys.readouterr().err
    done = work_off(sweep)
    assert main(["sweeps", "rm", sweep.id]) == 0
    line = capsys.readouterr().out.splitlines()[-1].strip()
    assert list_sweeps(bench) == []
    assert len(bench.list()) == 2

    again = work_off(swept(line.removeprefix("mlcore sweep ")))

    assert (again.spec, again.status, again.counts.cached) == (done.spec, "finished", 2)


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("sweep mnist", "Nothing varies"),
        ("sweep mnist --lr 0.1", "Nothing varies"),
        ("sweep mnist --lr log:0:1", "goes through zero"),
        ("sweep mnist --lr lin:0.5:0.1", "is inverted"),
        ("sweep mnist --lr 0.1,nought", "lr is 'nought'"),
        ("sweep mnist --lr 0.1,0.2 -n 0", "n is 0"),
        ("sweep mnist --lr 0.1,0.2 --seeds many", "--seeds is 'many'"),
        ("sweep mnist --lr 0.1,0.2 --objective speed", "no run of mnist logs it"),
        ("sweep mnist --lr 0.1,0.2 --only-if lr", "must be like"),
        ("sweep mnist --lr 0.1,0.2 --only-if peak:schedule=constant", "that is not swept"),
        ("sweep mnist --lr 0.1,0.2 --only-if lr:colour=red", "--only-if names colour"),
        ("sweep mnist --lr 0.1,0.2 --only-if lr:momentum=lin:0:1", "not a range"),
        ("sweep mnist --lr 0.1,0.2 --base pace=3", "must be like momentum=0.5"),
        ("sweep mnist --peak 0.1,0.2", "schedule is 'constant' throughout"),
        ("sweeps show nothing", "No sweep has the id 'nothing'"),
        ("sweeps ls -n 0", "-n is 0"),
    ],
)
def test_what_makes_no_sense_ends_with_a_sentence(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(words)) == 2
    assert sentence in capsys.readouterr().err
    assert list_sweeps() == []


@pytest.mark.usefixtures("bench")
def test_a_grid_has_nothing_to_extend(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = work_off(mlcore.sweep(RegressionConfig(steps=2), {"lr": [1e-5, 1e-4]}, wait=False))
    assert main(["sweeps", "extend", sweep.id, "-n", "2"]) == 2
    assert "all were tried" in capsys.readouterr().err
    assert main(["sweeps", "extend", sweep.id]) == 2
    assert "either a number of trials or minutes" in capsys.readouterr().err
