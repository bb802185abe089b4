"""Reads everything that a shop has of one kind, page by page, as the versions that were put."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, tuple_

from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.families import AnyVersion, Family, Parts, family_of, fields_of
from avnu.store.market.reading import shown
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
    parts = {
        one.field: _parts(connection, one, shop, [row.id for row in rows]) for one in family.parts
    }
    return [_version(row, family, parts) for row in rows]


def _version(
    row: Row[Any], family: Family, parts: Mapping[str, Mapping[int, list[msgspec.Struct]]]
) -> AnyVersion:
    kind = _TYPES[family.kind]
    content: dict[str, Any] = {name: getattr(row, name) for name in fields_of(kind, family.table)}
    content |= {field: tuple(found[row.id]) for field, found in parts.items()}
    return kind(updated_at=row.updated_at, read_at=row.read_at, **content)


def _parts(
    connection: Connection, parts: Parts, shop: str, parents: Sequence[int]
) -> Mapping[int, list[msgspec.Struct]]:
    table, kind = parts.table, _PART_TYPES[parts.table.name]
    names = fields_of(kind, table)
    parent = table.c[parts.parent]
    query = (
        select(table).where(table.c.shop == shop, parent.in_(parents)).order_by(parent, table.c.id)
    )
    found: dict[int, list[msgspec.Struct]] = defaultdict(list)
    for row in connection.execute(query):
        found[getattr(row, parts.parent)].append(kind(**{n: getattr(row, n) for n in names}))
    return found
