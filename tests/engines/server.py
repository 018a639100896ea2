"""A PostgreSQL server of the tests' own: on a free loopback port, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from mlcore.runs.store.store import Store
from tests.ports import free_port
from tests.waiting import PATIENCE

_NAMES = ("initdb", "postgres")
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")
_TEMPLATE = "mlcore_template"


def find_binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``; None where PostgreSQL is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    for folder in [*reversed(debian), Path(shutil.which("initdb") or "/nowhere").parent]:
        if all((folder / name).exists() for name in _NAMES):
            return folder
    return None


class PostgresServer:
    """Started by ``start``; ``new_database`` gives the URL of an empty store in it."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="mlcore-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _unprivileged()
        self.port = free_port()

    def start(self) -> None:
        """Make the cluster if there is none yet, and wait until it answers."""
        data = self._folder / "data"
        if not data.exists():
            self._own(self._folder)
            words = ["-D", str(data), "-U", "mlcore", "--auth=trust", "--no-sync"]
            subprocess.run(
                [str(self._binaries / "initdb"), *words, "--encoding=UTF8", "--locale=C.UTF-8"],
                check=True,
                capture_output=True,
                cwd=self._folder,
                **self._account,
            )
        settings = [word for setting in _QUICK for word in ("-c", setting)]
        words = ["-D", str(data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), *words, *settings],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._account,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """End the server without waiting for its clients to leave.

        Args:
            crash: Leave everything as it is: when it is started again, it recovers from its log.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(PATIENCE)

    def remove(self) -> None:
        """End the server and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Address of a database."""
        return f"postgresql+psycopg://mlcore@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Carry out a statement that stands outside any transaction."""
        address = f"host=127.0.0.1 port={self.port} user=mlcore dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def empty_database(self) -> str:
        """URL of a database without any table."""
        name = "t" + secrets.token_hex(6)
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def new_store(self) -> str:
        """URL of a store without runs, copied from one whose tables were made by migration."""
        name = "t" + secrets.token_hex(6)
        try:
            self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        except psycopg.errors.InvalidCatalogName:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            Store(self.url(_TEMPLATE)).close()
            self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _own(self, folder: Path) -> None:
        if self._account:
            os.chown(folder, self._account["user"], self._account["group"])


def _unprivileged() -> dict[str, Any]:
    """How to start a process as somebody else than root, who may not run PostgreSQL."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {}
