"""Payloads of orders/*, refunds/create and fulfillments/* (API version 2026-07)."""

import msgspec

from avnu.shopify.payloads.fields import Amount, Currency, Id, MoneySet, Time, WithId


class LineItem(WithId, frozen=True, kw_only=True):
    """One line of an order; ``quantity`` as ordered, ``current_quantity`` after edits."""

    product_id: Id | None = None  # None also for a custom item, which has no product
    variant_id: Id | None = None
    sku: str | None = None
    title: str | None = None
    quantity: int | None = None
    current_quantity: int | None = None
    fulfillable_quantity: int | None = None
    fulfillment_status: str | None = None
    price_set: MoneySet | None = None  # of one piece, before discounts
    total_discount_set: MoneySet | None = None


class Transaction(WithId, frozen=True, kw_only=True):
    """A movement of money; ``currency`` None means the order's own."""

    kind: str | None = None
    status: str | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    created_at: Time | None = None


class RefundLine(WithId, frozen=True, kw_only=True):
    """Pieces of one order line that were refunded, and what became of them."""

    line_item_id: Id | None = None
    location_id: Id | None = None  # where they were put back into stock
    quantity: int | None = None
    restock_type: str | None = None
    # Beside these stand floats named subtotal and total_tax, which are not exact.
    subtotal_set: MoneySet | None = None
    total_tax_set: MoneySet | None = None


class Refund(WithId, frozen=True, kw_only=True):
    """A refund; it has no ``updated_at`` because it never changes."""

    order_id: Id | None = None
    created_at: Time | None = None
    processed_at: Time | None = None
    refund_line_items: tuple[RefundLine, ...] | None = None
    transactions: tuple[Transaction, ...] | None = None


class Fulfillment(WithId, frozen=True, kw_only=True):
    """One shipment of an order; ``line_items`` are the lines and quantities in it."""

    order_id: Id | None = None
    location_id: Id | None = None
    name: str | None = None  # "#1001.1"
    status: str | None = None
    shipment_status: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    tracking_company: str | None = None
    tracking_numbers: tuple[str, ...] | None = None
    tracking_urls: tuple[str, ...] | None = None
    line_items: tuple[LineItem, ...] | None = None


class OrderCustomer(WithId, frozen=True, kw_only=True):
    """Who ordered, by id alone."""


class Order(WithId, frozen=True, kw_only=True):
    """A whole order, as every orders/* topic but edited and delete sends it."""

    name: str | None = None  # "#1001"
    order_number: int | None = None
    test: bool | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    processed_at: Time | None = None
    cancelled_at: Time | None = None
    closed_at: Time | None = None
    cancel_reason: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    currency: Currency | None = None
    presentment_currency: Currency | None = None
    subtotal_price_set: MoneySet | None = None
    total_shipping_price_set: MoneySet | None = None
    total_tax_set: MoneySet | None = None
    total_discounts_set: MoneySet | None = None
    total_price_set: MoneySet | None = None  # as ordered
    current_total_price_set: MoneySet | None = None  # after edits, returns and refunds
    customer: OrderCustomer | None = None
    line_items: tuple[LineItem, ...] | None = None
    fulfillments: tuple[Fulfillment, ...] | None = None
    refunds: tuple[Refund, ...] | None = None


class OrderDeleted(WithId, frozen=True, kw_only=True):
    """All that is left of a deleted order: its id."""


class OrderEdit(WithId, frozen=True, kw_only=True):
    """An edit that a merchant committed: which order, and when."""

    order_id: Id
    created_at: Time | None = None
    committed_at: Time | None = None


class OrderEdited(msgspec.Struct, frozen=True, kw_only=True):
    """The body of orders/edited: an edit in an envelope."""

    order_edit: OrderEdit
