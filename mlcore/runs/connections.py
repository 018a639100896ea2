"""The connections behind a store: whole transactions, and the driver's errors as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from mlcore.core import StoreError
from mlcore.runs.database import open_engine, resolve_url
from mlcore.runs.points import PointTable


class Database:
    """An opened database, and the folder of files that belongs to it.

    Attributes:
        url: The address, in the spelling that opens the same store from any process.
        files: The folder in which each run has a folder for its weights and arrays.
        point_table: Writes points; for the recorder.
    """

    def __init__(self, url: str) -> None:
        self.url = resolve_url(url)
        parsed = make_url(self.url)
        self._file = Path(str(parsed.database)) if parsed.drivername.startswith("sqlite") else None
        self.files = _files_folder(self._file)
        self.engine = open_engine(self.url)
        self._writer = self.engine.execution_options(write=True)
        self.point_table = PointTable()

    def present(self) -> bool:
        """Whether the database file is still there; a person may have removed it."""
        return self._file is None or self._file.exists()

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a read transaction: what it sees does not change under it."""
        with self._translating(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction: all of it happens, or nothing."""
        try:
            with self._translating(), self._writer.begin() as connection:
                yield connection
        except BaseException:
            self.point_table.forget_names()
            raise

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a rule of the tables was broken: the caller knows what that means
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise StoreError(
                f"The store {make_url(self.url).render_as_string()} did not answer: {reason}. "
                "What was written before is kept; check the disk and the permissions."
            ) from error


def _files_folder(database: Path | None) -> Path:
    if named := os.environ.get("MLCORE_FILES"):
        return Path(named).expanduser().absolute()
    if database is not None:
        return database.with_name(database.stem + "-files")
    import platformdirs

    return platformdirs.user_data_path("mlcore", appauthor=False) / "files"
