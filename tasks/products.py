"""Products and their variants.

A batch of changed products is fetched anew with one query, because Shopify's retries bring old
payloads late; what comes is cached, so that orders find it there. Writing the marketplace's own
copy is not part of this version.
"""

from collections.abc import Sequence

from avnu.cache import kinds
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.lookups import version_ms
from avnu.shopify.payloads.products import Product, ProductDeleted

area = Area("products")


@area.handler
def product_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/create and update: a product with its first 100 variants."""
    products = [webhook.decode(Product) for webhook in webhooks]
    versions: dict[int, int | None] = {}
    for product in products:
        versions[product.id] = max(versions.get(product.id) or 0, version_ms(product.updated_at))
    shop.forget(kinds.PRODUCT, versions)
    shop.cached_many(kinds.PRODUCT, versions)


@area.handler
def product_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/delete: the id of a product that is gone."""
    shop.forget(kinds.PRODUCT, [webhook.decode(ProductDeleted).id for webhook in webhooks])
