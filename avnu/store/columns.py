"""Column types and expressions that mean the same on SQLite and on PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment with its time zone: ``timestamptz`` on PostgreSQL, UTC as text on SQLite.

    Takes and gives aware datetimes; a naive one is a ValueError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> datetime | None:
        """In UTC, as SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_now(FunctionElement[datetime]):  # noqa: N801 - it is read as a function
    """The database's own time: one clock for every process and host. Exact to a millisecond."""

    type = Instant()
    inherit_cache = True


@compiles(database_now, "postgresql")
def _postgres_now(element: Any, compiler: Any, **_: Any) -> str:  # noqa: ARG001 - SQLAlchemy's
    # Not now(): that is when the transaction began, and it may have waited for a lock since.
    return "clock_timestamp()"


@compiles(database_now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **_: Any) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


def instant(unix_s: float) -> datetime:
    """The moment of a Clock's ``time()``."""
    return datetime.fromtimestamp(unix_s, UTC)
