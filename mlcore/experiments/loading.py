"""Imports modules of experiments anew when their source has changed: a new module object per hash.

The code that is executed is the one that is on the disk: bytecode caches are not used, as they
tell two edits within one second apart only by their sizes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from weakref import WeakKeyDictionary

from mlcore.core import InputError
from mlcore.core.source_code import code_hash, source_files

_TRIES = 3
_lock = threading.RLock()
_codes: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()


class ExperimentImportError(InputError):
    """The module of an experiment cannot be imported.

    Attributes:
        traceback: The whole traceback as text, from the module's own lines on; ``""`` if there is
            none.
    """

    def __init__(self, sentence: str, trace: str = "") -> None:
        super().__init__(sentence)
        self.traceback = trace

    def __reduce__(self) -> tuple[type[ExperimentImportError], tuple[str, str]]:
        return type(self), (str(self), self.traceback)


def fresh_module(name: str, file: Path, root: Path) -> tuple[ModuleType, str]:
    """A module as its source is now, and its code hash.

    The module that is loaded already is given while its source and that of the modules it imports
    are unchanged. Objects of an older module stay as they are.

    Args:
        name: Its full name, such as ``experiments.spiral``.
        file: Its source.
        root: The folder that its name starts from.

    Raises:
        ExperimentImportError: If the import fails, with the traceback.
    """
    with _lock:
        known = sys.modules.get(name)
        code = code_hash(file, root)
        if (
            known is not None
            and _file_of(known) == file.absolute()
            and _codes.setdefault(known, code) == code
        ):
            return known, code
        for _ in range(_TRIES):
            module = _load(name, file, root)
            now = code_hash(file, root)
            if now == code:
                break
            code = now  # edited during the import
        _codes[module] = code
        return module, code


def import_error(name: str, error: BaseException) -> ExperimentImportError:
    """The sentence for an error that a module raised when it was imported, with its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [place for place, frame in enumerate(frames) if not _machinery(frame.filename)]
    file, line = (frames[own[-1]].filename, frames[own[-1]].lineno) if own else ("", None)
    shown = list(frames[own[0] :]) if own else []
    if isinstance(error, SyntaxError):
        file, line, shown = error.filename or file, error.lineno, []
    head = ["Traceback (most recent call last):\n", *traceback.format_list(shown)] if shown else []
    trace = "".join([*head, *traceback.format_exception_only(error)])
    where = f" ({file}, line {line})" if file else ""
    said = " ".join(str(error.args[0] if isinstance(error, SyntaxError) else error).split())
    return ExperimentImportError(
        f"The module {name!r} cannot be imported: {type(error).__name__}: {said}{where}.", trace
    )


def _load(name: str, file: Path, root: Path) -> ModuleType:
    files = frozenset(source_files(file, root))
    before = {known: module for known, module in sys.modules.items() if _stale(module, name, files)}
    for known in before:
        del sys.modules[known]
    try:
        with _found_below(root, files):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        for known in [k for k, module in sys.modules.items() if _file_of(module) in files]:
            del sys.modules[known]
        sys.modules.update(before)
        raise import_error(name, error) from error


def _stale(module: ModuleType, name: str, files: frozenset[Path]) -> bool:
    """Whether a loaded module is one of these files, or has the name of one in another folder."""
    file = _file_of(module)
    if file in files:
        return True
    return file is not None and getattr(module, "__name__", "") == name


def _file_of(module: object) -> Path | None:
    text = getattr(module, "__file__", None)
    return Path(text).absolute() if isinstance(text, str) else None


def _machinery(file: str) -> bool:
    return file.startswith("<frozen") or file in (__file__, importlib.__file__)


@contextmanager
def _found_below(root: Path, files: frozenset[Path]) -> Iterator[None]:
    """Let imports find these files below ``root``, whatever the path is, and read their source."""
    finder = _Finder(root.absolute(), files)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder:
    """Finds the given files, and the folders above them as namespace packages."""

    def __init__(self, root: Path, files: frozenset[Path]) -> None:
        self._root, self._files = root, files
        self._folders = {folder for file in files for folder in file.parents}

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module among the files; None for any other."""
        here = self._root.joinpath(*name.split("."))
        for file, package in ((here / "__init__.py", True), (here.with_suffix(".py"), False)):
            if file in self._files:
                return importlib.util.spec_from_file_location(
                    name,
                    file,
                    loader=_Source(name, str(file)),
                    submodule_search_locations=[str(here)] if package else None,
                )
        if here in self._folders:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(here)]
            return spec
        return None


class _Source(SourceFileLoader):
    """Compiles the source as it is now."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the module's source; no cache is asked."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)
