"""The one routing table: which topics Avnu follows, and what happens to each.

Everything that routes reads it: the receiver (area, replay guard, shop check), the inbox
(area), the worker (handler, coalescing). A topic that is not here is answered 200 and counted
``ignored``. How to add one is written in ``tasks/__init__.py``.

Facts: topics and payloads of API version 2026-07 as Shopify publishes them.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any

import msgspec


class Topic(msgspec.Struct, frozen=True):
    """One topic and its route.

    ``whole`` says that the payload is a whole resource with its ``updated_at``, so that of
    several in one batch only the newest has to run; ``resource`` then names the payload fields
    whose values identify that resource, and is empty for every other topic.
    """

    name: str  # "orders/create"
    area: str  # one of AREAS: the Celery queue and the module in tasks/
    handler: str  # function in tasks/<area>.py, e.g. "order_changed"
    resource: tuple[str, ...] = ()
    whole: bool = False
    destructive: bool = False  # deletes, uninstalls, redactions: guarded against replay
    names_shop: str | None = None  # payload field that holds the shop's myshopify domain

    @property
    def family(self) -> str:
        """What stands before the slash: topics of one family speak of one kind of resource."""
        return self.name.partition("/")[0]


class Version(msgspec.Struct, frozen=True):
    """Which resource a payload is, and how new: what the coalescer compares."""

    key: str
    updated_at: datetime | None  # None: Shopify did not say, so it can supersede nothing


AREAS: tuple[str, ...] = ("orders", "products", "inventory", "app", "compliance")

_ID = ("id",)
_LEVEL = ("inventory_item_id", "location_id")
_SHOP = "myshopify_domain"
_DOMAIN = "shop_domain"


def _whole(name: str, area: str, handler: str, resource: tuple[str, ...] = _ID) -> Topic:
    return Topic(name, area, handler, resource=resource, whole=True)


def _part(name: str, area: str, handler: str) -> Topic:
    return Topic(name, area, handler)


def _delete(name: str, area: str, handler: str) -> Topic:
    return Topic(name, area, handler, destructive=True)


# orders/edited and refunds/create carry one change, not the order, so each of them runs.
# Other orders/* topics (risk_assessment_changed, link_requested, …) are no version of an order.
_ORDERS = (
    _whole("orders/create", "orders", "order_changed"),
    _whole("orders/updated", "orders", "order_changed"),
    _whole("orders/paid", "orders", "order_changed"),
    _whole("orders/cancelled", "orders", "order_changed"),
    _whole("orders/fulfilled", "orders", "order_changed"),
    _whole("orders/partially_fulfilled", "orders", "order_changed"),
    _part("orders/edited", "orders", "order_edited"),
    _delete("orders/delete", "orders", "order_deleted"),
    _part("refunds/create", "orders", "refund_created"),
    _whole("fulfillments/create", "orders", "fulfillment_changed"),
    _whole("fulfillments/update", "orders", "fulfillment_changed"),
)

_PRODUCTS = (
    _whole("products/create", "products", "product_changed"),
    _whole("products/update", "products", "product_changed"),
    _delete("products/delete", "products", "product_deleted"),
)

# locations/activate and /deactivate say it by their topic, so no other may stand for them.
_INVENTORY = (
    _whole("inventory_levels/connect", "inventory", "level_changed", _LEVEL),
    _whole("inventory_levels/update", "inventory", "level_changed", _LEVEL),
    _delete("inventory_levels/disconnect", "inventory", "level_disconnected"),
    _whole("inventory_items/create", "inventory", "item_changed"),
    _whole("inventory_items/update", "inventory", "item_changed"),
    _delete("inventory_items/delete", "inventory", "item_deleted"),
    _whole("locations/create", "inventory", "location_changed"),
    _whole("locations/update", "inventory", "location_changed"),
    _part("locations/activate", "inventory", "location_changed"),
    _part("locations/deactivate", "inventory", "location_changed"),
    _delete("locations/delete", "inventory", "location_deleted"),
)

# app/scopes_update tells a difference (previous, current), so each of them runs.
_APP = (
    Topic("app/uninstalled", "app", "app_uninstalled", destructive=True, names_shop=_SHOP),
    _part("app/scopes_update", "app", "scopes_updated"),
    Topic("shop/update", "app", "shop_changed", resource=_ID, whole=True, names_shop=_SHOP),
)

_COMPLIANCE = (
    Topic("customers/data_request", "compliance", "data_requested", names_shop=_DOMAIN),
    Topic(
        "customers/redact", "compliance", "customer_redacted", destructive=True, names_shop=_DOMAIN
    ),
    Topic("shop/redact", "compliance", "shop_redacted", destructive=True, names_shop=_DOMAIN),
)

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {topic.name: topic for topic in (*_ORDERS, *_PRODUCTS, *_INVENTORY, *_APP, *_COMPLIANCE)}
)


def topic_for(name: str) -> Topic | None:
    """The route of a topic as its header spells it, or None when Avnu does not follow it."""
    return TOPICS.get(name)


def resource_version(topic: Topic, body: bytes) -> Version | None:
    """The resource that ``body`` is a whole version of, e.g. ``orders:820982911946154508``, and its
    own ``updated_at``.

    Two webhooks of one shop with the same key speak of the same resource. None where nothing
    may be coalesced: the topic carries no whole resource, or the body does not name it. Never
    raises: what cannot be read is left to its handler.

    Retries bring old payloads late, so place in the line does not tell which is the newest:
    only a strictly older ``updated_at`` (or an equal body) may be superseded.
    """
    if not topic.whole:
        return None
    try:
        fields = _decoder(topic.resource).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    ids = ":".join(str(getattr(fields, name)) for name in topic.resource)
    return Version(f"{topic.family}:{ids}", fields.updated_at)


@functools.cache
def _decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Reads only these ids and ``updated_at``; the rest of a body is skipped, not built."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [(name, int) for name in names]
    fields.append(("updated_at", Annotated[datetime, msgspec.Meta(tz=True)] | None, None))
    return msgspec.json.Decoder(msgspec.defstruct("Identity", fields))
