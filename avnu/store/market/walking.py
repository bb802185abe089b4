"""Reads everything that a shop has of one kind, page by page, as the versions that were put."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection, select, tuple_

from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.families import AnyVersion, Family, family_of
from avnu.store.market.reading import parts_of, shown, version_of
from avnu.store.market.upsert import live
from avnu.store.market.versions import (
    FulfilledLine,
    Fulfillment,
    Item,
    Level,
    Location,
    Order,
    OrderLine,
    Part,
    Product,
    Refund,
    RefundLine,
    RefundTransaction,
    Variant,
)

_PAGE = 500

_TYPES: Mapping[ResourceKind, type[AnyVersion]] = MappingProxyType(
    {
        ResourceKind.PRODUCT: Product,
        ResourceKind.ITEM: Item,
        ResourceKind.LEVEL: Level,
        ResourceKind.LOCATION: Location,
        ResourceKind.ORDER: Order,
        ResourceKind.REFUND: Refund,
        ResourceKind.FULFILLMENT: Fulfillment,
    }
)
_PART_TYPES: Mapping[str, type[Part]] = MappingProxyType(
    {
        "variants": Variant,
        "order_lines": OrderLine,
        "refund_lines": RefundLine,
        "refund_transactions": RefundTransaction,
        "fulfillment_lines": FulfilledLine,
    }
)


def walk(store: Store, shop: str, kind: ResourceKind) -> Iterator[Any]:
    """The live resources of one kind with their parts, by key. Raises StoreUnavailable.

    Levels of an item or a location that was deleted are not among them.

    An order comes without its refunds and shipments: those are kinds of their own. Each page is a
    look of its own, so what is written meanwhile may be seen or not.
    """
    family = family_of(kind)
    keys = [family.table.c[name] for name in family.keys]
    query = (
        select(family.table)
        .where(family.table.c.shop == shop, live(family))
        .order_by(*keys)
        .limit(_PAGE)
    )
    if kind is ResourceKind.LEVEL:
        query = query.where(shown())
    page = query
    while True:
        with store.reading() as connection:
            versions = _page(connection, family, page, shop)
        yield from versions
        if len(versions) < _PAGE:
            return
        last = versions[-1].key
        page = query.where(tuple_(*keys) > (last if isinstance(last, tuple) else (last,)))


def _page(connection: Connection, family: Family, query: Any, shop: str) -> list[Any]:
    rows = connection.execute(query).all()
    whole = [version_of(row, family, _TYPES[family.kind]) for row in rows]
    for one in family.parts:
        kind = _PART_TYPES[one.table.name]
        found = parts_of(connection, one, kind, shop, [row.id for row in rows])
        whole = [
            msgspec.structs.replace(version, **{one.field: found.get(row.id, ())})
            for row, version in zip(rows, whole, strict=True)
        ]
    return whole
