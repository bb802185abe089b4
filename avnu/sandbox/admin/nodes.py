"""``node(id)`` and ``nodes(ids)``. To add a kind of resource: a row in ``KINDS``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from avnu.sandbox.admin import order_fields, products, shop_fields, stock_fields, webhook_fields
from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import parts
from avnu.sandbox.admin.refusal import refusal
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Source

#: How each kind is found by its number; None for one that is not there.
KINDS: Mapping[str, Callable[[ShopWorld, int], Source | None]] = MappingProxyType(
    {
        "Fulfillment": order_fields.fulfillment_node,
        "InventoryItem": stock_fields.item_node,
        "Location": shop_fields.location_node,
        "Order": order_fields.order_node,
        "Product": products.product_node,
        "ProductVariant": products.variant_node,
        "Refund": order_fields.refund_node,
        "WebhookSubscription": webhook_fields.subscription_node,
    }
)
_LEVEL = "gid://shopify/InventoryLevel/"


def node(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """One resource; null for one that is not there."""
    if id.startswith(_LEVEL):
        return stock_fields.level_node(info.context.shop, id)
    kind, number = parts(id)
    if kind not in KINDS:
        raise refusal(f"Invalid id: {id}", "RESOURCE_NOT_FOUND")
    return KINDS[kind](info.context.shop, number)


def nodes(_: None, info: Info, ids: list[str]) -> list[Source | None]:
    """One for each id, in their order."""
    return [node(None, info, one) for one in ids]
