"""What a run leaves in files: weights, its checkpoint, and the arrays of its epochs."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from mlcore.core import Snapshot, SnapshotError
from mlcore.core.snapshots import load_snapshot, save_snapshot
from mlcore.runs.schema import artifacts

if TYPE_CHECKING:
    from mlcore.runs.store import Store

WEIGHTS = "weights"
CHECKPOINT = "checkpoint"
_ARRAYS = "arrays-"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The files of one run, each with its checksum in the store."""

    store: Store
    run_id: str
    run_key: int

    @property
    def folder(self) -> Path:
        """Where this run's files are."""
        return self.store.files / self.run_id

    def save(self, name: str, step: int, snapshot: Snapshot) -> None:
        """Write a file, then its row; only then is the file before it removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}-{step}.safetensors"
        sha256 = save_snapshot(snapshot, path)
        row = {
            "run": self.run_key,
            "name": name,
            "step": step,
            "file": path.name,
            "sha256": sha256,
            "size": path.stat().st_size,
            "created": time.time(),
        }
        with self.store.writing(alone=False) as connection:
            before = self._row(connection, name)
            module = postgresql if connection.dialect.name == "postgresql" else sqlite
            insert = module.insert(artifacts).values(row)
            connection.execute(
                insert.on_conflict_do_update(index_elements=["run", "name"], set_=row)
            )
        if before is not None and before[1] != path.name:
            (self.folder / before[1]).unlink(missing_ok=True)

    def save_arrays(self, step: int, arrays: Snapshot) -> None:
        """Keep the arrays that belong to a step."""
        self.save(f"{_ARRAYS}{step:09d}", step, arrays)

    def load(self, name: str) -> Snapshot | None:
        """Read a file back; None if the run has none of that name.

        Raises:
            SnapshotError: If the file is gone or damaged.
        """
        with self.store.reading() as connection:
            row = self._row(connection, name)
        return None if row is None else load_snapshot(self.folder / row[1], row[2])

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
        with self.store.reading() as connection:
            rows = connection.execute(
                select(artifacts.c.step)
                .where(artifacts.c.run == self.run_key, artifacts.c.name.startswith(_ARRAYS))
                .order_by(artifacts.c.step)
            )
            return [step for (step,) in rows]

    def drop(self, name: str) -> None:
        """Forget a file and remove it."""
        with self.store.writing(alone=False) as connection:
            before = self._row(connection, name)
            connection.execute(
                delete(artifacts).where(artifacts.c.run == self.run_key, artifacts.c.name == name)
            )
        if before is not None:
            (self.folder / before[1]).unlink(missing_ok=True)

    def remove_folder(self) -> None:
        """Remove every file of the run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _row(self, connection: Connection, name: str) -> tuple[int, str, str] | None:
        row = connection.execute(
            select(artifacts.c.step, artifacts.c.file, artifacts.c.sha256).where(
                artifacts.c.run == self.run_key, artifacts.c.name == name
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1], row[2])
