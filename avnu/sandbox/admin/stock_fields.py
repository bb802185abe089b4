"""Inventory items, and where they are stocked. Values are those of the webhooks."""

from typing import Any

from avnu.sandbox import catalog
from avnu.sandbox.admin import shop_fields
from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import gid, level_parts, number_in
from avnu.sandbox.admin.search import Field, Fields
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Lazy, Source
from avnu.sandbox.admin.written import amount, utc, utc_of
from avnu.sandbox.encoding import Payload
from avnu.sandbox.state import Place

_FIELDS: Fields = {"id": Field(int, lambda item_id: item_id)}


def items(_: None, info: Info, **args: Any) -> Source:
    """``inventoryItems``: by id; all, or those that ``query`` finds."""
    shop = info.context.shop

    def make(item_id: int) -> Source:
        node = item_node(shop, item_id)
        assert node is not None
        return node

    return shop.items().page(args, _FIELDS, make)


def item(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``inventoryItem(id)``: null for one that is not there."""
    return item_node(info.context.shop, number_in(id, "InventoryItem"))


def level(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``inventoryLevel(id)``: null for one that is not there."""
    return level_node(info.context.shop, id)


def levels(source: Source, info: Info, **args: Any) -> Source:
    """``Location.inventoryLevels``: by item; all, or those that ``query`` finds."""
    shop = info.context.shop
    location_id = number_in(source["id"], "Location")

    def make(item_id: int) -> Source:
        place = shop.item_place(item_id)
        assert place is not None
        body = shop.state.level(place, location_id)
        assert body is not None
        return _level(shop, place, body)

    return shop.levels(location_id).page(args, _FIELDS, make)


def quantities(source: Source, _info: Info, names: list[str]) -> list[Source]:
    """``InventoryLevel.quantities``: the sandbox knows what is available, and no other state."""
    return [
        {"name": name, "quantity": source["available"] if name == "available" else 0}
        for name in names
    ]


def item_node(shop: ShopWorld, item_id: int) -> Source | None:
    """The inventory item of an id, or None."""
    place = shop.item_place(item_id)
    return None if place is None else item_at(shop, place)


def level_node(shop: ShopWorld, own_id: str) -> Source | None:
    """The level of a global id, or None."""
    item_id, location_id = level_parts(own_id)
    place = shop.item_place(item_id)
    body = None if place is None else shop.state.level(place, location_id)
    return None if place is None or body is None else _level(shop, place, body)


def item_at(shop: ShopWorld, place: Place) -> Source:
    """The inventory item of the variant at a place."""
    item_id = catalog.inventory_item_id(shop.shop, *place)
    known = {
        "__typename": "InventoryItem",
        "id": gid("InventoryItem", item_id),
        "updatedAt": utc_of(shop.state.item_changed_at(place[0], item_id)),
    }
    return Lazy(known, lambda: _item(shop, place, shop.state.item(place)))


def _item(shop: ShopWorld, place: Place, payload: Payload) -> Source:
    return {
        "sku": payload["sku"],
        "unitCost": amount(payload["cost"], shop.shop.currency),
        "tracked": payload["tracked"],
        "requiresShipping": payload["requires_shipping"],
        "countryCodeOfOrigin": payload["country_code_of_origin"],
        "harmonizedSystemCode": payload["harmonized_system_code"],
        "createdAt": utc(payload["created_at"]),
        "inventoryLevels": [
            lambda body=body: _level(shop, place, body) for body in shop.state.levels_of(place)
        ],
    }


def _level(shop: ShopWorld, place: Place, payload: Payload) -> Source:
    return {
        "__typename": "InventoryLevel",
        "id": payload["admin_graphql_api_id"],
        # Nobody tells when it began.
        "createdAt": lambda: utc(payload["updated_at"]),
        "updatedAt": lambda: utc(payload["updated_at"]),
        "available": payload["available"],
        "item": lambda: item_at(shop, place),
        "location": lambda: shop_fields.location_node(shop, payload["location_id"]),
    }
