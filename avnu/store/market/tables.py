"""What the marketplace's database holds of Shopify's resources.

The shop comes first in every key, so that all of a shop's rows stand together and can go together.
There are no foreign keys: resources come in any order, so a parent may be missing for a while.

A resource's row has six columns for its standing, beside its content:

- ``updated_at``: the version, in whole seconds, as Shopify counts. Empty: not seen yet.
- ``read_at``: when it was read from the Admin API, if that was after the second was over; then
  it is the last version of that second. Empty for what a webhook said.
- ``digest``: of the content with its parts; tells the same version from another of the same second.
- ``deleted_at``: the row is a tombstone, and its content is empty.
- ``written_at``: when Avnu wrote the row, by the clock of the host. Indexed, so that a marketplace
  can look for what it was not told of.
- ``existed``: whether there was a live row before the last write; tells created from updated.

A part's row has ``digest`` alone, that of the version it came with: what differs is to be pruned.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

from avnu.store.columns import Instant
from avnu.store.market.columns import Exact, Words
from avnu.store.tables import metadata


def _key(*names: str) -> list[Any]:
    ids = [Column(name, BigInteger, nullable=False) for name in names]
    shop = Column("shop", String(80), nullable=False)
    return [shop, *ids, PrimaryKeyConstraint("shop", *names)]


def _standing(*, deletable: bool = True) -> list[Any]:
    return [
        Column("updated_at", Instant),
        Column("read_at", Instant),
        Column("digest", String(32)),
        *([Column("deleted_at", Instant)] if deletable else []),
        Column("written_at", Instant, nullable=False),
        Column("existed", Boolean, nullable=False),
        Index(None, "written_at"),
    ]


def _part() -> Column[str]:
    return Column("digest", String(32), nullable=False)


products = Table(
    "products",
    metadata,
    *_key("id"),
    *_standing(),
    Column("partial", Boolean),  # some variants are missing, or older than the product
    Column("title", Text),
    Column("handle", Text),
    Column("body_html", Text),
    Column("vendor", Text),
    Column("product_type", Text),
    Column("status", Text),
    Column("tags", Text),  # separated by commas
    Column("currency", String(5)),  # of the variants' prices; the payload does not name it
    Column("created_at", Instant),
    Column("published_at", Instant),
)

# Stock is not here: it changes without the product's version, and inventory_levels has it.
variants = Table(
    "variants",
    metadata,
    *_key("product_id", "id"),
    _part(),
    Column("inventory_item_id", BigInteger),
    Column("position", BigInteger),
    Column("title", Text),
    Column("sku", Text),
    Column("barcode", Text),
    Column("option1", Text),
    Column("option2", Text),
    Column("option3", Text),
    Column("price", Exact),
    Column("compare_at_price", Exact),
    Column("inventory_policy", Text),
    Column("taxable", Boolean),
    Index("ix_variants_shop_id", "shop", "id"),  # by a line of an order
    Index("ix_variants_shop_inventory_item_id", "shop", "inventory_item_id"),  # by a level
)

inventory_items = Table(
    "inventory_items",
    metadata,
    *_key("id"),
    *_standing(),
    Column("sku", Text),
    Column("cost", Exact),
    Column("currency", String(5)),  # of the cost; the payload does not name it
    Column("tracked", Boolean),
    Column("requires_shipping", Boolean),
    Column("country_code_of_origin", Text),
    Column("harmonized_system_code", Text),
    Column("created_at", Instant),
)

inventory_levels = Table(
    "inventory_levels",
    metadata,
    *_key("inventory_item_id", "location_id"),
    *_standing(),
    Column("available", BigInteger),  # empty: not tracked
)

# The name and the region, to say where stock lies; no street.
locations = Table(
    "locations",
    metadata,
    *_key("id"),
    *_standing(),
    Column("name", Text),
    Column("active", Boolean),
    Column("legacy", Boolean),  # it belongs to a fulfilment service
    Column("country_code", Text),
    Column("province_code", Text),
    Column("created_at", Instant),
)

# All there is of the customer is the id, to find a customer's orders and to redact them.
# Amounts are in the shop's currency; what the customer saw is ``presentment_total``.
orders = Table(
    "orders",
    metadata,
    *_key("id"),
    *_standing(),
    Column("redacted_at", Instant),  # whatever comes later: no customer, no tracking
    Column("customer_id", BigInteger),
    Column("name", Text),
    Column("number", BigInteger),
    Column("test", Boolean),
    Column("created_at", Instant),
    Column("utc_offset_min", SmallInteger),  # of created_at, for the merchant's day; empty: unknown
    Column("processed_at", Instant),
    Column("cancelled_at", Instant),
    Column("closed_at", Instant),
    Column("cancel_reason", Text),
    Column("financial_status", Text),
    Column("fulfillment_status", Text),
    Column("currency", String(5)),
    Column("subtotal", Exact),
    Column("shipping", Exact),
    Column("tax", Exact),
    Column("discounts", Exact),
    Column("total", Exact),  # as ordered
    Column("current_total", Exact),  # after edits, returns and refunds
    Column("presentment_currency", String(5)),
    Column("presentment_total", Exact),
    Index("ix_orders_shop_customer_id", "shop", "customer_id"),
)

order_lines = Table(
    "order_lines",
    metadata,
    *_key("order_id", "id"),
    _part(),
    Column("product_id", BigInteger),
    Column("variant_id", BigInteger),
    Column("sku", Text),
    Column("title", Text),
    Column("quantity", BigInteger),  # as ordered
    Column("current_quantity", BigInteger),  # after edits
    Column("fulfillable_quantity", BigInteger),
    Column("fulfillment_status", Text),
    Column("price", Exact),  # of one piece, before discounts
    Column("discount", Exact),
    Column("currency", String(5)),
)

# Its ``updated_at`` is when it was created, as a refund never changes.
refunds = Table(
    "refunds",
    metadata,
    *_key("id"),
    *_standing(deletable=False),  # the order's tombstone stands for it
    Column("order_id", BigInteger, nullable=False),
    Column("processed_at", Instant),
    Index("ix_refunds_shop_order_id", "shop", "order_id"),
)

refund_lines = Table(
    "refund_lines",
    metadata,
    *_key("refund_id", "id"),
    _part(),
    Column("line_item_id", BigInteger),
    Column("location_id", BigInteger),  # where the pieces were put back into stock
    Column("quantity", BigInteger),
    Column("restock_type", Text),
    Column("subtotal", Exact),
    Column("tax", Exact),
    Column("currency", String(5)),
)

refund_transactions = Table(
    "refund_transactions",
    metadata,
    *_key("refund_id", "id"),
    _part(),
    Column("kind", Text),
    Column("status", Text),
    Column("amount", Exact),
    Column("currency", String(5)),  # empty: the order's
    Column("created_at", Instant),
)

# Tracking leads to a person's parcel, so it goes when the order is redacted.
fulfillments = Table(
    "fulfillments",
    metadata,
    *_key("id"),
    *_standing(deletable=False),  # the order's tombstone stands for it
    Column("order_id", BigInteger, nullable=False),
    Column("location_id", BigInteger),
    Column("name", Text),
    Column("status", Text),
    Column("shipment_status", Text),
    Column("created_at", Instant),
    Column("tracking_company", Text),
    Column("tracking_numbers", Words),
    Column("tracking_urls", Words),
    Index("ix_fulfillments_shop_order_id", "shop", "order_id"),
)

fulfillment_lines = Table(
    "fulfillment_lines",
    metadata,
    *_key("fulfillment_id", "id"),  # the id is that of the order's line
    _part(),
    Column("quantity", BigInteger),
)

# Parts before what they are part of.
EVERY = (
    variants,
    products,
    inventory_items,
    inventory_levels,
    locations,
    order_lines,
    orders,
    refund_lines,
    refund_transactions,
    refunds,
    fulfillment_lines,
    fulfillments,
)
