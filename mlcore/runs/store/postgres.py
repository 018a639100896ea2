"""The PostgreSQL back end: driver, lock, clock, and errors as sentences."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    cast,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from mlcore.core import StoreError

DRIVER: Final = "postgresql+psycopg"
MIGRATION_LOCK: Final = 7205759
DECISION_LOCK: Final = 7205760

_CONNECT_TIMEOUT_S: Final = 5
_KEPT_OPEN: Final = 2  # a worker's own connection and its heartbeat's
_AT_ONCE: Final = 10

_NOTICE_SILENCE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server whose machine vanished is noticed within half a minute, not after hours."""

_DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)

_ADVICE: Final = (
    (
        ("refused", "timeout", "timed out", "resolve", "no route", "unreachable", "starting up"),
        "Check that PostgreSQL runs there and listens on that address, and the host and port in "
        "MLCORE_STORE.",
    ),
    (
        ("too many", "remaining connection slots"),
        "Raise max_connections in its postgresql.conf, or run fewer workers at once.",
    ),
    (
        ("permission denied",),
        "Let that user make tables (GRANT CREATE ON SCHEMA public TO …), or name another.",
    ),
    (('database "',), "Make it with createdb, or name another in MLCORE_STORE."),
    (
        ("password", "role", "authentication", "pg_hba", "no password"),
        "Check the user and the password in MLCORE_STORE.",
    ),
)


def shown_url(url: URL) -> str:
    """An address for eyes: a password in it, also among the options after ``?``, is ``***``."""
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", url.render_as_string())


def normal_url(url: URL) -> URL:
    """Normalize a database's address, whichever way its driver was named.

    Raises:
        StoreError: If another driver than psycopg 3 is asked for.
    """
    if url.drivername not in ("postgres", "postgresql", DRIVER):
        raise StoreError(
            f"The store {shown_url(url)} asks for the driver {url.drivername}, but only "
            f"{DRIVER} is used here. Write {DRIVER}://… in MLCORE_STORE."
        )
    if not url.database:
        raise StoreError(
            f"The store {shown_url(url)} names no database. Add its name at the end: "
            f"{DRIVER}://USER:PASSWORD@HOST/DATABASE."
        )
    return url.set(drivername=DRIVER)


def connect(url: URL) -> Engine:
    """Make an engine for the database; no connection is opened yet.

    Raises:
        StoreError: If the driver is not installed.
    """
    arguments: dict[str, Any] = {
        "application_name": "mlcore",
        "connect_timeout": _CONNECT_TIMEOUT_S,
        **_NOTICE_SILENCE,
    }
    try:
        engine = create_engine(
            url,
            connect_args={k: v for k, v in arguments.items() if k not in url.query},
            pool_size=_KEPT_OPEN,
            max_overflow=_AT_ONCE,
            pool_pre_ping=True,  # the server may have been restarted since
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(
            f"The store {shown_url(url)} needs a driver that is missing ({error}). "
            "Install it with: pip install 'mlcore[postgres]'"
        ) from error

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # a run goes on when the server crashes: what was written once is not sent again, so it
        # must not be lost with the server's last half second
        connection.autocommit = True
        connection.execute(_DURABLE)
        connection.autocommit = False

    return engine


def decide_alone(connection: Connection) -> None:
    """Lock out every other claim decision until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(DECISION_LOCK)))


def now() -> ColumnElement[float]:
    """Seconds since 1970 by the server's clock, which all machines share."""
    return cast(func.extract("epoch", func.clock_timestamp()), Float)


def sentence(url: URL, error: DBAPIError) -> str:
    """Why the database does not open, and what to do."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    reason = (lines or ["no reason given"])[0].rstrip(".")
    known = reason.lower()
    advice = next(
        (advice for signs, advice in _ADVICE if any(sign in known for sign in signs)),
        "Check MLCORE_STORE.",
    )
    return f"The store {shown_url(url)} cannot be opened: {reason}. {advice}"
