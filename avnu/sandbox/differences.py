"""What a marketplace's copy says otherwise than the sandbox's shops: row by row, value by value.

The sandbox's side is made from bodies of webhooks, and never from its Admin API: so the copy of a
resource that was read there is compared with what a webhook would have said.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.encoding import Payload, encode
from avnu.sandbox.truth import Truth
from avnu.shopify.payloads import decode, inventory, orders, products
from avnu.store.database import Store
from avnu.store.market import catalogue_rows, order_rows
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Key
from avnu.store.market.walking import walk

# Not told by every source of a version, or told as resources of their own.
_NOT_COMPARED = frozenset({"read_at", "utc_offset_min", "refunds", "fulfillments"})

#: Of one kind: the versions that the sandbox has.
_Versions = Callable[[Truth, str], Iterator[Any]]


class Difference(msgspec.Struct, frozen=True):
    """One resource that is not the same on both sides, and in which fields."""

    shop: str
    kind: ResourceKind
    key: Key
    what: str  # "missing", "gone at Shopify", "differs"
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" in {', '.join(self.fields)}" if self.fields else ""
        return f"{self.kind} {self.key} of {self.shop}: {self.what}{named}"


def differences(
    store: Store, worlds: Iterable[ShopWorld], since: float | None = None
) -> Iterator[Difference]:
    """Every difference, shop after shop.

    With ``since`` (unix seconds) a copy is compared that has not asked for anything older: what
    changed since then must be there, and whatever is there must be true.
    """
    for world in worlds:
        for kind, versions in VERSIONS.items():
            yield from _of_kind(store, world, kind, versions, since)


def _of_kind(
    store: Store, world: ShopWorld, kind: ResourceKind, versions: _Versions, since: float | None
) -> Iterator[Difference]:
    shop = world.shop.domain
    copy = {one.key: one for one in walk(store, shop, kind)}
    for wanted in versions(world.truth(since), world.shop.currency):
        yield from _compare(shop, kind, wanted, copy.pop(wanted.key, None))
    if copy and since is not None:
        # Not of the time compared: older, and perhaps true.
        for wanted in versions(world.truth(), world.shop.currency):
            if wanted.key in copy:
                yield from _compare(shop, kind, wanted, copy.pop(wanted.key))
    for key in copy:
        yield Difference(shop, kind, key, "gone at Shopify")


def _compare(shop: str, kind: ResourceKind, wanted: Any, found: Any) -> Iterator[Difference]:
    if found is None:
        yield Difference(shop, kind, wanted.key, "missing")
        return
    fields = tuple(
        name
        for name in wanted.__struct_fields__
        if name not in _NOT_COMPARED and not _same(getattr(wanted, name), getattr(found, name))
    )
    if fields:
        yield Difference(shop, kind, wanted.key, "differs", fields)


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, tuple) and wanted and isinstance(wanted[0], msgspec.Struct):
        return sorted(wanted, key=_id) == sorted(found, key=_id)
    return bool(wanted == found)


def _id(part: Any) -> int:
    return int(part.id)


# ---- the sandbox's bodies as versions


def _read(bodies: Iterable[Payload], payload: type[Any]) -> Iterator[Any]:
    return (decode(encode(body), payload) for body in bodies)


def _products(truth: Truth, currency: str) -> Iterator[Any]:
    for one in _read(truth.products(), products.Product):
        yield catalogue_rows.product(one, currency)


def _items(truth: Truth, currency: str) -> Iterator[Any]:
    for one in _read(truth.items(), inventory.InventoryItem):
        yield catalogue_rows.item(one, currency)


def _levels(truth: Truth, _: str) -> Iterator[Any]:
    return map(catalogue_rows.level, _read(truth.levels(), inventory.InventoryLevel))


def _locations(truth: Truth, _: str) -> Iterator[Any]:
    return map(catalogue_rows.location, _read(truth.locations(), inventory.Location))


def _orders(truth: Truth, _: str) -> Iterator[Any]:
    return map(order_rows.order, _read(truth.orders(), orders.Order))


def _refunds(truth: Truth, currency: str) -> Iterator[Any]:
    for order in _orders(truth, currency):
        yield from order.refunds


def _fulfillments(truth: Truth, currency: str) -> Iterator[Any]:
    for order in _orders(truth, currency):
        yield from order.fulfillments


VERSIONS: dict[ResourceKind, _Versions] = {
    ResourceKind.PRODUCT: _products,
    ResourceKind.ITEM: _items,
    ResourceKind.LEVEL: _levels,
    ResourceKind.LOCATION: _locations,
    ResourceKind.ORDER: _orders,
    ResourceKind.REFUND: _refunds,
    ResourceKind.FULFILLMENT: _fulfillments,
}
