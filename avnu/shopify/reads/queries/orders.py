"""Orders with the first of their lines, refunds and shipments, and what goes beyond the first.

Shopify shows orders older than 60 days only to apps with the scope read_all_orders, and customers
only to those with read_customers.
"""

import msgspec

from avnu.shopify.payloads.fields import Currency, Time
from avnu.shopify.query import Connection, NodesQuery
from avnu.shopify.reads.queries.fields import (
    BOTH_MONEY,
    PAGE,
    SEEN_MONEY,
    SHOP_MONEY,
    Int,
    MoneyBag,
    Named,
    SeenMoney,
)
from avnu.shopify.reads.queries.more import more

_LINE_POINTS, _SHIPPED_LINE_POINTS, _REFUND_LINE_POINTS, _TRANSACTION_POINTS = 7, 2, 7, 3
# Itself, its customer, five sums in one currency and one in two.
_ORDER_POINTS = 1 + 1 + 5 * 2 + 3


class LineNode(msgspec.Struct, frozen=True, rename="camel"):
    """A line; a custom one has no product, nor does one whose product was deleted."""

    id: str
    title: str
    quantity: Int
    current_quantity: Int
    unfulfilled_quantity: Int
    original_unit_price_set: MoneyBag
    total_discount_set: MoneyBag
    product: Named | None = None
    variant: Named | None = None
    sku: str | None = None


class ShippedLineNode(msgspec.Struct, frozen=True, rename="camel"):
    """Pieces of a line in a shipment."""

    line_item: Named
    quantity: Int | None = None


class Tracking(msgspec.Struct, frozen=True):
    """A parcel."""

    company: str | None = None
    number: str | None = None
    url: str | None = None


class ShipmentNode(msgspec.Struct, frozen=True, rename="camel"):
    """A shipment with its first lines."""

    id: str
    name: str
    status: str
    created_at: Time
    updated_at: Time
    tracking_info: tuple[Tracking, ...]
    fulfillment_line_items: Connection[ShippedLineNode]
    display_status: str | None = None
    location: Named | None = None


class RefundLineNode(msgspec.Struct, frozen=True, rename="camel"):
    """Pieces of a line that were refunded."""

    id: str
    quantity: Int
    restock_type: str
    line_item: Named
    subtotal_set: MoneyBag
    total_tax_set: MoneyBag
    location: Named | None = None


class TransactionNode(msgspec.Struct, frozen=True, rename="camel"):
    """Money that went back, in the currency that the customer paid in."""

    id: str
    kind: str
    status: str
    amount_set: SeenMoney
    created_at: Time | None = None


class RefundNode(msgspec.Struct, frozen=True, rename="camel"):
    """A refund with its first lines and transactions."""

    id: str
    refund_line_items: Connection[RefundLineNode]
    transactions: Connection[TransactionNode]
    updated_at: Time
    created_at: Time | None = None
    processed_at: Time | None = None


class OrderNode(msgspec.Struct, frozen=True, rename="camel"):
    """An order with its first lines."""

    id: str
    name: str
    number: Int
    test: bool
    created_at: Time
    updated_at: Time
    processed_at: Time
    display_fulfillment_status: str
    currency_code: Currency
    presentment_currency_code: Currency
    total_price_set: MoneyBag
    current_total_price_set: MoneyBag
    line_items: Connection[LineNode]
    refunds: tuple[RefundNode, ...]
    fulfillments: tuple[ShipmentNode, ...]
    subtotal_price_set: MoneyBag | None = None
    total_shipping_price_set: MoneyBag | None = None
    total_tax_set: MoneyBag | None = None
    total_discounts_set: MoneyBag | None = None
    customer: Named | None = None
    cancelled_at: Time | None = None
    closed_at: Time | None = None
    cancel_reason: str | None = None
    display_financial_status: str | None = None


_LINE = (
    "id title sku quantity currentQuantity unfulfilledQuantity product { id } variant { id }"
    f" originalUnitPriceSet {SHOP_MONEY} totalDiscountSet {SHOP_MONEY}"
)
_SHIPPED_LINE = "quantity lineItem { id }"
_REFUND_LINE = (
    "id quantity restockType lineItem { id } location { id }"
    f" subtotalSet {SHOP_MONEY} totalTaxSet {SHOP_MONEY}"
)
_TRANSACTION = f"id kind status createdAt amountSet {SEEN_MONEY}"
_ORDER = (
    "id name number test createdAt updatedAt processedAt cancelledAt closedAt cancelReason"
    " displayFinancialStatus displayFulfillmentStatus currencyCode presentmentCurrencyCode"
    f" customer {{ id }} subtotalPriceSet {SHOP_MONEY} totalShippingPriceSet {SHOP_MONEY}"
    f" totalTaxSet {SHOP_MONEY} totalDiscountsSet {SHOP_MONEY} totalPriceSet {BOTH_MONEY}"
    f" currentTotalPriceSet {SHOP_MONEY}"
)


def _list(field: str, first: int, node: str) -> str:
    return f"{field}(first: {first}) {{ nodes {{ {node} }} {PAGE} }}"


def _orders(
    name: str, *, lines: int, shipped: int, refunded: int, transactions: int
) -> NodesQuery[OrderNode]:
    """So many of each at once; refunds and shipments are no connections, and all come."""
    shipment = (
        "id name status displayStatus createdAt updatedAt location { id }"
        " trackingInfo { company number url }"
        f" {_list('fulfillmentLineItems', shipped, _SHIPPED_LINE)}"
    )
    refund = (
        "id createdAt updatedAt processedAt"
        f" {_list('refundLineItems', refunded, _REFUND_LINE)}"
        f" {_list('transactions', transactions, _TRANSACTION)}"
    )
    return NodesQuery(
        name=name,
        kind="Order",
        fields=(
            f"{_ORDER} {_list('lineItems', lines, _LINE)}"
            f" fulfillments {{ {shipment} }} refunds {{ {refund} }}"
        ),
        answer=OrderNode,
        # A list that is no connection is reckoned as one object.
        each=_ORDER_POINTS
        + lines * _LINE_POINTS
        + (3 + shipped * _SHIPPED_LINE_POINTS)
        + (1 + refunded * _REFUND_LINE_POINTS + transactions * _TRANSACTION_POINTS),
    )


ORDERS = _orders("WholeOrders", lines=5, shipped=5, refunded=1, transactions=1)
# The same for orders with more: whole again, so that no two answers need to agree.
ORDERS_WITH_MORE = _orders("WholeOrdersWithMore", lines=25, shipped=25, refunded=10, transactions=5)


# ---- beyond the first page, of one order, shipment or refund


MORE_LINES = more(
    "MoreOrderLines", "Order", "lineItems", _LINE, LineNode, first=100, each=_LINE_POINTS
)
MORE_SHIPPED_LINES = more(
    "MoreShippedLines",
    "Fulfillment",
    "fulfillmentLineItems",
    _SHIPPED_LINE,
    ShippedLineNode,
    first=250,
    each=_SHIPPED_LINE_POINTS,
)
MORE_REFUND_LINES = more(
    "MoreRefundLines",
    "Refund",
    "refundLineItems",
    _REFUND_LINE,
    RefundLineNode,
    first=100,
    each=_REFUND_LINE_POINTS,
)
MORE_TRANSACTIONS = more(
    "MoreRefundTransactions",
    "Refund",
    "transactions",
    _TRANSACTION,
    TransactionNode,
    first=250,
    each=_TRANSACTION_POINTS,
)
