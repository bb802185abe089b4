"""Which tables a resource and its parts go to, and which of a struct's fields are columns."""

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

import msgspec
from sqlalchemy import RowMapping, Table

from avnu.store.market import tables
from avnu.store.market.changes import ResourceKind
from avnu.store.market.outcomes import Stamped
from avnu.store.market.versions import Key, Level, LevelKey, Part, Version

AnyVersion = Version | Level

# Filled by whoever writes the row, not from the field of that name.
_STANDING = frozenset({"updated_at", "read_at", "digest", "deleted_at"})


@dataclasses.dataclass(frozen=True)
class Parts:
    """The struct's field that holds parts, their table, and its column that names the parent."""

    field: str
    table: Table
    parent: str


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of resource. ``final``: after a delete no version of it is taken any more."""

    kind: ResourceKind
    table: Table
    keys: tuple[str, ...] = ("id",)
    parts: tuple[Parts, ...] = ()
    final: bool = True

    @property
    def deletable(self) -> bool:
        """False for what only goes together with its order."""
        return "deleted_at" in self.table.c


PRODUCTS = Family(
    ResourceKind.PRODUCT, tables.products, parts=(Parts("variants", tables.variants, "product_id"),)
)
ITEMS = Family(ResourceKind.ITEM, tables.inventory_items)
LEVELS = Family(
    ResourceKind.LEVEL,
    tables.inventory_levels,
    keys=("inventory_item_id", "location_id"),
    final=False,
)
LOCATIONS = Family(ResourceKind.LOCATION, tables.locations)
ORDERS = Family(
    ResourceKind.ORDER, tables.orders, parts=(Parts("lines", tables.order_lines, "order_id"),)
)
REFUNDS = Family(
    ResourceKind.REFUND,
    tables.refunds,
    parts=(
        Parts("lines", tables.refund_lines, "refund_id"),
        Parts("transactions", tables.refund_transactions, "refund_id"),
    ),
)
FULFILLMENTS = Family(
    ResourceKind.FULFILLMENT,
    tables.fulfillments,
    parts=(Parts("lines", tables.fulfillment_lines, "fulfillment_id"),),
)
EVERY = (PRODUCTS, ITEMS, LEVELS, LOCATIONS, ORDERS, REFUNDS, FULFILLMENTS)


def family_of(kind: ResourceKind) -> Family:
    """The family of a kind of resource. Raises KeyError for a shop, which is none."""
    return _BY_KIND[kind]


_BY_KIND: Mapping[ResourceKind, Family] = MappingProxyType(
    {family.kind: family for family in EVERY}
)


def row_of(family: Family, shop: str, one: Stamped[Any], written_at: datetime) -> dict[str, Any]:
    """The row of a version, as it is inserted."""
    row = {
        "shop": shop,
        **content_of(one.version, family.table),
        "updated_at": one.stamp.updated_at,
        "read_at": one.stamp.read_at,
        "digest": one.stamp.digest,
        "written_at": written_at,
        "existed": False,
    }
    if family.deletable:
        row["deleted_at"] = one.stamp.deleted_at
    return row


def part_row_of(parts: Parts, shop: str, parent: Key, part: Part, digest: str) -> dict[str, Any]:
    """The row of a part that came with the version of this digest."""
    return {"shop": shop, parts.parent: parent, "digest": digest, **content_of(part, parts.table)}


def content_of(struct: msgspec.Struct, table: Table) -> dict[str, Any]:
    """The values of the fields that are columns."""
    return {name: _storable(getattr(struct, name)) for name in fields_of(type(struct), table)}


def fields_of(struct: type[msgspec.Struct], table: Table) -> tuple[str, ...]:
    """Names that are both a field and a column of content."""
    return _fields_of(cast("Hashable", struct), table)


@functools.cache
def _fields_of(struct: Any, table: Table) -> tuple[str, ...]:
    names: tuple[str, ...] = struct.__struct_fields__
    return tuple(name for name in names if name in table.c and name not in _STANDING)


def key_of(family: Family, row: RowMapping) -> Key:
    """What names the row's resource in its shop."""
    if family.kind is ResourceKind.LEVEL:
        return LevelKey(*(row[name] for name in family.keys))
    return int(row["id"])


def _storable(value: Any) -> Any:
    # PostgreSQL refuses a NUL in text, and one would keep its whole batch out.
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "")
    return value
