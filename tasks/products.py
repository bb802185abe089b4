"""Products and their variants.

Their webhooks hold the whole product, up to 100 variants, so that most of them need no call.
"""

from collections.abc import Sequence

from avnu.cache import kinds
from avnu.following import Followed, Told, changed, deleted
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.products import Product, ProductDeleted
from avnu.store.market import catalogue_rows
from avnu.store.market.changes import ResourceKind

area = Area("products")

PRODUCTS: Followed[int] = Followed(
    name="products",
    kind=ResourceKind.PRODUCT,
    put=lambda market, shop, versions: market.put_products(shop, versions),
    read=lambda reads, ids: reads.products_by_part(ids),
    delete=lambda market, shop, ids, at: market.delete_products(shop, ids, at),
    forget=lambda shop, ids: shop.forget(kinds.PRODUCT, ids),
)


@area.handler
def product_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/create and update: a product with its first 100 variants."""
    payloads = [webhook.decode(Product) for webhook in webhooks]
    currency = shop.currency()
    told = [_product(*one, currency) for one in zip(webhooks, payloads, strict=True)]
    changed(shop, PRODUCTS, told)


@area.handler
def product_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """products/delete: the id of a product that is gone."""
    deleted(shop, PRODUCTS, [Told(one, one.decode(ProductDeleted).id) for one in webhooks])


def _product(webhook: Webhook, payload: Product, currency: str) -> Told[int]:
    version = webhook.understand(lambda: catalogue_rows.product(payload, currency))
    return Told(webhook, payload.id, version)
