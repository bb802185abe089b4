"""What is past its time goes, in short transactions. Safe at any time, and to be cut short.

In Redis nothing is left to do: settled records and replay guards have a lifetime of their own, and
dead letters are swept by the tick, which counts them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Delete, Table, delete, exists, select, tuple_

from avnu.store.database import Store
from avnu.store.market.families import EVERY, ORDERS, Family
from avnu.store.shops import Status
from avnu.store.tables import habits, periodic, shops, subscription_audits, watermarks

_CHUNK = 500
# A job that has not been due for so long is in no table of jobs any more.
_FORGOTTEN = timedelta(days=30)

More = Callable[[], bool]
"""Whether there is time for another transaction."""


def purge_tombstones(store: Store, before: datetime, more: More) -> int:
    """Tombstones that were written before then, levels that are gone too; answers how many.

    No webhook may come that late, or what it tells of would be back until the next sweep of a
    reconciliation. An order that was cut off from its customer is remembered for good.
    """
    return sum(_repeat(store, _tombstones(family, before), more) for family in EVERY)


def purge_leftovers(store: Store, now: datetime, more: More) -> int:
    """What is kept of shops that have left, beside their rows, and of jobs that are no more."""
    statements = (
        _of_nobody(habits),
        _of_nobody(subscription_audits),
        _of_nobody(watermarks),
        delete(periodic).where(periodic.c.due_at < now - _FORGOTTEN),
    )
    return sum(_repeat(store, statement, more) for statement in statements)


def _of_nobody(table: Table) -> Delete:
    """Some rows of a table whose shops have left, or are not known."""
    here = exists().where(
        shops.c.domain == table.c.shop, shops.c.status != Status.UNINSTALLED.value
    )
    key = list(table.primary_key)
    return delete(table).where(tuple_(*key).in_(select(*key).where(~here).limit(_CHUNK)))


def _tombstones(family: Family, before: datetime) -> Delete | None:
    if not family.deletable:
        return None
    table = family.table
    key = [table.c[name] for name in ("shop", *family.keys)]
    old = select(*key).where(table.c.deleted_at.is_not(None), table.c.written_at < before)
    if family is ORDERS:
        old = old.where(table.c.redacted_at.is_(None))
    # Asked again of the row itself: a level may have been revived since it was chosen.
    return delete(table).where(
        table.c.deleted_at.is_not(None), table.c.written_at < before,
        tuple_(*key).in_(old.limit(_CHUNK)),
    )  # fmt: skip


def _repeat(store: Store, statement: Delete | None, more: More) -> int:
    done = 0
    while statement is not None and more():
        with store.writing() as connection:
            count = connection.execute(statement).rowcount
        done += count
        if count < _CHUNK:
            break
    return done
