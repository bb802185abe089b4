"""Products and their variants.

The handlers read their payloads into typed structs, so that a body which is not what its topic
promises is rejected; writing the marketplace's own copy is not part of this version.
"""

from collections.abc import Sequence

from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.products import Product, ProductDeleted

area = Area("products")


@area.handler
def product_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/create and update: a product with its first 100 variants."""
    for webhook in webhooks:
        webhook.decode(Product)


@area.handler
def product_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/delete: the id of a product that is gone."""
    for webhook in webhooks:
        webhook.decode(ProductDeleted)
