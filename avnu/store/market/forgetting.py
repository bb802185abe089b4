"""What a merchant or a customer asks to be forgotten: shop/redact and customers/redact."""

from collections.abc import Iterable

from sqlalchemy import Connection, Table, delete, select, tuple_

from avnu.store.database import Store
from avnu.store.market import tables
from avnu.store.market.batches import Transaction
from avnu.store.market.changes import Change, ResourceKind, What
from avnu.store.market.families import ORDERS
from avnu.store.market.order_writing import cut_off, lock_orders
from avnu.store.market.upsert import live

_CHUNK = 2_000


def forget_shop(store: Store, shop: str) -> int:
    """Deletes every row of the shop, tombstones too, in short transactions; answers how many.

    Cut short, it is called again. It does not keep out what is written beside it or later, and
    PostgreSQL may end it, or who writes beside it, with StoreUnavailable.
    """
    return sum(_empty(store, table, shop) for table in tables.EVERY)


def _empty(store: Store, table: Table, shop: str) -> int:
    key = [column for column in table.primary_key if column.name != "shop"]
    first = select(*key).where(table.c.shop == shop).order_by(*key).limit(_CHUNK)
    statement = delete(table).where(table.c.shop == shop, tuple_(*key).in_(first))
    deleted = 0
    while True:
        with store.writing() as connection:
            count = connection.execute(statement).rowcount
        deleted += count
        if count < _CHUNK:
            return deleted


def orders_of(connection: Connection, shop: str, customer_id: int | None) -> list[int]:
    """Ids of the customer's orders, as far as they are known."""
    row = tables.orders.c
    if customer_id is None:
        return []
    query = select(row.id).where(row.shop == shop, row.customer_id == customer_id)
    return list(connection.execute(query).scalars())


def redact_orders(to: Transaction, ids: Iterable[int]) -> list[Change]:
    """Cuts orders off from their customer, for good: later versions bring back nothing.

    An order that has not come yet is marked all the same.
    """
    rows = lock_orders(to, ids)
    fresh = [number for number, row in rows.items() if not row.redacted]
    if not fresh:
        return []
    cut_off(to, fresh)
    row = tables.orders.c
    known = to.connection.execute(
        select(row.id, row.updated_at)
        .where(row.shop == to.shop, row.id.in_(fresh), live(ORDERS))
        .order_by(row.id)
    )
    return [
        Change(to.shop, ResourceKind.ORDER, one.id, What.UPDATED, one.updated_at) for one in known
    ]
