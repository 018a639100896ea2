"""Opens the database of a store, or explains in a sentence why it cannot be opened."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from mlcore.core import StoreError
from mlcore.runs.store import postgres
from mlcore.runs.store.schema import HEAD

_KNOWN_REVISIONS = tuple(f"{number:04}" for number in range(1, int(HEAD) + 1))
_NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "ceph-fuse", "cifs", "coda", "curlftpfs", "davfs", "davfs2"}
    | {"fhgfs", "gcsfuse", "gfs2", "glusterfs", "goofys", "gpfs", "juicefs", "lizardfs", "lustre"}
    | {"mfs", "moosefs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2"}
    | {"rclone", "s3fs", "smb2", "smb3", "smbfs", "sshfs", "vboxsf", "virtiofs", "vmhgfs"}
    | {"vmhgfs-fuse", "wekafs"}
)
"""As ``/proc/mounts`` names them, with or without ``fuse.`` before the name."""
_LIKE_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|[^/\\]*:[^/\\]*@")
"""A word and a colon (one letter would be a drive of Windows), or a colon and an @."""
_BUSY_TIMEOUT = 30.0


def default_url() -> str:
    """``MLCORE_STORE`` if set, else a SQLite file in the user's data folder."""
    if url := os.environ.get("MLCORE_STORE"):
        return url
    import platformdirs

    return f"sqlite:///{platformdirs.user_data_path('mlcore', appauthor=False) / 'runs.db'}"


def resolve_url(url: str | None) -> str:
    """Normalize a store's address: a bare path becomes a SQLite URL, relative paths absolute.

    Raises:
        StoreError: If the text is no URL of a database that is supported.
    """
    given = url or default_url()
    if "://" not in given and _LIKE_A_URL.match(given):
        raise StoreError(
            f"The store's address {without_password(given)} looks like a URL but lacks its //. "
            "Write sqlite:///FOLDER/runs.db or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE "
            "in MLCORE_STORE; for a file with a colon in its name, sqlite:////FOLDER/NAME."
        )
    if "://" not in given:
        given = f"sqlite:///{Path(given).expanduser().absolute()}"
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError):
        raise StoreError(
            f"The store's address {without_password(given)} is not a URL: its parts are "
            "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE with a number for the port, "
            "or sqlite:///FOLDER/runs.db. Give one of them, or a file name, in MLCORE_STORE."
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError(
                "A store in memory would vanish with this process and no worker could reach it. "
                "Give a file, such as sqlite:///runs.db, in MLCORE_STORE."
            )
        path = Path(parsed.database).expanduser().absolute()
        return str(parsed.set(database=str(path)))
    if backend not in ("postgresql", "postgres"):
        raise StoreError(
            f"The store {postgres.shown_url(parsed)} is of a kind that is not supported. "
            "Use SQLite (sqlite:///FILE) or PostgreSQL (postgresql+psycopg://…)."
        )
    return postgres.normal_url(parsed).render_as_string(hide_password=False)


def without_password(address: str) -> str:
    """An address fit to show: user and password become ``***``, wherever they stand."""
    scheme = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://)?", address)
    start = scheme.end() if scheme else 0
    rest = address[start:]
    rest = f"***@{rest.rsplit('@', 1)[1]}" if "@" in rest else rest
    return address[:start] + re.sub(r"(?i)(pass[^=&?]*=)[^&]*", r"\1***", rest)


def open_engine(url: str) -> Engine:
    """Connect, and migrate the tables to the newest version.

    Args:
        url: As ``resolve_url`` gives it.

    Raises:
        StoreError: If the file is not a database, its folder cannot be written or is on a
            network file system, the server does not answer or refuses the connection, its driver is
            missing, or the store was made by a newer version.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _check_folder(Path(str(parsed.database)))
        engine = create_engine(parsed)
        _prepare_sqlite(engine)
    else:
        engine = postgres.connect(parsed)
    try:
        _migrate(engine, parsed)
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(_why(parsed, error)) from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # the driver's own transaction guessing would start them at the wrong moment
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={int(_BUSY_TIMEOUT * 1000)}")
        _enter_wal_mode(connection)
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # a read transaction that turns into a write may fail at once; say so from the start
        options = connection.get_execution_options()
        write = options.get("write", False)
        if write:
            # in WAL mode a killed process loses nothing either way; a power cut may take the last
            # transactions, unless one is durable
            level = "FULL" if options.get("durable", False) else "NORMAL"
            connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL mode; SQLite does not wait for locks there, so this retries."""
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(engine: Engine, url: URL) -> None:
    with engine.connect() as connection:
        found = _revision(connection)
    if found == HEAD:
        return
    if found is not None and found not in _KNOWN_REVISIONS:
        raise StoreError(
            f"The store {postgres.shown_url(url)} was made by a newer mlcore (its tables are at "
            f"revision {found}, this one knows up to {HEAD}). Update mlcore, or name another "
            "store in MLCORE_STORE."
        )
    from alembic import command
    from alembic.config import Config as AlembicConfig

    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.execution_options(write=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(postgres.MIGRATION_LOCK)))
        if _revision(connection) != HEAD:  # another process may have been quicker
            settings.attributes["connection"] = connection
            command.upgrade(settings, HEAD)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check_folder(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The store's folder {folder} cannot be made ({error.strerror}). "
            "Name a file in a folder of yours in MLCORE_STORE."
        ) from error
    if path.is_dir():
        raise StoreError(f"The store {path} is a folder. Name a file in it, such as runs.db.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise StoreError(
            f"The store {path} cannot be written. Change its permissions, or name a file in a "
            "folder of yours in MLCORE_STORE."
        )
    kind = file_system(folder)
    if kind.removeprefix("fuse.") in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"The folder {folder} is on a network file system ({kind}), where SQLite's locks "
            "do not hold and runs would be lost. Name a file on a local disk in MLCORE_STORE, or "
            "a PostgreSQL database (postgresql+psycopg://…) for a team."
        )


def file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, such as ``ext4``; ``""`` if unknown.

    Of several mounts at one place, such as systemd's autofs and the NFS it stands for, the last
    one counts: it hides the others.
    """
    resolved = folder.resolve()
    mounts = [
        (Path(part.mountpoint), part.fstype)
        for part in psutil.disk_partitions(all=True)
        if resolved.is_relative_to(part.mountpoint)
    ]
    deepest = max((len(place.parts) for place, _ in mounts), default=0)
    return next((kind for place, kind in reversed(mounts) if len(place.parts) == deepest), "")


def _why(url: URL, error: DBAPIError) -> str:
    if url.get_backend_name() != "sqlite":
        return postgres.sentence(url, error)
    shown = postgres.shown_url(url)
    reason = (
        str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    )
    if isinstance(error.orig, sqlite3.DatabaseError) and "not a database" in reason:
        return (
            f"The file {url.database} is not a store: it is no SQLite database. It was left as "
            "it is; name another file in MLCORE_STORE."
        )
    return f"The store {shown} cannot be opened: {reason}. Check MLCORE_STORE."
