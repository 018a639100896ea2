"""Help, completion and refusals of the command line; and that it is quick to answer."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import mlcore
from mlcore.cli import main
from mlcore.experiments import EXPERIMENTS, config_class

HEAVY = ("torch", "pandas", "streamlit", "numpy", "sqlalchemy", "altair", "optuna")


@pytest.fixture
def command(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH begins with a command ``mlcore``."""
    script = tmp_path / "bin" / "mlcore"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom mlcore.cli import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(mlcore.__file__).parents[1]),
    }


def completed(env: dict[str, str], *words: str) -> list[str]:
    """What bash offers when the last of these words is completed."""
    bash = shutil.which("bash")
    assert bash is not None
    code = (
        'eval "$(mlcore completion bash)"\n'
        f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}\n"
        "_mlcore_completion mlcore\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_experiments_flags_and_values(command: dict[str, str]) -> None:
    assert completed(command, "mlcore", "sw") == ["sweep", "sweeps"]
    assert completed(command, "mlcore", "run", "") == list(EXPERIMENTS)
    flags = completed(command, "mlcore", "run", "mnist", "--")
    fields = {"--" + name.replace("_", "-") for name in mlcore.MNISTConfig.model_fields}
    assert fields <= set(flags)
    assert {"--preset", "--force", "--store", "--no-nesterov"} <= set(flags)
    assert completed(command, "mlcore", "run", "mnist", "--optimizer", "ada") == ["adam", "adamw"]
    assert completed(command, "mlcore", "sweeps", "ex") == ["examine", "extend"]
    assert completed(command, "mlcore", "completion", "") == ["bash", "zsh", "fish"]
    assert completed(command, "mlcore", "run", "nowhere:Nothing", "--") == ["--help"]


@pytest.mark.parametrize(
    ("shell", "begins"), [("zsh", "#compdef mlcore"), ("fish", "function _mlcore_completion")]
)
def test_other_shells_have_their_script(
    shell: str, begins: str, command: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out.lstrip().startswith(begins)
    env = command | {
        "_MLCORE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "mlcore run regression --st",
        "COMP_CWORD": "3" if shell == "zsh" else "--st",
    }
    done = subprocess.run(
        [sys.executable, "-m", "mlcore.cli"], env=env, capture_output=True, text=True, check=True
    )
    assert "--steps" in done.stdout
    assert "--lr" not in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "COMMAND is missing. See `mlcore --help`."),
        ("lss", "There is no command 'lss'. Did you mean ls? See `mlcore --help`."),
        ("run", "EXPERIMENT is missing. There are mnist, regression. See `mlcore run --help`."),
        ("run mnits", "There is no experiment 'mnits'. Did you mean mnist?"),
        ("submit cifar", "There is no experiment 'cifar'. There are mnist, regression."),
        ("run mnist --epoch 3", "unrecognized arguments: --epoch 3. Did you mean --epochs?"),
        ("run mnist --epoch=3", "unrecognized arguments: --epoch=3. Did you mean --epochs?"),
        ("run mnist 0.1", "unrecognized arguments: 0.1. See `mlcore run mnist --help`."),
        ("run mnist --lr", "--lr needs a value. See `mlcore run mnist --help`."),
        ("run mnist --preset none", "--preset is 'none', but must be one of course,"),
        ("run nowhere:Nothing", "The experiment 'nowhere:Nothing' cannot be imported"),
        ("show", "ID is missing. See `mlcore show --help`."),
        ("tag", "TAG is missing. See `mlcore tag --help`."),
        ("ls -n some", "-n is 'some', but must be a whole number."),
        ("ls --experiment cifar", "--experiment is 'cifar', but must be one of mnist, regression"),
        ("worker --idle long", "--idle is 'long', but must be a number."),
        ("sweeps sow x", "There is no command 'sow'. Did you mean show?"),
        ("dashboard --port 0", "--port is '0', but must be a whole number from 1 to 65535."),
        ("dashboard 8600", "unrecognized arguments: 8600. See `mlcore dashboard --help`."),
        ("completion csh", "SHELL is 'csh', but must be one of bash, zsh, fish."),
        ("--stor x ls", "unrecognized arguments: --stor x ls. Did you mean --store?"),
    ],
)
@pytest.mark.usefixtures("store")
def test_wrong_usage_is_one_sentence_that_names_the_nearest(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(words)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mlcore: {sentence}")
    assert said.count("\n") == 1


def test_every_command_has_a_help_that_describes_what_it_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlcore.cli.main import _root

    def walk(command: click.Command, words: list[str]) -> None:
        assert main([*words, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        with click.Context(command, info_name="mlcore") as ctx:
            for param in command.get_params(ctx):
                record = param.get_help_record(ctx)
                assert record is not None, (words, param.name)
                assert record[1], (words, param.name)
            if isinstance(command, click.Group):
                for name in command.list_commands(ctx):
                    assert name in said
                    found = command.get_command(ctx, name)
                    assert found is not None
                    walk(found, [*words, name])

    walk(_root, [])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_help_of_an_experiment_tells_each_field(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", name, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for spec in config_class(name).specs():
        assert "--" + spec.name.replace("_", "-") in said
        assert spec.allowed() in said


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["run", "mnist", "--help"], ["completion", "bash"], ["lss"]],
)
def test_what_needs_nothing_heavy_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from mlcore.cli import main; main(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_the_command_line_loads_no_config() -> None:
    code = "import sys, mlcore.cli; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
