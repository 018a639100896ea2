"""The command line: its flags are the configs' fields, its errors one sentence and exit 2."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlcore.cli import main
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status
from mlcore.runs.store.store import Store


def test_a_command_gives_the_run_of_its_config(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mnist", "--train-size", "512", "--epochs", "1", "--hidden", "16", "--lr", "0.1"]
    assert main(["run", *words]) == 0
    (run,) = store.list()
    assert run.config == MNISTConfig(train_size=512, epochs=1, hidden=(16,), lr=0.1)
    assert run.status == Status.FINISHED
    assert run.config.as_command().split()[2:] == ["mnist", *_flags(words)]
    capsys.readouterr()
    assert main(["run", *words]) == 0
    assert f"{run.id}  mnist  finished  100%  (cached)" in capsys.readouterr().out
    assert main(["show", run.id[:5]]) == 0
    shown = capsys.readouterr().out
    assert run.config.as_python() in shown
    assert "test_accuracy" in shown
    assert main(["ls"]) == 0
    assert run.id in capsys.readouterr().out
    assert main(["resume", run.id]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    assert main(["delete", run.id]) == 0
    assert store.list() == []


def test_a_queued_run_is_stopped_and_taken_up_from_the_command_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    assert main(["submit", "mnist", "--preset", "linear baseline", "--seed", "3"]) == 0
    (run,) = store.list()
    assert run.config == MNISTConfig.presets["linear baseline"].replace(seed=3)
    for verb, status in (
        ("pause", Status.PAUSED),
        ("stop", Status.STOPPED),
        ("resume", Status.QUEUED),
    ):
        assert main([verb, run.id]) == 0
        assert run.refresh().status == status


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "mnist", "--lr", "-1"], "lr is -1.0, but must be a number above 0"),
        (["run", "mnist", "--lr", "nan"], "lr is nan, but must be"),
        (["run", "mnist", "--epochs", "many"], "epochs is 'many', but must be a whole number"),
        (["run", "mnist", "--hidden", ""], "hidden is (), but must be"),
        (["run", "mnist", "--model", "rnn"], "model is 'rnn', but must be one of linear, mlp, cnn"),
        (["run", "mnist", "--speed", "9"], "unrecognized arguments: --speed 9"),
        (["show", "nope"], "No run has the id 'nope'"),
        (["ls", "--status", "asleep"], "'asleep' is no status of a run"),
        (["ls", "-n", "0"], "-n is 0"),
    ],
)
def test_bad_words_are_one_sentence_and_exit_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    said = capsys.readouterr().err
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1


def test_a_store_that_cannot_be_opened_is_one_sentence(
    tmp_path: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_STORE", "")
    assert main(["--store", str(tmp_path), "ls"]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_importing_mlcore_loads_nothing_heavy() -> None:
    code = (
        "import sys, mlcore; heavy = {'torch', 'torchvision', 'pandas', 'altair', 'streamlit',"
        " 'sqlalchemy', 'numpy'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_form_of_mnist_is_drawn_before_torch_is_there() -> None:
    code = "import sys, mlcore; mlcore.MNISTConfig.specs(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def _flags(words: list[str]) -> list[str]:
    """The flags in the order of the config's fields, as ``as_command`` writes them."""
    given = dict(zip(words[1::2], words[2::2], strict=True))
    order = ["--" + name.replace("_", "-") for name in MNISTConfig.model_fields]
    return [word for flag in order if flag in given for word in (flag, given[flag])]
