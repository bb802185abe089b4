"""What a plan's genuine webhooks say of each resource in the end, read from their bodies alone."""

import json
from collections.abc import Iterable
from typing import Any

from avnu.sandbox import Delivery, DeliveryKind
from avnu.sandbox.admin import World

GENUINE = frozenset({DeliveryKind.GENUINE, DeliveryKind.AT_ONCE, DeliveryKind.DROPPED})
#: What has a truth of its own, and what is held by orders.
WHOLE = ("products", "items", "levels", "locations", "orders")
KINDS = (*WHOLE, "refunds", "fulfillments")
#: Topics by what their bodies are; edits of orders say nothing that the order does not.
_KIND_OF = {
    "products": "products", "inventory_items": "items", "inventory_levels": "levels",
    "locations": "locations", "orders": "orders", "refunds": "refunds",
    "fulfillments": "fulfillments",
}  # fmt: skip


class Told:
    """``last[kind][shop, key]`` is the last body; ``gone[kind]`` what was deleted after it."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self.last: dict[str, dict[tuple[str, Any], Any]] = {kind: {} for kind in KINDS}
        self.gone: dict[str, set[tuple[str, Any]]] = {kind: set() for kind in KINDS}
        genuine = (one for one in deliveries if one.kind in GENUINE)
        for delivery in sorted(genuine, key=lambda one: one.number):
            area, _, verb = delivery.topic.partition("/")
            if area in _KIND_OF and verb != "edited":
                self._read(delivery.shop, _KIND_OF[area], verb, json.loads(delivery.body))

    def _read(self, shop: str, kind: str, verb: str, body: Any) -> None:
        key = shop, key_of(kind, body)
        if verb in ("delete", "disconnect"):
            self.last[kind].pop(key, None)
            self.gone[kind].add(key)
        else:
            self.last[kind][key] = body
            self.gone[kind].discard(key)


def key_of(kind: str, body: Any) -> Any:
    """What names a resource in its shop."""
    if kind == "levels":
        return body["inventory_item_id"], body["location_id"]
    return body["id"]


def truth_of(world: World, kind: str, since: float | None = None) -> dict[tuple[str, Any], Any]:
    """All bodies of a kind that the world's shops have, by shop and key."""
    return {
        (domain, key_of(kind, body)): body
        for domain in world.domains
        for body in getattr(world.shop(domain).truth(since), kind)()
    }


def without_stock(product: Any) -> Any:
    """What lies there belongs to the levels, and changes without the product."""
    stock = {"inventory_quantity", "old_inventory_quantity"}
    variants = [
        {name: value for name, value in variant.items() if name not in stock}
        for variant in product["variants"]
    ]
    return {**product, "variants": variants}
