"""Reads what is stored: the stamps that a put compares with, keys, and whole versions."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, select, tuple_

from avnu.store.market import tables, upsert
from avnu.store.market.changes import ResourceKind
from avnu.store.market.families import (
    EVERY,
    FULFILLMENTS,
    LEVELS,
    ORDERS,
    PRODUCTS,
    REFUNDS,
    AnyVersion,
    Family,
    Parts,
    fields_of,
    key_of,
)
from avnu.store.market.outcomes import Stamp
from avnu.store.market.upsert import live
from avnu.store.market.versions import (
    FulfilledLine,
    Fulfillment,
    Key,
    Level,
    Order,
    OrderLine,
    Part,
    Product,
    Refund,
    RefundLine,
    RefundTransaction,
    Variant,
    Version,
)

R = TypeVar("R", bound=AnyVersion)
V = TypeVar("V", bound=Version)
P = TypeVar("P", bound=Part)


def plain(connection: Connection, family: Family, kind: type[V], shop: str, id_: int) -> V | None:
    """A resource without parts; None for what is not there, or deleted."""
    table = family.table
    query = select(table).where(table.c.shop == shop, table.c.id == id_, live(family))
    row = connection.execute(query).one_or_none()
    return None if row is None else version_of(row, family, kind)


def product(connection: Connection, shop: str, id_: int) -> Product | None:
    """A product with its variants, by id."""
    row = plain(connection, PRODUCTS, Product, shop, id_)
    if row is None:
        return None
    variants = parts_of(connection, PRODUCTS.parts[0], Variant, shop, [id_])
    return _with(row, variants=variants.get(id_, ()))


def order(connection: Connection, shop: str, id_: int) -> Order | None:
    """An order with its lines, refunds and shipments, by id."""
    row = plain(connection, ORDERS, Order, shop, id_)
    if row is None:
        return None
    lines = parts_of(connection, ORDERS.parts[0], OrderLine, shop, [id_])
    return _with(
        row,
        lines=lines.get(id_, ()),
        refunds=refunds(connection, shop, id_),
        fulfillments=fulfillments(connection, shop, id_),
    )


def refunds(connection: Connection, shop: str, order_id: int) -> tuple[Refund, ...]:
    """An order's refunds, also those that came before it."""
    found = _of_order(connection, REFUNDS, Refund, shop, order_id)
    ids = [one.id for one in found]
    lines = parts_of(connection, REFUNDS.parts[0], RefundLine, shop, ids)
    transactions = parts_of(connection, REFUNDS.parts[1], RefundTransaction, shop, ids)
    return tuple(
        _with(one, lines=lines.get(one.id, ()), transactions=transactions.get(one.id, ()))
        for one in found
    )


def fulfillments(connection: Connection, shop: str, order_id: int) -> tuple[Fulfillment, ...]:
    """An order's shipments, also those that came before it."""
    found = _of_order(connection, FULFILLMENTS, Fulfillment, shop, order_id)
    ids = [one.id for one in found]
    lines = parts_of(connection, FULFILLMENTS.parts[0], FulfilledLine, shop, ids)
    return tuple(_with(one, lines=lines.get(one.id, ())) for one in found)


def levels(connection: Connection, shop: str, inventory_item_id: int) -> tuple[Level, ...]:
    """An item's stock, by location; nothing where the item or the location was deleted.

    Levels are not deleted with either: their topics say that in their own time and order.
    """
    row = tables.inventory_levels.c
    query = (
        select(tables.inventory_levels)
        .where(row.shop == shop, row.inventory_item_id == inventory_item_id)
        .where(live(LEVELS), shown())
        .order_by(row.location_id)
    )
    return tuple(version_of(one, LEVELS, Level) for one in connection.execute(query))


def shown() -> ColumnElement[bool]:
    """True for a level whose item and location were not deleted."""
    row = tables.inventory_levels.c
    dead = [
        exists().where(
            table.c.shop == row.shop, table.c.id == row[name], table.c.deleted_at.is_not(None)
        )
        for table, name in (
            (tables.inventory_items, "inventory_item_id"),
            (tables.locations, "location_id"),
        )
    ]
    return and_(*(~one for one in dead))


def counts(connection: Connection, shop: str) -> dict[ResourceKind, int]:
    """How many live resources of each kind the shop has."""
    return {
        family.kind: connection.execute(
            select(func.count())
            .select_from(family.table)
            .where(family.table.c.shop == shop, live(family))
        ).scalar_one()
        for family in EVERY
    }


def stamps(
    connection: Connection, family: Family, shop: str, keys: Sequence[Key]
) -> dict[Key, Stamp]:
    """How those of ``keys`` stand that have a row, tombstones too: one query."""
    if not keys:
        return {}
    values = {upsert.SHOP: shop, upsert.KEYS: list(keys)}
    found = connection.execute(upsert.stamps(family), values).mappings()
    return {
        key_of(family, row): Stamp(
            row["updated_at"], row["read_at"], row["digest"], row["deleted_at"]
        )
        for row in found
    }


def keys(
    connection: Connection,
    family: Family,
    shop: str,
    *,
    after: Key | None,
    most: int,
    created_since: datetime | None = None,
) -> list[Key]:
    """Live resources that come after that one, by key; those created since then, where asked."""
    names = [family.table.c[name] for name in family.keys]
    query = select(*names).where(family.table.c.shop == shop, live(family))
    if after is not None:
        query = query.where(tuple_(*names) > (after if isinstance(after, tuple) else (after,)))
    if created_since is not None:
        query = query.where(family.table.c.created_at >= created_since)
    rows = connection.execute(query.order_by(*names).limit(most)).mappings()
    return [key_of(family, row) for row in rows]


def _of_order(
    connection: Connection, family: Family, kind: type[V], shop: str, order_id: int
) -> list[V]:
    table = family.table
    query = (
        select(table).where(table.c.shop == shop, table.c.order_id == order_id).order_by(table.c.id)
    )
    return [version_of(row, family, kind) for row in connection.execute(query)]


def parts_of(
    connection: Connection, parts: Parts, kind: type[P], shop: str, parents: Sequence[int]
) -> dict[int, tuple[P, ...]]:
    """The parts of those parents that have any, each by id: one query."""
    if not parents:
        return {}
    table = parts.table
    parent = table.c[parts.parent]
    query = (
        select(table).where(table.c.shop == shop, parent.in_(parents)).order_by(parent, table.c.id)
    )
    names = fields_of(kind, table)
    return {
        number: tuple(kind(**{name: getattr(row, name) for name in names}) for row in rows)
        for number, rows in groupby(connection.execute(query), key=attrgetter(parts.parent))
    }


def version_of(row: Row[Any], family: Family, kind: type[R]) -> R:
    """What the row holds, without parts."""
    content = {name: getattr(row, name) for name in fields_of(kind, family.table)}
    return kind(updated_at=row.updated_at, read_at=row.read_at, **content)


def _with(version: V, **parts: Sequence[Any]) -> V:
    return msgspec.structs.replace(version, **parts)
