"""Stock: levels, the items that are stocked, and the locations that hold them.

A level names its location by id alone, so the shop's locations are looked up, mostly in the cache.
Writing the marketplace's own copy is not part of this version.
"""

from collections.abc import Sequence

from avnu.cache import kinds
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.inventory import (
    InventoryItem,
    InventoryItemDeleted,
    InventoryLevel,
    Location,
    LocationDeleted,
)

area = Area("inventory")

_NEW_LOCATION_S = 60.0


@area.handler
def level_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_levels/connect and update: the stock of one item at one location."""
    named = {webhook.decode(InventoryLevel).location_id for webhook in webhooks}
    known = shop.cached(kinds.LOCATIONS) or ()
    if not named <= {location.id for location in known}:
        # Opened since they were cached; asked for again at most once a minute.
        shop.cached(kinds.LOCATIONS, ttl_s=_NEW_LOCATION_S)


@area.handler
def level_disconnected(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_levels/disconnect: an item is no longer stocked at a location."""
    for webhook in webhooks:
        webhook.decode(InventoryLevel)


@area.handler
def item_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_items/create and update: what is stocked."""
    for webhook in webhooks:
        webhook.decode(InventoryItem)


@area.handler
def item_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_items/delete: the id of an item that is gone."""
    for webhook in webhooks:
        webhook.decode(InventoryItemDeleted)


@area.handler
def location_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """locations/create, update, activate and deactivate: a whole location."""
    for webhook in webhooks:
        webhook.decode(Location)
    shop.forget(kinds.LOCATIONS)


@area.handler
def location_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """locations/delete: the id of a location that is gone."""
    for webhook in webhooks:
        webhook.decode(LocationDeleted)
    shop.forget(kinds.LOCATIONS)
