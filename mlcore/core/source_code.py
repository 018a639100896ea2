"""The code hash of an experiment of one's own: SHA-256 of its source file and those it imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

MOST_FILES: Final = 500
"""Source files of one experiment that are followed."""

_INSTALLED: Final = ("site-packages", "dist-packages")
_hashes: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_classes: WeakValueDictionary[tuple[str, str], type] = WeakValueDictionary()


def code_hash_of(cls: type) -> str:
    """The code hash of a class as it was imported; ``""`` for mlcore's own and for notebooks.

    It is read when it is first asked for, or was noted when the module was loaded
    (``note_code_hash``); later edits of the file do not change what the class in memory does.
    """
    if cls not in _hashes:
        place = module_place(cls)
        note_code_hash(cls, "" if place is None else code_hash(place[1], place[2]))
    return _hashes[cls]


def note_code_hash(cls: type, code: str) -> None:
    """Note the code hash that a class was loaded with."""
    _hashes[cls] = code
    if code:
        _classes[cls.__name__, code] = cls


def class_in_memory(name: str, code: str) -> type | None:
    """The class of this name whose code hash was asked for or noted before, if it is still used."""
    return _classes.get((name, code))


def module_place(cls: type) -> tuple[str, Path, Path] | None:
    """Where a class of one's own is defined: module, source file, and the folder to import from.

    None for mlcore's own classes, and where there is no file, as in a notebook.
    """
    name = cls.__module__
    if name.partition(".")[0] == "mlcore":
        return None
    text = getattr(sys.modules.get(name), "__file__", None)
    if not text or not text.endswith(".py"):
        return None
    file = Path(text).absolute()
    if name == "__main__":
        return file.stem, file, file.parent
    return name, file, root_of(name, file)


def root_of(module: str, file: Path) -> Path:
    """The folder on the path from which a module is imported."""
    levels = module.count(".") + (file.name == "__init__.py")
    return file.absolute().parents[levels]


def code_hash(file: Path, root: Path) -> str:
    """The SHA-256 of a source file and of the files below ``root`` that it imports.

    Only import statements are followed, in any depth; the standard library, mlcore and installed
    packages do not count. An import that a string names (``importlib``) is not seen.

    Args:
        file: The module's source.
        root: The folder that its imports start from.

    Returns:
        Its first 16 hexadecimal digits; ``""`` if the file cannot be read.
    """
    whole = hashlib.sha256()
    sources = source_files(file, root)
    if file.absolute() not in sources:
        return ""
    for path in sorted(sources):
        whole.update(f"{path.relative_to(root.absolute()).as_posix()}\n".encode())
        whole.update(hashlib.sha256(sources[path]).digest())
    return whole.hexdigest()[:16]


def source_files(file: Path, root: Path) -> dict[Path, bytes]:
    """A source file and those below ``root`` that it imports, in any depth, with their contents."""
    file, root = file.absolute(), root.absolute()
    installed = any(part in _INSTALLED for part in root.parts)
    only = file.relative_to(root).parts[0].removesuffix(".py") if installed else None
    found: dict[Path, bytes] = {}
    waiting = [file]
    while waiting and len(found) < MOST_FILES:
        path = waiting.pop()
        if path in found:
            continue
        try:
            found[path] = path.read_bytes()
        except OSError:
            continue
        package = path.relative_to(root).parent.parts
        for name in _imports(found[path], package):
            first = name.partition(".")[0]
            if first == "mlcore" or first in sys.stdlib_module_names:
                continue
            if only is None or first == only:
                waiting.extend(_files_of(name, root))
    return found


def _files_of(module: str, root: Path) -> Iterator[Path]:
    """The files below ``root`` that Python reads to import a module: its packages and itself."""
    here = root
    for part in module.split("."):
        here = here / part
        for candidate in (here / "__init__.py", here.with_name(f"{part}.py")):
            if candidate.is_file():
                yield candidate


@lru_cache(maxsize=512)
def _imports(source: bytes, package: tuple[str, ...]) -> frozenset[str]:
    """The modules that a source names in import statements; none if it cannot be parsed."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            names.update(f"{start}.{alias.name}".lstrip(".") for alias in node.names)
    return frozenset(names)
