"""Column types of the marketplace's tables: exact amounts, and short lists of words."""

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import Numeric, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class Exact(TypeDecorator[Decimal]):
    """An amount with all its digits: ``numeric`` on PostgreSQL, plain decimal text on SQLite.

    SQLite's own numbers are 64-bit integers and doubles: a double is not exact, and amounts of up
    to 18 digits on either side of the point do not fit a scaled integer. Text keeps any of them;
    the price is that SQLite cannot sort or add up the column, which is for PostgreSQL to do.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type in this database."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Never in scientific notation, which Decimal's own text may be in."""
        return f"{value:f}" if value is not None and dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: Any,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> Decimal | None:
        """A Decimal, with as many digits as were stored."""
        return None if value is None else Decimal(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A list of text that is only ever read as a whole: a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: tuple[str, ...] | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> str | None:
        """As JSON."""
        return None if value is None else json.dumps(value)

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> tuple[str, ...] | None:
        """A tuple again."""
        return None if value is None else tuple(json.loads(value))
