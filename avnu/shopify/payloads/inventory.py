"""Payloads of inventory_levels/*, inventory_items/* and locations/* (API version 2026-07)."""

import re

import msgspec

from avnu.shopify.payloads.fields import Amount, Id, Time, WithId, unrounded

_ITEM_IN_GLOBAL_ID = re.compile(r"inventory_item_id=([0-9]{1,19})$", re.ASCII)


class InventoryLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The stock of one item at one location: the two ids together name it.

    Also the body of inventory_levels/disconnect, which holds the two ids and nothing else.
    ``available`` is None for an item whose stock is not tracked.
    """

    inventory_item_id: Id
    location_id: Id
    available: int | None = None
    updated_at: Time | None = None
    admin_graphql_api_id: str | None = None

    def __post_init__(self) -> None:
        found = _ITEM_IN_GLOBAL_ID.search(self.admin_graphql_api_id or "")
        if found:
            exact = unrounded(self.inventory_item_id, int(found[1]))
            msgspec.structs.force_setattr(self, "inventory_item_id", exact)


class InventoryItem(WithId, frozen=True, kw_only=True):
    """What is stocked; ``cost`` is in the shop's currency, which the payload does not name."""

    sku: str | None = None
    cost: Amount | None = None
    tracked: bool | None = None
    requires_shipping: bool | None = None
    country_code_of_origin: str | None = None
    harmonized_system_code: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class InventoryItemDeleted(WithId, frozen=True, kw_only=True):
    """The id of a deleted item; the customs codes beside it in the body are of no use."""


class Location(WithId, frozen=True, kw_only=True):
    """A place that holds stock.

    After activate and deactivate believe the topic rather than ``active``: the published
    sample of locations/deactivate says true.
    """

    name: str | None = None
    active: bool | None = None
    legacy: bool | None = None  # True: it belongs to a fulfilment service
    country_code: str | None = None
    province_code: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class LocationDeleted(WithId, frozen=True, kw_only=True):
    """All that is left of a deleted location: its id."""
