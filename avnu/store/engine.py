"""How the database is connected to: addresses, time limits, and SQLite's own needs.

Transactions are begun by us on both databases. SQLite's are of two kinds: ``BEGIN`` to read and
``BEGIN IMMEDIATE`` to write, because one that reads first and writes later can be refused with
"locked" however long it waits.
"""

import logging
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from avnu.errors import SettingsInvalid
from avnu.secret import Secret

WRITES = "avnu_writes"
SQLITE = "sqlite"

# The first with RETURNING.
_SQLITE_LEAST = (3, 35)
_POOL_SIZE = 8
_POOL_WAIT_S = 5
_CONNECT_S = 5
_BUSY_S = 10.0
# A statement of Avnu takes milliseconds. One that waits for longer would hold up a worker.
_POSTGRES_OPTIONS = (
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
)
_ADVICE = "write sqlite:///path/to/file.db, or postgresql://user:password@host/database"


class _WithoutRows(logging.Filter):
    """Rows hold sealed tokens and personal data; SQLAlchemy logs each one at DEBUG.

    That it hides parameters does not cover what is read back.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a row."""
        return not str(record.msg).startswith("Row ")


_WITHOUT_ROWS = _WithoutRows()


def parse_url(text: Secret) -> URL:
    """The address that DATABASE_URL holds, with the driver that Avnu uses.

    Raises SettingsInvalid, which never shows the address, as it may hold a password.
    """
    try:
        url = make_url(text.reveal())
    except (ArgumentError, ValueError):
        raise SettingsInvalid([f"DATABASE_URL cannot be read; {_ADVICE}"]) from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != SQLITE:
        raise SettingsInvalid([f"DATABASE_URL names {kind!r}, which Avnu cannot use; {_ADVICE}"])
    if url.database in (None, "", ":memory:"):
        raise SettingsInvalid([f"DATABASE_URL names no file, so nothing would be kept; {_ADVICE}"])
    return url.set(drivername=SQLITE)


def sqlite_path(url: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(url.database) if url.drivername == SQLITE and url.database else None


def make_engine(url: URL) -> Engine:
    """An engine for an address of ``parse_url``. Connects to nothing yet."""
    logging.getLogger("sqlalchemy.engine.Engine").addFilter(_WITHOUT_ROWS)
    path = sqlite_path(url)
    if path is None:
        return _postgres(url)
    return _sqlite(url, path)


def _postgres(url: URL) -> Engine:
    arguments: dict[str, Any] = {"tcp_user_timeout": 10_000}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT_S
    # Some poolers refuse the parameter; an address with options of its own replaces ours.
    if "options" not in url.query:
        arguments["options"] = _POSTGRES_OPTIONS
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=_POOL_SIZE,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _sqlite(url: URL, path: Path) -> Engine:
    if sqlite3.sqlite_version_info < _SQLITE_LEAST:
        has = sqlite3.sqlite_version
        raise SettingsInvalid(
            [f"DATABASE_URL names SQLite, and this Python has {has}; take 3.35 or PostgreSQL"]
        )
    # mode=rw: a file that is not there is an error, and not an empty database made by a look.
    address = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        # A token pair that was told to be kept must survive a power cut, also in WAL mode.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    engine = create_engine(
        url,
        creator=connect,
        pool_size=_POOL_SIZE,
        pool_timeout=_POOL_WAIT_S,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
