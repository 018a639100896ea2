"""The database connections of a store: whole transactions, driver errors as sentences."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Float, literal
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from mlcore.core import StoreError
from mlcore.runs.store import postgres
from mlcore.runs.store.database import open_engine, resolve_url
from mlcore.runs.store.points import PointTable

_TRY_EVERY = 0.5


class Database:
    """An open database and its folder of files.

    Attributes:
        url: The address, in the spelling that opens the same store from any process.
        shown_url: The same without its password, for eyes.
        server: Whether it is a database server, which many machines may share.
        server_host: Where that server is; None for a file.
        files: The folder in which each run has a folder for its weights and arrays.
        point_table: Writes points; for the recorder.
        patience: Seconds for which a server that does not answer is tried again. Pages have
            none and say so at once; workers have some, as a training is worth a wait.
    """

    def __init__(self, url: str) -> None:
        self.url = resolve_url(url)
        parsed = make_url(self.url)
        self.shown_url = postgres.shown_url(parsed)
        self.server = parsed.get_backend_name() != "sqlite"
        self.server_host = parsed.host if self.server else None
        self._file = None if self.server else Path(str(parsed.database))
        self.files = _files_folder(self._file)
        self.engine = open_engine(self.url)
        self._reader = self.engine
        if self.server:
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._writer = self.engine.execution_options(write=True)
        self._durable_writer = self.engine.execution_options(write=True, durable=True)
        self.point_table = PointTable()
        self.patience = 0.0

    def present(self) -> bool:
        """Whether the database file still exists."""
        return self._file is None or self._file.exists()

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def clock(self) -> ColumnElement[float]:
        """Now, in seconds since 1970, by the clock that all processes of the store share."""
        return postgres.now() if self.server else literal(time.time(), Float)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction: it sees one state of the data throughout."""
        with self._translating(), self._begun(self._reader) as connection:
            yield connection

    @contextmanager
    def writing(
        self, *, alone: bool = True, patience: float | None = None, durable: bool = False
    ) -> Iterator[Connection]:
        """A write transaction: all of it happens, or nothing.

        Args:
            alone: No other process decides anything meanwhile, so that what is read first still
                holds when it is acted on. False for a write that stands by itself, such as a
                run's own points: on a server many processes then write at once. SQLite has one
                writer at a time anyway.
            patience: Instead of the store's own: 0 to be told at once that it does not answer.
            durable: This write, and all before it, outlast a power cut as well. On a server every
                write does.
        """
        try:
            writer = self._durable_writer if durable else self._writer
            with self._translating(), self._begun(writer, patience) as connection:
                if alone and self.server:
                    postgres.decide_alone(connection)
                yield connection
        except BaseException:
            self.point_table.forget_names()
            raise

    @contextmanager
    def _begun(self, engine: Engine, patience: float | None = None) -> Iterator[Connection]:
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        with ExitStack() as stack:
            while True:
                try:
                    connection = stack.enter_context(engine.begin())
                except OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_TRY_EVERY)
                else:
                    break
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a rule of the tables was broken: the caller knows what that means
        except DBAPIError as error:
            reason = (str(error.orig).strip() or "no reason given").splitlines()[0].rstrip(".")
            check = "that its server runs" if self.server else "the disk and the permissions"
            raise StoreError(
                f"The store {self.shown_url} did not answer: {reason}. What was written before "
                f"stays; check {check}."
            ) from error


def _files_folder(database: Path | None) -> Path:
    if named := os.environ.get("MLCORE_FILES"):
        return Path(named).expanduser().absolute()
    if database is not None:
        return database.with_name(database.stem + "-files")
    import platformdirs

    return platformdirs.user_data_path("mlcore", appauthor=False) / "files"
