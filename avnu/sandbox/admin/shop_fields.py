"""The shop itself, and its locations. Values are those of shop/update and locations/update."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from avnu.sandbox.admin.asked import Info, Source
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.pages import page
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.shops import location_payload, shop_payload

#: What a merchant sees of each plan.
PLAN_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "basic": "Basic",
        "advanced": "Advanced",
        "plus": "Shopify Plus",
        "enterprise": "Shopify Enterprise",
    }
)


def shop(_: None, info: Info) -> Source:
    """``shop``."""
    call = info.context
    payload = shop_payload(call.shop.shop, call.shop.start)
    host = payload["domain"]
    return {
        "__typename": "Shop",
        "id": gid("Shop", payload["id"]),
        "name": payload["name"],
        "email": payload["email"],
        "myshopifyDomain": payload["myshopify_domain"],
        "currencyCode": payload["currency"],
        "ianaTimezone": payload["iana_timezone"],
        "plan": {
            "publicDisplayName": PLAN_NAMES[call.plan],
            "partnerDevelopment": False,
            "shopifyPlus": call.plan in ("plus", "enterprise"),
        },
        "primaryDomain": {"host": host, "url": f"https://{host}"},
        "billingAddress": {
            "countryCodeV2": payload["country_code"],
            "city": payload["city"],
            "zip": payload["zip"],
        },
    }


def locations(_: None, info: Info, **args: Any) -> Source:
    """``locations``: by id; all of the sandbox's are active."""
    world = info.context.shop
    ids = sorted(world.shop.locations)
    return page(ids, lambda own_id: _location(world, own_id), args)


def location(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``location(id)``: null for one that is not there."""
    return location_node(info.context.shop, number_in(id, "Location"))


def location_node(world: ShopWorld, own_id: int) -> Source | None:
    """The location of an id, or None."""
    return _location(world, own_id) if own_id in world.shop.locations else None


def _location(world: ShopWorld, own_id: int) -> Source:
    payload = location_payload(world.shop, own_id, world.start)
    return {
        "__typename": "Location",
        "id": payload["admin_graphql_api_id"],
        "name": payload["name"],
        "isActive": payload["active"],
        "fulfillsOnlineOrders": True,
    }
