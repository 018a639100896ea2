"""The project as a whole: its layers hold, and what README and CONTRIBUTING say is true."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlcore.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEXTS = {"README.md": README, "CONTRIBUTING.md": CONTRIBUTING}


def _blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _commands(text: str) -> list[list[str]]:
    """The words of each command of a text, comments left out."""
    lines = "\n".join(_blocks("sh", text)).splitlines()
    lexers = [shlex.shlex(line, posix=True, punctuation_chars=";") for line in lines]
    found: list[list[str]] = []
    for lexer in lexers:
        lexer.whitespace_split = True
        found.append([])
        for word in lexer:
            if word == ";":  # two commands on one line
                found.append([])
            else:
                found[-1].append(word)
    return [words for words in found if words]


def _write_own(folder: Path) -> None:
    """The README's experiments, as its reader has them in a folder."""
    (code,) = [block for block in _blocks("python") if "def train(self" in block]
    home = folder / "experiments"
    home.mkdir()
    (home / "decay.py").write_text(code, encoding="utf-8")
    example = ROOT / "mlcore" / "experiments" / "example.py"
    (home / "spiral.py").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")


def _anchors(markdown: str) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    prose = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


@pytest.mark.usefixtures("store")
def test_the_code_of_the_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """As a reader who tries it would run it: one Python, each block with names of its own."""
    blocks = _blocks("python")
    names = [f"block {number} of the README" for number in range(1, len(blocks) + 1)]
    code = [
        f"exec(compile({block!r}, {name!r}, 'exec'), {{}})"
        for block, name in zip(blocks, names, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(code)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_code_and_the_two_commands() -> None:
    assert _blocks("python")
    assert "make run" in README
    assert "make test" in README


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


@pytest.mark.usefixtures("store")
def test_the_experiment_of_the_readme_runs_from_its_folder(tmp_path: Path) -> None:
    _write_own(tmp_path)
    words = next(words for words in _commands(README) if "decay" in words)
    assert words[:2] == ["mlcore", "run"]
    start = "import sys; from mlcore.cli import main; sys.path.remove(''); sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", start, *words[1:]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout


@pytest.mark.usefixtures("store")
def test_the_commands_of_the_readme_are_understood(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is read with all its flags, and then not carried out."""
    _write_own(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    carried_out: list[str] = []
    invoke = click.Command.invoke

    def only_read(command: click.Command, ctx: click.Context) -> object:
        carried_out.append(ctx.command_path)
        return invoke(command, ctx) if isinstance(command, click.Group) else 0

    monkeypatch.setattr(click.Command, "invoke", only_read)
    commands = [words[1:] for words in _commands(README) if words[0] == "mlcore"]
    assert len(commands) > 10
    for words in commands:
        carried_out.clear()
        assert main(words) == 0, words
        assert carried_out[-1].split()[1] == words[0]


@pytest.mark.parametrize("name", TEXTS)
def test_every_make_target_of_a_text_is_there(name: str) -> None:
    named = set(re.findall(r"\bmake ([a-z]+)`", TEXTS[name]))
    named |= {words[1] for words in _commands(TEXTS[name]) if words[0] == "make"}
    assert named
    assert named <= _targets()


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    """To a file or folder that is there, and in it to a heading that is there."""
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)", TEXTS[name])
    assert links
    for link in links:
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        path = ROOT / (file or name)
        assert path.exists(), link
        assert not anchor or anchor in _anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_of_a_text_is_there(name: str) -> None:
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXTS[name], flags=re.DOTALL))
    words = [*inline, *(word for words in _commands(TEXTS[name]) for word in words)]
    paths = [word for word in words if re.match(r"(mlcore|pages|tests)/[\w/.]*$", word)]
    assert len(paths) > (10 if name == "CONTRIBUTING.md" else 0)
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_names_that_contributing_tells_to_touch_are_there() -> None:
    """Constants and methods in backticks, each in the file that the same sentence names."""
    for name, file in {
        "COURSE": "mlcore/ui/navigation.py",
        "HEAD": "mlcore/runs/store/schema.py",
        "MEASURED_METRICS": "mlcore/core/steps.py",
        "metric_names": "mlcore/core/config.py",
        "fingerprint": "mlcore/core/config.py",
        "version": "mlcore/core/config.py",
    }.items():
        assert f"`{name}`" in CONTRIBUTING
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8")), name


def test_one_test_is_run_as_contributing_says() -> None:
    """A word after ``-k`` is part of a test's name in the folder or file before it."""
    chosen = [words for words in _commands(CONTRIBUTING) if "-k" in words]
    assert chosen
    for words in chosen:
        (place,) = [ROOT / word for word in words if word.startswith("tests/")]
        files = [place] if place.is_file() else [*place.rglob("test_*.py")]
        word = words[words.index("-k") + 1]
        code = "".join(file.read_text(encoding="utf-8") for file in files)
        assert re.search(rf"def test_\w*{word}", code), words


def test_contributing_draws_the_layers_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    (drawn,) = [block for block in _blocks("text", CONTRIBUTING) if block.startswith("cli →")]
    assert [layer.strip() for layer in drawn.split("→")] == contract["layers"]


def test_contributing_names_every_package() -> None:
    packages = [path.parent for path in (ROOT / "mlcore").glob("*/__init__.py")]
    assert packages
    missing = [path.name for path in packages if f"(mlcore/{path.name})" not in CONTRIBUTING]
    assert missing == []


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """What is imported while a module is loaded: not in functions, not for its types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports(node)


def _loaded(root: Path) -> dict[str, set[str]]:
    """Of each module below a folder, those that are loaded before it is."""

    def dotted(path: Path) -> str:
        parts = path.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    trees = {
        dotted(path): ast.parse(path.read_text(encoding="utf-8"))
        for path in (root / "mlcore").rglob("*.py")
    }
    lazy = {
        (dotted(path), alias.name): f"{dotted(path)}.{node.module}"
        for path in (root / "mlcore").rglob("__init__.pyi")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }

    def named(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        for alias in node.names:
            if isinstance(node, ast.Import):
                yield alias.name
            elif node.module and not node.level:
                inside = f"{node.module}.{alias.name}"
                given = lazy.get((node.module, alias.name), node.module)
                yield inside if inside in trees else given

    return {
        name: {other for node in _imports(tree) for other in named(node) if other in trees} - {name}
        for name, tree in trees.items()
    }


def test_no_modules_need_each_other_to_be_loaded(tmp_path: Path) -> None:
    """Else it depends on which is imported first whether it works, as in a new process."""
    loaded = _loaded(ROOT)
    assert "mlcore.runs.store.store" in loaded["mlcore.runs.api"]
    graphlib.TopologicalSorter(loaded).prepare()

    circle = tmp_path / "mlcore" / "runs"
    circle.mkdir(parents=True)
    (circle / "__init__.pyi").write_text("from .store import Store as Store")
    (circle / "__init__.py").write_text("")
    (circle / "store.py").write_text("import mlcore.runs.claims")
    (circle / "claims.py").write_text("from mlcore.runs import Store")
    with pytest.raises(graphlib.CycleError, match=r"mlcore\.runs\.claims"):
        graphlib.TopologicalSorter(_loaded(tmp_path)).prepare()
