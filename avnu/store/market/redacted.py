"""Customers who must not come back: the check that every write of an order makes.

A writer may hold an old body. So it looks here in its own transaction, and nothing may slip in
between its look and its commit: on PostgreSQL a writer holds the shop's lock shared until it
commits, and whoever shuts a customer out holds it alone. Then either the writer's commit comes
first, and its order is found and cut off; or the writer looks later, and finds the customer shut
out. SQLite has one writer at a time anyway.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from sqlalchemy import exists, func, literal, select, update

from avnu.store.inserting import insert_if_new
from avnu.store.market.batches import Transaction
from avnu.store.tables import redacted_customers

# PostgreSQL's advisory locks are named by two numbers of 32 bits; this one says whose they are.
_LOCKS = 0x41766E75
_HALF, _WHOLE = 2**31, 2**32


def shut_out(to: Transaction, subjects: Iterable[str]) -> None:
    """From now on no write brings these back. To be committed before their orders are looked for.

    In a transaction of its own: it waits for the writers of the shop that are under way.
    """
    rows = [
        {"shop": to.shop, "subject": one, "redacted_at": to.now, "late": 0}
        for one in sorted(set(subjects))
    ]
    if rows:
        _lock(to, func.pg_advisory_xact_lock)
        to.connection.execute(insert_if_new(to.dialect, redacted_customers), rows)


def shut_out_among(to: Transaction, subjects: Iterable[str]) -> set[str]:
    """Those of ``subjects`` that were shut out; and nobody else of the shop is until the commit."""
    wanted = sorted(set(subjects))
    if not wanted:
        return set()
    # Before the look, and in a statement of its own: each sees what was committed when it began.
    _lock(to, func.pg_advisory_xact_lock_shared)
    row = redacted_customers.c
    query = select(row.subject).where(row.shop == to.shop, row.subject.in_(wanted))
    return set(to.connection.execute(query).scalars())


def note_late(to: Transaction, late: Mapping[str, int]) -> None:
    """So many orders of each came afterwards, and were cut off."""
    row = redacted_customers.c
    for subject, number in sorted(late.items()):
        to.connection.execute(
            update(redacted_customers)
            .where(row.shop == to.shop, row.subject == subject)
            .values(late=row.late + number, late_at=to.now)
        )


def require_nobody(to: Transaction) -> None:
    """For who cannot tell subjects. Raises ValueError where the shop has shut anybody out."""
    theirs = exists(literal(1)).where(redacted_customers.c.shop == to.shop)
    if to.connection.execute(select(theirs)).scalar_one():
        raise ValueError("orders of a shop with redacted customers are written with subjects only")


def _lock(to: Transaction, how: Any) -> None:
    if to.dialect == "postgresql":
        number = crc32(to.shop.encode())
        signed = number if number < _HALF else number - _WHOLE
        to.connection.execute(select(how(_LOCKS, signed)))
