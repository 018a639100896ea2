"""What a run leaves behind: weights, its checkpoint, and the arrays of its epochs."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from mlcore.core import Snapshot, SnapshotError
from mlcore.core.files import write_atomically
from mlcore.core.snapshots import check_content, pack_snapshot, read_content, unpack_snapshot
from mlcore.runs.store.schema import artifacts, files

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

WEIGHTS = "weights"
CHECKPOINT = "checkpoint"
_ARRAYS = "arrays-"


class ArtifactRow(NamedTuple):
    """One artifact as the store knows it.

    Attributes:
        name: ``weights``, ``checkpoint``, or ``arrays-`` and a step.
        step: The step it belongs to.
        file: Name of the file it is, or would be.
        sha256: Of its content.
    """

    name: str
    step: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The files of one run, each with its checksum in the store.

    Beside a SQLite file they lie in a folder. A database server keeps them itself, in the same
    transaction as their checksums: its machines need no folder that all of them see.
    """

    store: Store
    run_id: str
    run_key: int

    @property
    def folder(self) -> Path:
        """Where this run's files are, unless the store is a server."""
        return self.store.files / self.run_id

    def save(self, name: str, step: int, snapshot: Snapshot) -> None:
        """Write a snapshot under a name, instead of what was there."""
        self.put(name, step, pack_snapshot(snapshot))

    def put(self, name: str, step: int, content: bytes) -> None:
        """Write a file, then its row; only then is the file before it removed."""
        file = f"{name}-{step}.safetensors"
        if not self.store.server:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / file, content)
        row = {
            "run": self.run_key,
            "name": name,
            "step": step,
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "created": time.time(),
        }
        with self.store.writing(alone=False) as connection:
            before = self._row(connection, name)
            _upsert(connection, artifacts, row)
            if self.store.server:
                blob = {"run": self.run_key, "name": name, "content": content}
                _upsert(connection, files, blob)
        if before is not None and before.file != file and not self.store.server:
            (self.folder / before.file).unlink(missing_ok=True)

    def save_arrays(self, step: int, arrays: Snapshot) -> None:
        """Keep the arrays that belong to a step."""
        self.save(f"{_ARRAYS}{step:09d}", step, arrays)

    def load(self, name: str) -> Snapshot | None:
        """Read a snapshot back; None if the run has none of that name.

        Raises:
            SnapshotError: If the file is gone or damaged.
        """
        found = self._content(name)
        if found is None:
            return None
        row, content = found
        return unpack_snapshot(content, row.sha256, self._where(row))

    def content(self, name: str) -> bytes | None:
        """The bytes of a file, checked; None if the run has none of that name.

        Raises:
            SnapshotError: If the file is gone or damaged.
        """
        found = self._content(name)
        if found is None:
            return None
        row, content = found
        check_content(content, row.sha256, self._where(row))
        return content

    def load_arrays(self, step: int) -> Snapshot:
        """Read the arrays of a step.

        Raises:
            SnapshotError: If the step has none, or the file is damaged.
        """
        found = self.load(f"{_ARRAYS}{step:09d}")
        if found is None:
            known = ", ".join(map(str, self.array_steps())) or "none"
            raise SnapshotError(
                f"Run {self.run_id} has no arrays at step {step}; it has them at: {known}."
            )
        return found

    def array_steps(self) -> list[int]:
        """The steps that have arrays, in order."""
        return sorted(kept.step for kept in self.kept() if kept.name.startswith(_ARRAYS))

    def kept(self) -> list[ArtifactRow]:
        """Every artifact of the run, by name."""
        c = artifacts.c
        query = select(c.name, c.step, c.file, c.sha256).where(c.run == self.run_key)
        with self.store.reading() as connection:
            return [ArtifactRow(*row) for row in connection.execute(query.order_by(c.name))]

    def drop(self, name: str) -> None:
        """Forget a file and remove it."""
        with self.store.writing(alone=False) as connection:
            before = self._row(connection, name)
            for table in (artifacts, files):
                mine = (table.c.run == self.run_key) & (table.c.name == name)
                connection.execute(delete(table).where(mine))
        if before is not None and not self.store.server:
            (self.folder / before.file).unlink(missing_ok=True)

    def remove_folder(self) -> None:
        """Remove every file of the run; those that a server keeps go with the run's row."""
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
        return row, read_content(self.folder / row.file)

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
