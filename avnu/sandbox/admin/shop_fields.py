"""The shop itself, and its locations. Values are those of shop/update and locations/update."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.pages import page
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Source
from avnu.sandbox.admin.written import utc
from avnu.sandbox.shops import shop_payload

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
    """``locations``: by id, whatever ``sortKey`` says; inactive ones where that is asked."""
    world = info.context.shop
    found = {own_id: _location(world, own_id) for own_id in world.state.location_ids()}
    wanted = [
        own_id for own_id, one in found.items() if args.get("includeInactive") or one["isActive"]
    ]
    return page(wanted, lambda own_id: found[own_id], args)


def location(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``location(id)``: null for one that is not there."""
    return location_node(info.context.shop, number_in(id, "Location"))


def location_node(world: ShopWorld, own_id: int) -> Source | None:
    """The location of an id, or None."""
    return None if world.state.location(own_id) is None else _location(world, own_id)


def _location(world: ShopWorld, own_id: int) -> Source:
    payload = world.state.location(own_id)
    assert payload is not None
    return {
        "__typename": "Location",
        "id": payload["admin_graphql_api_id"],
        "name": payload["name"],
        "isActive": payload["active"],
        "isFulfillmentService": payload["legacy"],
        "fulfillsOnlineOrders": True,
        "address": {
            "countryCode": payload["country_code"],
            "provinceCode": payload["province_code"],
        },
        "createdAt": utc(payload["created_at"]),
        "updatedAt": utc(payload["updated_at"]),
    }
