"""The database as the rest of Avnu sees it: short transactions, and two errors of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from avnu.errors import AvnuError, StoreOutdated, StoreUnavailable
from avnu.secret import Secret
from avnu.store.engine import WRITES, make_engine, parse_url, sqlite_path

UPGRADE = "run: avnu db upgrade"
# "undefined_table" and "undefined_column" of PostgreSQL.
_MISSING_STATES = ("42P01", "42703")
_MISSING_WORDS = ("no such table", "no such column", "has no column", "unable to open database")


class Store:
    """Transactions on the database that a DATABASE_URL names. Connects when first used.

    Safe for threads, and across a fork: a child leaves its parent's connections alone. Every
    transaction must be short, and none may be open during a network call. Raises SettingsInvalid
    for an address that cannot be used.
    """

    def __init__(self, address: Secret) -> None:
        self.url = parse_url(address)
        self._engine = make_engine(self.url)
        self._pid = os.getpid()

    @property
    def place(self) -> str:
        """Where the database is, for people; without the password."""
        return str(sqlite_path(self.url) or self.url.render_as_string(hide_password=True))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look. Raises StoreUnavailable and StoreOutdated."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back by whatever is raised.

        Raises StoreUnavailable and StoreOutdated; then nothing was written, unless the connection
        broke during the commit itself.
        """
        with self._transaction(writes=True) as connection:
            yield connection

    def close(self) -> None:
        """Closes the connections; the store may be used again."""
        self._own_engine().dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._own_engine().connect() as plain:
                connection = plain.execution_options(**{WRITES: writes})
                with connection.begin():
                    yield connection
        except (DBAPIError, PoolTimeout) as fault:
            ours = self._as_ours(fault)
            if ours is None:
                raise
            raise ours from fault

    def _own_engine(self) -> Engine:
        if self._pid != os.getpid():
            # Not closed: the parent goes on using the sockets behind them.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine

    def _as_ours(self, fault: DBAPIError | PoolTimeout) -> AvnuError | None:
        """The error to raise instead; None for what is a mistake in a statement."""
        if isinstance(fault, PoolTimeout):
            return StoreUnavailable(f"{self.place}: all connections are in use")
        first = str(fault.orig).partition("\n")[0]
        if _is_missing(fault):
            return StoreOutdated(f"{self.place} is not ready for this Avnu ({first}); {UPGRADE}")
        if isinstance(fault, OperationalError | InterfaceError | InternalError):
            return StoreUnavailable(f"{self.place} does not answer: {first}")
        return None


def _is_missing(fault: DBAPIError) -> bool:
    if isinstance(fault, ProgrammingError):
        return getattr(fault.orig, "sqlstate", None) in _MISSING_STATES
    words = str(fault.orig)
    return isinstance(fault, OperationalError) and any(word in words for word in _MISSING_WORDS)
