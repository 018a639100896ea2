"""Files that a W&B script keeps with its run: ``save``, ``run.dir`` and artifacts."""

from __future__ import annotations

import glob
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from mlcore.compat.wandb.said import once
from mlcore.runs.logged.saved import LONGEST_FILE_NAME

if TYPE_CHECKING:
    from mlcore.runs import ActiveRun

MOST_FILES: Final = 200
"""Files of one pattern, folder or artifact that are kept."""


class Kept:
    """The files of one run; those that change are saved again when it ends.

    Args:
        run: The run.
    """

    def __init__(self, run: ActiveRun) -> None:
        self._run = run
        self._seen: dict[Path, tuple[int, int]] = {}
        self._patterns: list[tuple[str, Path | None]] = []

    def save(self, pattern: str, base: Path | None) -> list[str]:
        """Save the files of a pattern now, and again at the end if they changed."""
        if (pattern, base) not in self._patterns:
            self._patterns.append((pattern, base))
        return self._save(pattern, base)

    def keep(self, path: Path, name: str) -> None:
        """Save a file under a name, unless it has not changed."""
        state = path.stat()
        mark = (state.st_mtime_ns, state.st_size)
        if self._seen.get(path) != mark:
            self._seen[path] = mark
            self._run.save_file(path, file_name(name))

    def end(self, folder: Path | None) -> None:
        """Save what changed, and what lies in the run's folder."""
        for pattern, base in self._patterns:
            if not self._save(pattern, base):
                once(f"save {pattern}", f"wandb.save({pattern!r}) found no file.")
        if folder is not None:
            for path, name in files_below(folder):
                self.keep(path, name)

    def _save(self, pattern: str, base: Path | None) -> list[str]:
        found = sorted(Path(one) for one in glob.glob(pattern, recursive=True))  # noqa: PTH207
        saved = []
        for path in found[:MOST_FILES]:
            if path.is_file():
                within = base is not None and path.is_relative_to(base)
                self.keep(path, str(path.relative_to(base)) if within and base else path.name)
                saved.append(str(path))
        return saved


class Artifact:
    """Files under one name; ``log_artifact`` keeps them with the run.

    Versions, aliases and lineage are not kept: a file of the same name is replaced.

    Args:
        name: Of the artifact, put before the names of its files.
        type: Ignored, as ``incremental`` and ``use_as`` are.
        description: Free text.
        metadata: By name.
    """

    def __init__(
        self,
        name: str,
        type: str = "",  # noqa: A002 - W&B's name
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        del incremental, use_as
        self.name, self.type, self.description = name, type, description
        self.metadata = dict(metadata or {})
        self.files: dict[str, Path] = {}
        self._folder: str | None = None

    def add_file(self, local_path: str | Path, name: str | None = None, **_ignored: Any) -> None:
        """Add a file."""
        path = Path(local_path)
        self.files[name or path.name] = path

    def add_dir(self, local_path: str | Path, name: str | None = None, **_ignored: Any) -> None:
        """Add the files below a folder."""
        for path, within in files_below(Path(local_path)):
            self.files[f"{name}/{within}" if name else within] = path

    @contextmanager
    def new_file(
        self, name: str, mode: str = "w", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Write a file of the artifact."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="artifact-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = Path(self._folder, file_name(name))
        with path.open(mode, encoding=encoding or (None if "b" in mode else "utf-8")) as file:
            yield file
        self.files[name] = path

    def add(self, obj: Any, name: str) -> None:
        """Nothing: only files are kept of an artifact."""
        once("artifact.add", f"artifact.add keeps no {type(obj).__name__}; log {name!r} by itself.")

    def add_reference(self, uri: Any, name: str | None = None, **_ignored: Any) -> None:
        """Nothing: what lies elsewhere is not kept."""
        once("artifact.add_reference", f"artifact.add_reference keeps nothing of {name or uri}.")

    def wait(self, timeout: float | None = None) -> Self:
        """The artifact; it is kept at once."""
        del timeout
        return self

    def save_to(self, kept: Kept) -> None:
        """Keep its files with a run."""
        once(
            "artifact",
            "Artifacts are kept as files of the run, without versions, aliases and lineage.",
        )
        for name, path in list(self.files.items())[:MOST_FILES]:
            if path.is_file():
                kept.keep(path, f"{self.name}/{name}")
            else:
                once(
                    f"artifact {path}", f"The artifact {self.name} names {path}, which is no file."
                )


def files_below(folder: Path) -> list[tuple[Path, str]]:
    """The files below a folder, with their paths in it; ``MOST_FILES`` of them at most."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) > MOST_FILES:
        once(f"files {folder}", f"{folder} holds {len(found):,} files; {MOST_FILES} are kept.")
    return [(path, path.relative_to(folder).as_posix()) for path in found[:MOST_FILES]]


def file_name(path: str) -> str:
    """A path as the name of a run's file, which has no slash; its end stays if it is too long."""
    name = "__".join(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))
    return name[-LONGEST_FILE_NAME:] or "file"
