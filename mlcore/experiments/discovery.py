"""Finds experiments of one's own without importing them: three places, read as text.

1. The folder ``experiments`` in the working folder: each module in it.
2. The modules that ``MLCORE_EXPERIMENTS`` names, separated by commas.
3. The entry points of installed packages in the group ``mlcore.experiments``.

An experiment is a class at the top of such a module that sets ``experiment`` to a text; a config
beside it that has neither a name nor ``train`` holds some of its fields. A module that cannot be
parsed stands for one as well, so that its error has a page.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from mlcore.core.source_code import root_of

FOLDER: Final = "experiments"
"""Folder in the working folder whose modules are experiments."""

VARIABLE: Final = "MLCORE_EXPERIMENTS"
"""Variable that names further modules, separated by commas."""

GROUP: Final = "mlcore.experiments"
"""Group of the entry points by which installed packages offer experiments."""

LONGEST_NAME: Final = 60

_before: dict[Path, tuple[tuple[str, str | None, str], ...]] = {}


@dataclass(frozen=True, slots=True)
class OwnExperiment:
    """An experiment of one's own, as its source names it.

    Attributes:
        name: What it is called in the menu, in the store and by ``mlcore run``.
        module: Full name of its module.
        class_name: Its class there; ``""`` if it is not known.
        file: Its source; None if the module cannot be found.
        problem: Why it cannot be used, or ``""``.
        summary: The first line of its docstring, or ``""``.
    """

    name: str
    module: str
    class_name: str
    file: Path | None
    problem: str = ""
    summary: str = ""

    @property
    def root(self) -> Path:
        """The folder from which its module is imported."""
        return Path.cwd() if self.file is None else root_of(self.module, self.file)

    def where(self) -> str:
        """Its source, from the working folder where it lies below it; else its module."""
        if self.file is None:
            return self.module
        here = Path.cwd()
        return str(self.file.relative_to(here) if self.file.is_relative_to(here) else self.file)


def own_experiments(taken: Collection[str]) -> dict[str, OwnExperiment]:
    """The experiments of one's own by name, in the order of the three places.

    Args:
        taken: Names that are mlcore's own. One that is taken already is listed by its module's
            name, with the reason.
    """
    found: dict[str, OwnExperiment] = {}
    for one in _all():
        name, problem = one.name, one.problem
        if name in taken or (name in found and found[name].file != one.file):
            other = "mlcore itself" if name in taken else found[name].where()
            problem = f"The name {name!r} in {one.where()} is taken by {other}. Choose another."
        elif not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            problem = (
                f"The name {name[:LONGEST_NAME]!r} in {one.where()} cannot be used: it must be "
                f"1 to {LONGEST_NAME} printable characters."
            )
        if problem != one.problem:
            name = one.module.rpartition(".")[2]
            while name in taken or name in found:
                name += "_"
        found.setdefault(name, replace(one, name=name, problem=problem))
    return found


def _all() -> Iterator[OwnExperiment]:
    folder = Path.cwd() / FOLDER
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith(("_", ".")) and file.stem.isidentifier():
            yield from _in_file(f"{FOLDER}.{file.stem}", file)
    for module in os.environ.get(VARIABLE, "").split(","):
        if module.strip():
            yield from _in_module(module.strip())
    for module, class_name in _entry_points():
        for one in _in_module(module):
            if not class_name or one.class_name in (class_name, ""):
                yield one


@lru_cache(maxsize=1)
def _entry_points() -> tuple[tuple[str, str], ...]:
    return tuple((point.module, point.attr) for point in entry_points(group=GROUP))


def _in_module(module: str) -> Iterator[OwnExperiment]:
    """The experiments of a module on the path, which is not imported; packages above it are."""
    stem = module.rpartition(".")[2]
    try:
        spec = importlib.util.find_spec(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a package above it raised it
        yield OwnExperiment(stem, module, "", None, f"{module} cannot be found: {error}.")
        return
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        yield OwnExperiment(
            stem,
            module,
            "",
            None,
            f"The module {module} cannot be found. Start in its folder, put that folder on "
            f"PYTHONPATH, or correct {VARIABLE}.",
        )
        return
    yield from _in_file(module, Path(spec.origin))


def _in_file(module: str, file: Path) -> Iterator[OwnExperiment]:
    stem = module.rpartition(".")[2]
    try:
        source = file.read_bytes()
    except OSError as error:
        yield OwnExperiment(stem, module, "", file, f"{file} cannot be read: {error.strerror}.")
        return
    known = _classes(source)
    if known is None:  # its import says what is wrong; it keeps the names it had before
        known = _before.get(file, (("", stem, ""),))
    elif known:
        _before[file] = known
    for class_name, name, summary in known:
        if name is None:
            yield OwnExperiment(
                stem,
                module,
                class_name,
                file,
                f"{class_name} in {file.name} has no name. Add the line "
                f'experiment: ClassVar[str] = "{stem}" to the class.',
            )
        else:
            yield OwnExperiment(name, module, class_name, file, summary=summary)


@lru_cache(maxsize=512)
def _classes(source: bytes) -> tuple[tuple[str, str | None, str], ...] | None:
    """The experiments of a source: class, name, summary; None if it cannot be parsed."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    found: list[tuple[str, str | None, str]] = []
    trains: dict[str, bool] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = [name for line in node.body for name in _named(line)]
            summary = (ast.get_docstring(node) or "").partition("\n")[0]
            if names:
                found.append((node.name, names[-1], summary))
            elif any(ast.unparse(base) in ("Config", "mlcore.Config") for base in node.bases):
                found.append((node.name, None, summary))
                trains[node.name] = any(getattr(line, "name", "") == "train" for line in node.body)
    others = len(found) > 1
    return tuple(one for one in found if one[1] is not None or trains[one[0]] or not others)


def _named(line: ast.stmt) -> Iterator[str]:
    """The text that a line of a class gives ``experiment``."""
    targets = line.targets if isinstance(line, ast.Assign) else []
    if isinstance(line, ast.AnnAssign):
        targets = [line.target]
    if any(isinstance(target, ast.Name) and target.id == "experiment" for target in targets):
        value = line.value  # type: ignore[attr-defined]  # one of the two
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
