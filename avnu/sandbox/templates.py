"""A sample body for each topic: what ``trigger`` starts from.

To add a topic: give it a row in ``TEMPLATES``; a test holds the table against the routing table.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from avnu.sandbox import catalog, extras, followups, orders
from avnu.sandbox.catalog import Level, Revision
from avnu.sandbox.encoding import Payload
from avnu.sandbox.orders import Line, Order
from avnu.sandbox.shops import SandboxShop, location_payload, shop_payload

#: Writes a body for a shop, as of a time in unix seconds.
Template = Callable[[SandboxShop, float], Payload]

_PRODUCT = 17  # of the shop's catalogue


def _order(at: float, shop: SandboxShop, **state: Any) -> Order:
    lines = (Line(_PRODUCT, 0, 2, 1999), Line(_PRODUCT + 1, 0, 1, 450))
    return Order(shop, 1001, at - 3600, lines, "Ada Byron", **state)


def _order_as(**state: Any) -> Template:
    return lambda shop, at: orders.order_payload(_order(at, shop, **state), at)


def _sent(parcels: int) -> Template:
    """A paid order of two lines of which the first are sent."""

    def write(shop: SandboxShop, at: float) -> Payload:
        order = _order(at, shop, financial_status="paid")
        for line in order.lines[:parcels]:
            followups.fulfill(order, at, [line])
        return orders.order_payload(order, at)

    return write


def _cancelled(shop: SandboxShop, at: float) -> Payload:
    return orders.order_payload(_order(at, shop, financial_status="refunded", cancelled=at), at)


def _order_id(shop: SandboxShop, at: float) -> Payload:
    return {"id": _order(at, shop).id}


def _edited(shop: SandboxShop, at: float) -> Payload:
    return followups.add_piece(_order(at, shop), at)


def _refund(shop: SandboxShop, at: float) -> Payload:
    order = _order(at, shop, financial_status="paid")
    return followups.give_back(order, at, order.lines[:1])


def _fulfillment(shop: SandboxShop, at: float) -> Payload:
    order = _order(at, shop, financial_status="paid")
    return followups.fulfill(order, at, order.lines)


def _product(shop: SandboxShop, at: float) -> Payload:
    return catalog.product_payload(shop, _PRODUCT, Revision(1, at))


def _product_id(shop: SandboxShop, _at: float) -> Payload:
    return {"id": catalog.product_id(shop, _PRODUCT)}


def _level(shop: SandboxShop, at: float) -> Payload:
    return catalog.level_payload(Level(shop, _PRODUCT, 0, shop.locations[0], 10), at)


def _level_id(shop: SandboxShop, _at: float) -> Payload:
    item_id = catalog.inventory_item_id(shop, _PRODUCT, 0)
    return {"inventory_item_id": item_id, "location_id": shop.locations[0]}


def _item(shop: SandboxShop, at: float) -> Payload:
    return catalog.inventory_item_payload(shop, _PRODUCT, 0, at)


def _item_id(shop: SandboxShop, _at: float) -> Payload:
    return {"id": catalog.inventory_item_id(shop, _PRODUCT, 0)}


def _location(shop: SandboxShop, at: float) -> Payload:
    return location_payload(shop, shop.locations[0], at)


def _closed(shop: SandboxShop, at: float) -> Payload:
    return location_payload(shop, shop.locations[0], at, active=False)


def _location_id(shop: SandboxShop, _at: float) -> Payload:
    return {"id": shop.locations[0]}


def _unrouted(topic: str, shop: SandboxShop, at: float) -> Payload:
    return extras.unrouted_payload(topic, shop, 1, at)


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "orders/create": _order_as(),
        "orders/updated": _order_as(financial_status="paid"),
        "orders/paid": _order_as(financial_status="paid"),
        "orders/cancelled": _cancelled,
        "orders/fulfilled": _sent(2),
        "orders/partially_fulfilled": _sent(1),
        "orders/edited": _edited,
        "orders/delete": _order_id,
        "refunds/create": _refund,
        "fulfillments/create": _fulfillment,
        "fulfillments/update": _fulfillment,
        "products/create": _product,
        "products/update": _product,
        "products/delete": _product_id,
        "inventory_levels/connect": _level,
        "inventory_levels/update": _level,
        "inventory_levels/disconnect": _level_id,
        "inventory_items/create": _item,
        "inventory_items/update": _item,
        "inventory_items/delete": _item_id,
        "locations/create": _location,
        "locations/update": _location,
        "locations/activate": _location,
        "locations/deactivate": _closed,
        "locations/delete": _location_id,
        "app/uninstalled": shop_payload,
        "app/scopes_update": extras.scopes_payload,
        "shop/update": shop_payload,
        "customers/data_request": lambda shop, _at: extras.data_request_payload(shop, 1),
        "customers/redact": lambda shop, _at: extras.customer_redact_payload(shop, 1),
        "shop/redact": lambda shop, _at: extras.shop_redact_payload(shop),
        **{topic: partial(_unrouted, topic) for topic in extras.UNROUTED},
    }
)
