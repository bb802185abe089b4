"""Products, stock and orders."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
# SQLite would turn an amount into a double; as text it is exact.
_AMOUNT = sa.Numeric().with_variant(sa.Text(), "sqlite")


def _key(table: str, *names: str) -> list[Any]:
    ids = [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
    key = sa.PrimaryKeyConstraint("shop", *names, name=f"pk_{table}")
    return [sa.Column("shop", sa.String(80), nullable=False), *ids, key]


def _standing(*, deletable: bool = True) -> list[Any]:
    return [
        sa.Column("updated_at", _MOMENT),
        sa.Column("read_at", _MOMENT),
        sa.Column("digest", sa.String(32)),
        *([sa.Column("deleted_at", _MOMENT)] if deletable else []),
        sa.Column("written_at", _MOMENT, nullable=False),
        sa.Column("existed", sa.Boolean, nullable=False),
    ]


def _part() -> Any:
    return sa.Column("digest", sa.String(32), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _products()
    _stock()
    _orders()
    _of_orders()


def downgrade() -> None:
    """Remove them; Shopify has all that was in them."""
    for table in (
        "fulfillments",
        "fulfillment_lines",
        "refunds",
        "refund_transactions",
        "refund_lines",
        "orders",
        "order_lines",
        "locations",
        "inventory_levels",
        "inventory_items",
        "products",
        "variants",
    ):
        op.drop_table(table)


def _products() -> None:
    op.create_table(
        "products",
        *_key("products", "id"),
        *_standing(),
        sa.Column("partial", sa.Boolean),
        sa.Column("title", sa.Text),
        sa.Column("handle", sa.Text),
        sa.Column("body_html", sa.Text),
        sa.Column("vendor", sa.Text),
        sa.Column("product_type", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("currency", sa.String(5)),
        sa.Column("created_at", _MOMENT),
        sa.Column("published_at", _MOMENT),
    )
    op.create_index("ix_products_written_at", "products", ["written_at"])
    op.create_table(
        "variants",
        *_key("variants", "product_id", "id"),
        _part(),
        sa.Column("inventory_item_id", sa.BigInteger),
        sa.Column("position", sa.BigInteger),
        sa.Column("title", sa.Text),
        sa.Column("sku", sa.Text),
        sa.Column("barcode", sa.Text),
        sa.Column("option1", sa.Text),
        sa.Column("option2", sa.Text),
        sa.Column("option3", sa.Text),
        sa.Column("price", _AMOUNT),
        sa.Column("compare_at_price", _AMOUNT),
        sa.Column("inventory_policy", sa.Text),
        sa.Column("taxable", sa.Boolean),
    )
    op.create_index("ix_variants_shop_id", "variants", ["shop", "id"])
    op.create_index("ix_variants_shop_inventory_item_id", "variants", ["shop", "inventory_item_id"])


def _stock() -> None:
    op.create_table(
        "inventory_items",
        *_key("inventory_items", "id"),
        *_standing(),
        sa.Column("sku", sa.Text),
        sa.Column("cost", _AMOUNT),
        sa.Column("currency", sa.String(5)),
        sa.Column("tracked", sa.Boolean),
        sa.Column("requires_shipping", sa.Boolean),
        sa.Column("country_code_of_origin", sa.Text),
        sa.Column("harmonized_system_code", sa.Text),
        sa.Column("created_at", _MOMENT),
    )
    op.create_index("ix_inventory_items_written_at", "inventory_items", ["written_at"])
    op.create_table(
        "inventory_levels",
        *_key("inventory_levels", "inventory_item_id", "location_id"),
        *_standing(),
        sa.Column("available", sa.BigInteger),
    )
    op.create_index("ix_inventory_levels_written_at", "inventory_levels", ["written_at"])
    op.create_table(
        "locations",
        *_key("locations", "id"),
        *_standing(),
        sa.Column("name", sa.Text),
        sa.Column("active", sa.Boolean),
        sa.Column("legacy", sa.Boolean),
        sa.Column("country_code", sa.Text),
        sa.Column("province_code", sa.Text),
        sa.Column("created_at", _MOMENT),
    )
    op.create_index("ix_locations_written_at", "locations", ["written_at"])


def _orders() -> None:
    op.create_table(
        "orders",
        *_key("orders", "id"),
        *_standing(),
        sa.Column("redacted_at", _MOMENT),
        sa.Column("customer_id", sa.BigInteger),
        sa.Column("name", sa.Text),
        sa.Column("number", sa.BigInteger),
        sa.Column("test", sa.Boolean),
        sa.Column("created_at", _MOMENT),
        sa.Column("utc_offset_min", sa.SmallInteger),
        sa.Column("processed_at", _MOMENT),
        sa.Column("cancelled_at", _MOMENT),
        sa.Column("closed_at", _MOMENT),
        sa.Column("cancel_reason", sa.Text),
        sa.Column("financial_status", sa.Text),
        sa.Column("fulfillment_status", sa.Text),
        sa.Column("currency", sa.String(5)),
        sa.Column("subtotal", _AMOUNT),
        sa.Column("shipping", _AMOUNT),
        sa.Column("tax", _AMOUNT),
        sa.Column("discounts", _AMOUNT),
        sa.Column("total", _AMOUNT),
        sa.Column("current_total", _AMOUNT),
        sa.Column("presentment_currency", sa.String(5)),
        sa.Column("presentment_total", _AMOUNT),
    )
    op.create_index("ix_orders_shop_customer_id", "orders", ["shop", "customer_id"])
    op.create_index("ix_orders_written_at", "orders", ["written_at"])
    op.create_table(
        "order_lines",
        *_key("order_lines", "order_id", "id"),
        _part(),
        sa.Column("product_id", sa.BigInteger),
        sa.Column("variant_id", sa.BigInteger),
        sa.Column("sku", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("current_quantity", sa.BigInteger),
        sa.Column("fulfillable_quantity", sa.BigInteger),
        sa.Column("fulfillment_status", sa.Text),
        sa.Column("price", _AMOUNT),
        sa.Column("discount", _AMOUNT),
        sa.Column("currency", sa.String(5)),
    )


def _of_orders() -> None:
    op.create_table(
        "refunds",
        *_key("refunds", "id"),
        *_standing(deletable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("processed_at", _MOMENT),
    )
    op.create_index("ix_refunds_shop_order_id", "refunds", ["shop", "order_id"])
    op.create_index("ix_refunds_written_at", "refunds", ["written_at"])
    op.create_table(
        "refund_lines",
        *_key("refund_lines", "refund_id", "id"),
        _part(),
        sa.Column("line_item_id", sa.BigInteger),
        sa.Column("location_id", sa.BigInteger),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("restock_type", sa.Text),
        sa.Column("subtotal", _AMOUNT),
        sa.Column("tax", _AMOUNT),
        sa.Column("currency", sa.String(5)),
    )
    op.create_table(
        "refund_transactions",
        *_key("refund_transactions", "refund_id", "id"),
        _part(),
        sa.Column("kind", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("amount", _AMOUNT),
        sa.Column("currency", sa.String(5)),
        sa.Column("created_at", _MOMENT),
    )
    op.create_table(
        "fulfillments",
        *_key("fulfillments", "id"),
        *_standing(deletable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("location_id", sa.BigInteger),
        sa.Column("name", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("shipment_status", sa.Text),
        sa.Column("created_at", _MOMENT),
        sa.Column("tracking_company", sa.Text),
        sa.Column("tracking_numbers", sa.Text),
        sa.Column("tracking_urls", sa.Text),
    )
    op.create_index("ix_fulfillments_shop_order_id", "fulfillments", ["shop", "order_id"])
    op.create_index("ix_fulfillments_written_at", "fulfillments", ["written_at"])
    op.create_table(
        "fulfillment_lines",
        *_key("fulfillment_lines", "fulfillment_id", "id"),
        _part(),
        sa.Column("quantity", sa.BigInteger),
    )
