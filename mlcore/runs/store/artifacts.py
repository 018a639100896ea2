"""A run's files: weights, checkpoint, and the arrays of its epochs."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from mlcore.core import Snapshot, SnapshotError
from mlcore.core.files import write_atomically
from mlcore.core.snapshots import (
    TensorHeader,
    check_content,
    pack_snapshot,
    read_content,
    tensor_headers,
    unpack_snapshot,
)
from mlcore.runs.store.schema import artifacts, files

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

WEIGHTS = "weights"
CHECKPOINT = "checkpoint"
SYSTEM = "system"
"""The system metrics, JSON; see ``mlcore.runs.execution.system_metrics``."""

PACKAGES = "packages"
"""The packages that were installed, a line each."""
DIFF = "diff"
"""What was changed in the script's git repository and not committed."""
_ENDINGS = {SYSTEM: "json", PACKAGES: "txt", DIFF: "patch"}

SAVED = "saved/"
"""Before the name of a file of any kind that a script saved with its run."""

MEDIA = "media/"
"""Before step, kind and name of what was logged beside numbers: ``media/STEP/KIND/NAME``."""

_ARRAYS = "arrays-"


def arrays_name(step: int) -> str:
    """Name of the artifact that holds the arrays of a step."""
    return f"{_ARRAYS}{step:09d}"


class ArtifactRow(NamedTuple):
    """One artifact's row in the store.

    Attributes:
        name: ``weights``, ``checkpoint``, ``system``, ``packages``, ``diff``, ``arrays-`` and a
            step, or ``saved/`` and a file's name.
        step: The step it belongs to.
        file: Name of the file it is, or would be.
        sha256: Of its content.
    """

    name: str
    step: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Content:
    """A file of a run, to be entered in the store.

    Attributes:
        name: ``weights``, ``checkpoint``, ``system``, ``packages``, ``diff``, ``arrays-`` and a
            step, or ``saved/`` and a file's name.
        step: The step it belongs to.
        content: A snapshot, packed; or a file of any kind.
        writer: A word for the process that writes it.
    """

    name: str
    step: int
    content: bytes = field(repr=False)
    writer: str = ""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def file(self) -> str:
        """Name of the file.

        Another content or another writer has another name: no file that is named in the store is
        ever overwritten, and none is removed that another process is about to enter.
        """
        mark = "-".join(filter(None, (self.sha256[:12], self.writer)))
        if self.name.startswith((SAVED, MEDIA)):  # any text may follow
            kind = self.name.partition("/")[0]
            return f"{kind}-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}-{mark}"
        return f"{self.name}-{self.step}-{mark}.{_ENDINGS.get(self.name, 'safetensors')}"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The files of one run, each with its checksum in the store.

    Beside a SQLite file they lie in a folder: a file is written first, then entered in the store,
    and only then is the one that it replaces removed. A process that is killed in between leaves
    a file that no row names, and the row of before with its file. A database server keeps the
    files itself, in the same transaction as their rows: its machines need no folder that all of
    them see.
    """

    store: Store
    run_id: str
    run_key: int

    @property
    def folder(self) -> Path:
        """Folder of this run's files, unless the store is a server."""
        return self.store.files / self.run_id

    def save(self, name: str, step: int, snapshot: Snapshot) -> None:
        """Save a snapshot under a name, replacing an earlier one."""
        self.put(name, step, pack_snapshot(snapshot))

    def put(
        self, name: str, step: int, content: bytes, writer: str = "", *, durable: bool = True
    ) -> None:
        """Save a file's content under a name, replacing an earlier one.

        Args:
            name: The artifact's name.
            step: The step it belongs to.
            content: Of the file.
            writer: A word for the process that writes it.
            durable: Whether its entry outlives a loss of power right afterwards.
        """
        new = Content(name, step, content, writer)
        self.write(new)
        with self.store.writing(alone=False, durable=durable) as connection:
            replaced = self.enter(connection, new)
        self.remove(replaced)

    def write(self, new: Content) -> None:
        """With SQLite, write a file's content to the disk; ``enter`` comes next.

        Raises:
            OSError: If the folder cannot be written or the disk is full.
        """
        if not self.store.server:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / new.file, new.content)

    def enter(self, connection: Connection, new: Content) -> list[str]:
        """Enter a written file in the store, within a transaction.

        Returns:
            The files that it replaces: to ``remove`` once the transaction is over.
        """
        row = {
            "run": self.run_key,
            "name": new.name,
            "step": new.step,
            "file": new.file,
            "sha256": new.sha256,
            "size": len(new.content),
            "created": time.time(),
        }
        before = self._row(connection, new.name)
        _upsert(connection, artifacts, row)
        if self.store.server:
            blob = {"run": self.run_key, "name": new.name, "content": new.content}
            _upsert(connection, files, blob)
        return [] if before is None or before.file == new.file else [before.file]

    def forget(self, connection: Connection, name: str) -> list[str]:
        """Delete a file's entry, within a transaction; see ``enter`` for what it returns."""
        return self._forget(connection, artifacts.c.name == name)

    def forget_arrays(
        self, connection: Connection, after: int, up_to: int | None = None
    ) -> list[str]:
        """``forget`` the arrays of the steps after one, up to and including another, or all."""
        which = artifacts.c.name.startswith(_ARRAYS) & (artifacts.c.step > after)
        if up_to is not None:
            which &= artifacts.c.step <= up_to
        return self._forget(connection, which)

    def _forget(self, connection: Connection, which: ColumnElement[bool]) -> list[str]:
        mine = artifacts.c.run == self.run_key
        gone = delete(artifacts).where(mine, which).returning(artifacts.c.name, artifacts.c.file)
        rows = connection.execute(gone).all()
        if rows and self.store.server:
            names = [row.name for row in rows]
            of_them = (files.c.run == self.run_key) & files.c.name.in_(names)
            connection.execute(delete(files).where(of_them))
        return [row.file for row in rows]

    def remove(self, replaced: Iterable[str]) -> None:
        """Remove files that are no longer entered."""
        if not self.store.server:
            for file in replaced:
                (self.folder / file).unlink(missing_ok=True)

    def strays(self, connection: Connection) -> list[str]:
        """Files that are not entered: their process was killed before it entered them."""
        if self.store.server or not self.folder.is_dir():
            return []
        query = select(artifacts.c.file).where(artifacts.c.run == self.run_key)
        named = set(connection.execute(query).scalars())
        return [path.name for path in self.folder.iterdir() if path.name not in named]

    def load(self, name: str) -> Snapshot | None:
        """Read a snapshot back; None if the run has none of that name.

        Raises:
            SnapshotError: If the file is gone or damaged.
        """
        found = self.load_with_step(name)
        return None if found is None else found[1]

    def load_with_step(self, name: str) -> tuple[int, Snapshot] | None:
        """``load``, with the snapshot's step."""
        found = self._content(name)
        if found is None:
            return None
        row, content = found
        return row.step, unpack_snapshot(content, row.sha256, self._where(row))

    def content(self, name: str) -> bytes | None:
        """The bytes of a file, its checksum verified; None if the run has none of that name.

        Raises:
            SnapshotError: If the file is gone or damaged.
        """
        found = self._content(name)
        if found is None:
            return None
        row, content = found
        check_content(content, row.sha256, self._where(row))
        return content

    def tensors(self, name: str) -> dict[str, TensorHeader] | None:
        """Shapes and types of a snapshot's tensors; only the head of the file is read.

        Returns:
            By name; None if the run has no snapshot of that name.

        Raises:
            SnapshotError: If the file is gone, or its head is damaged.
        """
        with self.store.reading() as connection:
            row = self._row(connection, name)
            if row is None:
                return None
            if self.store.server:
                mine = (files.c.run == self.run_key) & (files.c.name == name)

                def of_server(count: int) -> bytes:
                    head = select(func.substr(files.c.content, 1, count)).where(mine)
                    return bytes(connection.execute(head).scalar_one())

                return tensor_headers(of_server, self._where(row))
        try:
            with (self.folder / row.file).open("rb") as file:

                def of_file(count: int) -> bytes:
                    file.seek(0)
                    return file.read(count)

                return tensor_headers(of_file, self._where(row))
        except FileNotFoundError:
            with self.store.reading() as connection:
                if self._row(connection, name) == row:
                    raise SnapshotError(f"The {self._where(row)} is gone.") from None
            return self.tensors(name)  # a newer one has replaced it meanwhile

    def load_arrays(self, step: int) -> Snapshot:
        """Read the arrays of a step.

        Raises:
            SnapshotError: If the step has none, or the file is damaged.
        """
        found = self.load(arrays_name(step))
        if found is None:
            known = ", ".join(map(str, self.array_steps())) or "none"
            raise SnapshotError(
                f"Run {self.run_id} has no arrays at step {step}; it has them at: {known}."
            )
        return found

    def array_steps(self) -> list[int]:
        """The steps that have arrays, in order."""
        return sorted(kept.step for kept in self.kept() if kept.name.startswith(_ARRAYS))

    def saved(self) -> dict[str, int]:
        """The files that a script saved with the run: their sizes in bytes, by name."""
        c = artifacts.c
        mine = (c.run == self.run_key) & c.name.startswith(SAVED)
        query = select(c.name, c.size).where(mine).order_by(c.name)
        with self.store.reading() as connection:
            return {row.name.removeprefix(SAVED): row.size for row in connection.execute(query)}

    def media(self) -> list[tuple[str, str, int, int]]:
        """What was logged beside numbers: name, kind, step and size in bytes, by name and step."""
        c = artifacts.c
        mine = (c.run == self.run_key) & c.name.startswith(MEDIA)
        with self.store.reading() as connection:
            rows = connection.execute(select(c.name, c.step, c.size).where(mine)).all()
        split = [(*row.name.split("/", 3)[2:], row.step, row.size) for row in rows]
        return sorted((name, kind, step, size) for kind, name, step, size in split)

    def kept(self) -> list[ArtifactRow]:
        """Every artifact of the run, by name."""
        c = artifacts.c
        query = select(c.name, c.step, c.file, c.sha256).where(c.run == self.run_key)
        with self.store.reading() as connection:
            return [ArtifactRow(*row) for row in connection.execute(query.order_by(c.name))]

    def remove_folder(self) -> None:
        """Remove every file of the run; with a server they go with the run's row."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _content(self, name: str) -> tuple[ArtifactRow, bytes] | None:
        with self.store.reading() as connection:
            row = self._row(connection, name)
            if row is None:
                return None
            if self.store.server:
                mine = (files.c.run == self.run_key) & (files.c.name == name)
                query = select(files.c.content).where(mine)
                return row, bytes(connection.execute(query).scalar_one())
        try:
            return row, read_content(self.folder / row.file)
        except SnapshotError:
            with self.store.reading() as connection:
                if self._row(connection, name) == row:
                    raise
            return self._content(name)  # a newer one has replaced it meanwhile

    def _where(self, row: ArtifactRow) -> str:
        path = f"{self.run_id}/{row.file} in {self.store.shown_url}"
        return f"file {path if self.store.server else self.folder / row.file}"

    def _row(self, connection: Connection, name: str) -> ArtifactRow | None:
        c = artifacts.c
        query = select(c.name, c.step, c.file, c.sha256)
        row = connection.execute(query.where(c.run == self.run_key, c.name == name)).one_or_none()
        return None if row is None else ArtifactRow(*row)


def _upsert(connection: Connection, table: Table, row: dict[str, object]) -> None:
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = module.insert(table).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=["run", "name"], set_=row))
