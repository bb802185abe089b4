"""Products with their variants: a few of many products, more of some, all of one."""

import msgspec

from avnu.shopify.payloads.fields import Time
from avnu.shopify.query import Connection, NodesQuery
from avnu.shopify.reads.queries.fields import PAGE, Int, Named
from avnu.shopify.reads.queries.more import more

# Itself, its inventory item, and its options as one list.
_VARIANT_POINTS = 3


class Option(msgspec.Struct, frozen=True):
    """What a variant is by one of its product's options."""

    value: str


class VariantNode(msgspec.Struct, frozen=True, rename="camel"):
    """A variant; options in the product's order."""

    id: str
    title: str
    position: Int
    price: str
    inventory_policy: str
    taxable: bool
    selected_options: tuple[Option, ...]
    inventory_item: Named | None = None
    sku: str | None = None
    barcode: str | None = None
    compare_at_price: str | None = None


class ProductNode(msgspec.Struct, frozen=True, rename="camel"):
    """A product with its first variants."""

    id: str
    title: str
    handle: str
    description_html: str
    vendor: str
    product_type: str
    status: str
    tags: tuple[str, ...]
    created_at: Time
    updated_at: Time
    variants: Connection[VariantNode]
    published_at: Time | None = None


_VARIANT = (
    "id title position sku barcode price compareAtPrice inventoryPolicy taxable"
    " selectedOptions { value } inventoryItem { id }"
)
_PRODUCT = (
    "id title handle descriptionHtml vendor productType status tags createdAt updatedAt publishedAt"
)


def _products(name: str, first: int) -> NodesQuery[ProductNode]:
    return NodesQuery(
        name=name,
        kind="Product",
        fields=(
            f"{_PRODUCT} variants(first: {first}, sortKey: POSITION)"
            f" {{ nodes {{ {_VARIANT} }} {PAGE} }}"
        ),
        answer=ProductNode,
        each=1 + first * _VARIANT_POINTS,
    )


PRODUCTS = _products("WholeProducts", 6)
# The same for products with more variants: whole again, so that no two answers need to agree.
PRODUCTS_WITH_MORE = _products("WholeProductsWithMore", 50)


MORE_VARIANTS = more(
    "MoreVariants",
    "Product",
    "variants",
    _VARIANT,
    VariantNode,
    first=250,
    each=_VARIANT_POINTS,
    args=", sortKey: POSITION",
)
