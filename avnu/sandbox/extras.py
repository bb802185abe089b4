"""Bodies about the app and its shops, privacy, and what Avnu does not follow.

Facts: ``customers/data_request``, ``customers/redact`` and ``shop/redact`` are the three topics
that Shopify's privacy rules oblige every app to take.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from avnu.sandbox.encoding import Payload, local_time, money, steady_id
from avnu.sandbox.shops import SandboxShop


def scopes_payload(shop: SandboxShop, at: float) -> Payload:
    """Body of app/scopes_update: what the app may do, before and now."""
    return {
        "id": steady_id(shop.domain, "installation"),
        "shop_id": f"gid://shopify/Shop/{shop.id}",
        "previous": ["read_products"],
        "current": ["read_products", "write_products", "read_orders"],
        "updated_at": local_time(at, shop.offset_minutes),
    }


def data_request_payload(shop: SandboxShop, customer: int) -> Payload:
    """A customer asks the shop what is stored about them."""
    return {
        "shop_id": shop.id,
        "shop_domain": shop.domain,
        "customer": _customer(shop, customer),
        "orders_requested": _orders(shop, customer),
        "data_request": {"id": steady_id(shop.domain, "data_request", customer)},
    }


def customer_redact_payload(shop: SandboxShop, customer: int) -> Payload:
    """A customer's data must go."""
    return {
        "shop_id": shop.id,
        "shop_domain": shop.domain,
        "customer": _customer(shop, customer),
        "orders_to_redact": _orders(shop, customer),
    }


def shop_redact_payload(shop: SandboxShop) -> Payload:
    """48 hours after the uninstall: the shop's data must go."""
    return {"shop_id": shop.id, "shop_domain": shop.domain}


def unrouted_payload(topic: str, shop: SandboxShop, number: int, at: float) -> Payload:
    """A body for one of ``UNROUTED``."""
    own_id, when = steady_id(shop.domain, topic, number), local_time(at, shop.offset_minutes)
    return _UNROUTED[topic](own_id, when)


def _customer_changed(own_id: int, when: str) -> Payload:
    return {
        "id": own_id,
        "created_at": when,
        "updated_at": when,
        "first_name": "Bob",
        "last_name": "Biller",
        "state": "disabled",
        "note": "Likes R&D",
        "verified_email": True,
        "email": f"customer{own_id}@example.com",
        "admin_graphql_api_id": f"gid://shopify/Customer/{own_id}",
    }


def _cart_changed(own_id: int, when: str) -> Payload:
    return {
        "id": f"{own_id:x}",
        "token": f"{own_id:x}",
        "line_items": [{"id": own_id, "quantity": 1, "price": money(1999)}],
        "note": None,
        "updated_at": when,
        "created_at": when,
    }


def _theme_published(own_id: int, when: str) -> Payload:
    return {
        "id": own_id,
        "name": "Comfort",
        "created_at": when,
        "updated_at": when,
        "role": "main",
        "previewable": True,
        "processing": False,
        "admin_graphql_api_id": f"gid://shopify/Theme/{own_id}",
    }


def _collection_changed(own_id: int, when: str) -> Payload:
    return {
        "id": own_id,
        "handle": "summer-sale",
        "title": "Summer & sale",
        "updated_at": when,
        "body_html": "<b>All of it</b>",
        "published_at": when,
        "published_scope": "web",
        "admin_graphql_api_id": f"gid://shopify/Collection/{own_id}",
    }


_UNROUTED: Mapping[str, Callable[[int, str], Payload]] = MappingProxyType(
    {
        "customers/update": _customer_changed,
        "carts/update": _cart_changed,
        "themes/publish": _theme_published,
        "collections/update": _collection_changed,
    }
)

#: Topics that shops send and Avnu has no route for: answered 200, counted ``ignored``.
UNROUTED = tuple(_UNROUTED)


def _customer(shop: SandboxShop, customer: int) -> Payload:
    return {
        "id": steady_id(shop.domain, "customer", customer),
        "email": f"customer{customer}@example.com",
        "phone": "555-625-1199",
    }


def _orders(shop: SandboxShop, customer: int) -> list[int]:
    return [steady_id(shop.domain, "old order", customer, n) for n in range(3)]
