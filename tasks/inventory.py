"""Stock: levels, the items that are stocked, and the locations that hold them.

The handlers read their payloads into typed structs, so that a body which is not what its topic
promises is rejected; writing the marketplace's own copy is not part of this version.
"""

from collections.abc import Sequence

from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.inventory import (
    InventoryItem,
    InventoryItemDeleted,
    InventoryLevel,
    Location,
    LocationDeleted,
)

area = Area("inventory")


@area.handler
def level_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """inventory_levels/connect and update: the stock of one item at one location."""
    for webhook in webhooks:
        webhook.decode(InventoryLevel)


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


@area.handler
def location_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """locations/delete: the id of a location that is gone."""
    for webhook in webhooks:
        webhook.decode(LocationDeleted)
