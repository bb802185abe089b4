"""Stock: levels, the items that are stocked, and the locations that hold them.

Every payload is whole, but for those of a delete and of a disconnect.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from avnu.cache import kinds
from avnu.following import Followed, Told, at_once, changed, deleted
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.inventory import (
    InventoryItem,
    InventoryItemDeleted,
    InventoryLevel,
    Location,
    LocationDeleted,
)
from avnu.shopify.reads import Reads
from avnu.store.market import catalogue_rows
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Level, LevelKey

area = Area("inventory")

# The body of these may still say the opposite (``payloads.inventory.Location``).
_ACTIVE_BY_TOPIC = {"locations/activate": True, "locations/deactivate": False}


def _read_levels(
    reads: Reads, keys: Collection[LevelKey]
) -> Iterator[Mapping[LevelKey, Level | None]]:
    """All levels of the items: Shopify is asked by item, and tells of every location."""
    for part in reads.levels_by_part({key.inventory_item_id for key in keys}):
        missing = dict.fromkeys(key for key in keys if key.inventory_item_id in part)
        yield {**missing, **{one.key: one for levels in part.values() for one in levels or ()}}


LEVELS: Followed[LevelKey] = Followed(
    name="levels",
    kind=ResourceKind.LEVEL,
    put=lambda market, shop, versions: market.put_levels(shop, versions),
    read=_read_levels,
    named=False,
    delete=lambda market, shop, keys, at: market.delete_levels(shop, keys, at),
)
ITEMS: Followed[int] = Followed(
    name="items",
    kind=ResourceKind.ITEM,
    put=lambda market, shop, versions: market.put_items(shop, versions),
    read=lambda reads, ids: at_once(ids, reads.items(ids)),
    delete=lambda market, shop, ids, at: market.delete_items(shop, ids, at),
)
LOCATIONS: Followed[int] = Followed(
    name="locations",
    kind=ResourceKind.LOCATION,
    put=lambda market, shop, versions: market.put_locations(shop, versions),
    read=lambda reads, ids: at_once(ids, reads.locations(ids)),
    delete=lambda market, shop, ids, at: market.delete_locations(shop, ids, at),
    forget=lambda shop, _: shop.forget(kinds.LOCATIONS),
)


@area.handler
def level_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_levels/connect and update: the stock of one item at one location."""
    changed(shop, LEVELS, [_level(webhook) for webhook in webhooks])


@area.handler
def level_disconnected(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_levels/disconnect: an item is no longer stocked at a location.

    It may be again, so the time of the disconnect counts: an older one than the row does nothing.
    """
    deleted(shop, LEVELS, [Told(one, _key(one.decode(InventoryLevel))) for one in webhooks])


@area.handler
def item_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_items/create and update: what is stocked."""
    payloads = [webhook.decode(InventoryItem) for webhook in webhooks]
    currency = shop.currency()
    told = [_item(*one, currency) for one in zip(webhooks, payloads, strict=True)]
    changed(shop, ITEMS, told)


@area.handler
def item_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_items/delete: the id of an item that is gone."""
    deleted(shop, ITEMS, [Told(one, one.decode(InventoryItemDeleted).id) for one in webhooks])


@area.handler
def location_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """locations/create, update, activate and deactivate: a whole location."""
    changed(shop, LOCATIONS, [_location(webhook) for webhook in webhooks])


@area.handler
def location_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """locations/delete: the id of a location that is gone."""
    deleted(shop, LOCATIONS, [Told(one, one.decode(LocationDeleted).id) for one in webhooks])


def _level(webhook: Webhook) -> Told[LevelKey]:
    payload = webhook.decode(InventoryLevel)
    return Told(webhook, _key(payload), webhook.understand(lambda: catalogue_rows.level(payload)))


def _key(payload: InventoryLevel) -> LevelKey:
    return LevelKey(payload.inventory_item_id, payload.location_id)


def _item(webhook: Webhook, payload: InventoryItem, currency: str) -> Told[int]:
    return Told(webhook, payload.id, catalogue_rows.item(payload, currency))


def _location(webhook: Webhook) -> Told[int]:
    payload = webhook.decode(Location)
    active = _ACTIVE_BY_TOPIC.get(webhook.topic)
    return Told(webhook, payload.id, catalogue_rows.location(payload, active=active))
