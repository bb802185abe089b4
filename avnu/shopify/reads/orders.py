"""Orders, refunds and shipments, made from answers as ``order_rows`` makes them from webhooks.

Pure. Raises ValueError for ids and amounts that are none. Times are UTC here for every shop, so an
order read has no ``utc_offset_min``.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from avnu.shopify.reads.queries.orders import (
    LineNode,
    OrderNode,
    RefundLineNode,
    RefundNode,
    ShipmentNode,
    TransactionNode,
)
from avnu.shopify.reads.values import amount_in, id_in, id_of, shop_amount, word
from avnu.store.market.versions import (
    FulfilledLine,
    Fulfillment,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    RefundTransaction,
)

# Shipments whose pieces never left, or came back before they did.
_CAME_TO_NOTHING = frozenset({"CANCELLED", "ERROR", "FAILURE"})
# How Shopify displays a shipment that no carrier has reported on: webhooks say null of it.
_UNREPORTED = frozenset(
    {"CANCELED", "FULFILLED", "LABEL_VOIDED", "MARKED_AS_FULFILLED", "NOT_DELIVERED", "SUBMITTED"}
)
# What the REST API tells apart of orders; the other states are those of work under way.
_FULFILLMENT = {
    "FULFILLED": "fulfilled",
    "PARTIALLY_FULFILLED": "partial",
    "RESTOCKED": "restocked",
    "UNFULFILLED": None,
}
_UNDER_WAY = frozenset(
    {"IN_PROGRESS", "ON_HOLD", "OPEN", "PENDING_FULFILLMENT", "REQUEST_DECLINED", "SCHEDULED"}
)


def order(node: OrderNode, read_at: datetime) -> Order:
    """An order with its lines, refunds and shipments."""
    number, shipped = id_of(node.id), _shipped(node)
    total, seen = node.total_price_set.shop_money, node.total_price_set.presentment_money
    refunds = (refund(one, number, read_at) for one in node.refunds)
    return Order(
        id=number,
        updated_at=node.updated_at,
        read_at=read_at,
        customer_id=id_in(node.customer),
        name=node.name,
        number=node.number,
        test=node.test,
        created_at=node.created_at,
        processed_at=node.processed_at,
        cancelled_at=node.cancelled_at,
        closed_at=node.closed_at,
        cancel_reason=word(node.cancel_reason),
        financial_status=word(node.display_financial_status),
        fulfillment_status=_fulfillment_status(node, shipped),
        currency=total.currency_code,
        subtotal=shop_amount(node.subtotal_price_set),
        shipping=shop_amount(node.total_shipping_price_set),
        tax=shop_amount(node.total_tax_set),
        discounts=shop_amount(node.total_discounts_set),
        total=amount_in(total),
        current_total=shop_amount(node.current_total_price_set),
        presentment_currency=seen.currency_code if seen else node.presentment_currency_code,
        presentment_total=amount_in(seen),
        lines=tuple(_line(one, shipped) for one in node.line_items.nodes),
        refunds=tuple(one for one in refunds if one is not None),
        fulfillments=tuple(fulfillment(one, number, read_at) for one in node.fulfillments),
    )


def refund(node: RefundNode, order_id: int, read_at: datetime) -> Refund | None:
    """A refund; None for one that was not made yet, which has no time."""
    if node.created_at is None:
        return None
    return Refund(
        id=id_of(node.id),
        updated_at=node.created_at,
        read_at=read_at,
        order_id=order_id,
        processed_at=node.processed_at,
        lines=tuple(map(_refund_line, node.refund_line_items.nodes)),
        transactions=tuple(map(_transaction, node.transactions.nodes)),
    )


def fulfillment(node: ShipmentNode, order_id: int, read_at: datetime) -> Fulfillment:
    """A shipment."""
    parcels, status = node.tracking_info, node.display_status
    return Fulfillment(
        id=id_of(node.id),
        updated_at=node.updated_at,
        read_at=read_at,
        order_id=order_id,
        location_id=id_in(node.location),
        name=node.name,
        status=word(node.status),
        shipment_status=None if status in _UNREPORTED else word(status),
        created_at=node.created_at,
        tracking_company=parcels[0].company if parcels else None,
        tracking_numbers=tuple(one.number for one in parcels if one.number is not None),
        tracking_urls=tuple(one.url for one in parcels if one.url is not None),
        lines=tuple(
            FulfilledLine(id=id_of(one.line_item.id), quantity=one.quantity)
            for one in node.fulfillment_line_items.nodes
        ),
    )


def _line(node: LineNode, shipped: Mapping[str, int]) -> OrderLine:
    price = node.original_unit_price_set.shop_money
    return OrderLine(
        id=id_of(node.id),
        product_id=id_in(node.product),
        variant_id=id_in(node.variant),
        sku=node.sku,
        title=node.title,
        quantity=node.quantity,
        current_quantity=node.current_quantity,
        fulfillable_quantity=node.unfulfilled_quantity,
        fulfillment_status=_line_status(node, shipped),
        price=amount_in(price),
        discount=shop_amount(node.total_discount_set),
        currency=price.currency_code,
    )


def _line_status(node: LineNode, shipped: Mapping[str, int]) -> str | None:
    """Nothing shipped yet, some of it, or all that there was to ship."""
    if not shipped.get(node.id):
        return None
    return "partial" if node.unfulfilled_quantity else "fulfilled"


def _fulfillment_status(node: OrderNode, shipped: Mapping[str, int]) -> str | None:
    status = node.display_fulfillment_status
    if status in _UNDER_WAY:
        return "partial" if any(shipped.values()) else None
    return _FULFILLMENT[status] if status in _FULFILLMENT else word(status)


def _shipped(node: OrderNode) -> Mapping[str, int]:
    """Pieces by line."""
    pieces: Counter[str] = Counter()
    for shipment in node.fulfillments:
        if shipment.status not in _CAME_TO_NOTHING:
            for one in shipment.fulfillment_line_items.nodes:
                pieces[one.line_item.id] += one.quantity or 0
    return pieces


def _refund_line(node: RefundLineNode) -> RefundLine:
    subtotal = node.subtotal_set.shop_money
    return RefundLine(
        id=id_of(node.id),
        line_item_id=id_of(node.line_item.id),
        location_id=id_in(node.location),
        quantity=node.quantity,
        restock_type=word(node.restock_type),
        subtotal=amount_in(subtotal),
        tax=shop_amount(node.total_tax_set),
        currency=subtotal.currency_code,
    )


def _transaction(node: TransactionNode) -> RefundTransaction:
    # Webhooks name the amount that the customer saw.
    money = node.amount_set.presentment_money
    return RefundTransaction(
        id=id_of(node.id),
        kind=word(node.kind),
        status=word(node.status),
        amount=amount_in(money),
        currency=money.currency_code,
        created_at=node.created_at,
    )
