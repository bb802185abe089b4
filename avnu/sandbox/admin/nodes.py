"""``node(id)`` and ``nodes(ids)``. To add a kind of resource: a row in ``KINDS``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from avnu.sandbox.admin.asked import Info, Source
from avnu.sandbox.admin.gids import parts
from avnu.sandbox.admin.products import item_node, product_node, variant_node
from avnu.sandbox.admin.refusal import refusal
from avnu.sandbox.admin.shop_fields import location_node
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.webhook_fields import subscription_node

#: How each kind is found by its number; None for one that is not there.
KINDS: Mapping[str, Callable[[ShopWorld, int], Source | None]] = MappingProxyType(
    {
        "InventoryItem": item_node,
        "Location": location_node,
        "Product": product_node,
        "ProductVariant": variant_node,
        "WebhookSubscription": subscription_node,
    }
)


def node(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """One resource; null for one that is not there."""
    kind, number = parts(id)
    if kind not in KINDS:
        raise refusal(f"Invalid id: {id}", "RESOURCE_NOT_FOUND")
    return KINDS[kind](info.context.shop, number)


def nodes(_: None, info: Info, ids: list[str]) -> list[Source | None]:
    """One for each id, in their order."""
    return [node(None, info, one) for one in ids]
