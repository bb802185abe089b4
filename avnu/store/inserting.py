"""INSERT where the row may be there already, for both databases."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(dialect: str, table: Table) -> Any:
    """An INSERT that knows ``on_conflict_do_update``; ``dialect`` is that of the connection."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_if_new(dialect: str, table: Table) -> Any:
    """An INSERT that leaves a row as it is that is there already; two callers may do it at once."""
    return insert_into(dialect, table).on_conflict_do_nothing()
