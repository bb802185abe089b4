"""Products, made from the Admin API's answers as ``catalogue_rows`` makes them from webhooks. Pure.

Raises ValueError for ids and amounts that are none.
"""

from datetime import datetime

from avnu.shopify.reads.queries.products import ProductNode, VariantNode
from avnu.shopify.reads.values import amount, id_in, id_of, word
from avnu.store.market.versions import Product, Variant

_OPTIONS = 3


def product(node: ProductNode, currency: str, read_at: datetime) -> Product:
    """A product; partial where the node names further variants. ``currency``: the shop's."""
    return Product(
        id=id_of(node.id),
        updated_at=node.updated_at,
        read_at=read_at,
        title=node.title,
        handle=node.handle,
        body_html=node.description_html,
        vendor=node.vendor,
        product_type=node.product_type,
        status=word(node.status),
        tags=", ".join(node.tags),
        currency=currency,
        created_at=node.created_at,
        published_at=node.published_at,
        partial=node.variants.page_info.has_next_page,
        variants=tuple(map(_variant, node.variants.nodes)),
    )


def _variant(node: VariantNode) -> Variant:
    values = [option.value for option in node.selected_options]
    option1, option2, option3 = (dict(enumerate(values)).get(place) for place in range(_OPTIONS))
    return Variant(
        id=id_of(node.id),
        inventory_item_id=id_in(node.inventory_item),
        position=node.position,
        title=node.title,
        sku=node.sku,
        barcode=node.barcode,
        option1=option1,
        option2=option2,
        option3=option3,
        price=amount(node.price),
        compare_at_price=amount(node.compare_at_price),
        inventory_policy=word(node.inventory_policy),
        taxable=node.taxable,
    )
