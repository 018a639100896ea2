"""The structure of the package: import levels, helpers of tests, and names defined once."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parent.parent

MOST_LEVELS: Final = 6

"""Imports one above the other within ``mlcore.runs``, at most."""

NAMED_TWICE: Final[Mapping[str, frozenset[str]]] = {
    "autograd": frozenset({"Formula"}),
    "charts": frozenset({"Axis", "Floats", "Layers", "Spec", "TIPS_A_CURVE"})
    | {"description", "legend"},
    "compat": frozenset({"MLCoreCallback"}),
    "mnist": frozenset({"CHUNK", "Doubles", "Precision", "SIDE", "Shape"})
    | {"FORMATS", "MOST_PIXELS"},
    "runs": frozenset({"FORMAT", "Floats", "Kind", "LONGEST", "LONGEST_TAG", "LONGEST_TEXT"})
    | {"MOST_BYTES", "beat", "execute", "main", "sentence"},
}

"""Names that several modules of a package define by design: type aliases, limits and formats that
each module has for itself, verbs that are called with their module (``roster.beat``), and the
callback that each library's module offers."""


def test_no_module_of_runs_stands_high_above_the_lowest() -> None:
    """Imports that serve types alone do not count, nor do façades (``__init__``)."""
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for file in (ROOT / "mlcore" / "runs").rglob("*.py")
        if file.stem != "__init__" and "migrations" not in file.parts
    }
    imports = {name: _imported(file) & files.keys() for name, file in files.items()}
    assert sum(map(len, imports.values())) > len(files), "the imports were not found"

    @cache
    def chain(name: str) -> tuple[str, ...]:
        below = max((chain(one) for one in sorted(imports[name])), key=len, default=())
        return (name, *below)

    longest = max(map(chain, files), key=len)
    assert len(longest) - 1 <= MOST_LEVELS, " imports ".join(longest)


def test_no_test_borrows_from_another_test_module() -> None:
    """What several tests need stands in ``conftest.py`` or in a module of helpers."""
    borrowed = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in (ROOT / "tests").rglob("*.py")
        for name in _imported(file, anywhere=True)
        if name.startswith("tests.") and re.search(r"\.test_\w+$", name)
    ]
    assert borrowed == []


def test_a_public_name_of_a_package_is_defined_once() -> None:
    """Pages, tasks and commands are left out: each has its own ``show``, ``TASKS`` or ``ls``."""
    defined: defaultdict[str, defaultdict[str, set[Path]]] = defaultdict(lambda: defaultdict(set))
    for file in (ROOT / "mlcore").rglob("*.py"):
        package, *rest = file.relative_to(ROOT / "mlcore").parts
        if rest and package not in ("ui", "cli", "course") and "migrations" not in rest:
            for name in _defined(file):
                defined[package][name].add(file)
    twice = {
        package: {name for name, files in names.items() if len(files) > 1}
        for package, names in defined.items()
    }
    assert {package: names for package, names in twice.items() if names} == NAMED_TWICE


def _defined(file: Path) -> Iterator[str]:
    """Public names that a module defines itself."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names: list[str] = []
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.AnnAssign):
            names = [node.target.id] if isinstance(node.target, ast.Name) else []
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def _imported(file: Path, *, anywhere: bool = False) -> set[str]:
    """Modules that a file imports when it is imported itself, or anywhere in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree) if anywhere else _at_import(tree.body):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, those for type checkers left out."""
    for node in body:
        if isinstance(node, ast.If):
            if ast.unparse(node.test) != "TYPE_CHECKING":
                yield from _at_import(node.body)
            yield from _at_import(node.orelse)
        elif isinstance(node, (ast.Try, ast.With)):
            yield from _at_import(node.body)
        else:
            yield node
