"""Versions of orders, refunds and shipments, made from webhook payloads. Pure.

Each answers None where the body says too little to be stored, as when it is only ``{"id": …}``:
the resource must be read from the Admin API then. Raises Unreadable for a number that no column
holds. Of the customer only the id is taken; names, addresses, notes and properties of lines are
not even in the payload's structs.
"""

from datetime import datetime
from decimal import Decimal

from avnu.shopify.payloads import orders
from avnu.shopify.payloads.fields import Money, MoneySet
from avnu.store.market.numbers import stored
from avnu.store.market.versions import (
    FulfilledLine,
    Fulfillment,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    RefundTransaction,
)


def order(payload: orders.Order) -> Order | None:
    """An order, with the refunds and shipments in it that can be stored."""
    if payload.updated_at is None or payload.line_items is None:
        return None
    total = _shop_money(payload.total_price_set)
    seen = payload.total_price_set.presentment_money if payload.total_price_set else None
    refunds = (refund(one, payload.id) for one in payload.refunds or ())
    shipments = (fulfillment(one, payload.id) for one in payload.fulfillments or ())
    return Order(
        id=payload.id,
        updated_at=payload.updated_at,
        customer_id=payload.customer.id if payload.customer else None,
        name=payload.name,
        number=stored("order_number", payload.order_number),
        test=payload.test,
        created_at=payload.created_at,
        utc_offset_min=_offset_min(payload.created_at),
        processed_at=payload.processed_at,
        cancelled_at=payload.cancelled_at,
        closed_at=payload.closed_at,
        cancel_reason=payload.cancel_reason,
        financial_status=payload.financial_status,
        fulfillment_status=payload.fulfillment_status,
        # The amounts' own, should the body contradict itself.
        currency=total.currency if total else payload.currency,
        subtotal=_amount(payload.subtotal_price_set),
        shipping=_amount(payload.total_shipping_price_set),
        tax=_amount(payload.total_tax_set),
        discounts=_amount(payload.total_discounts_set),
        total=_amount(payload.total_price_set),
        current_total=_amount(payload.current_total_price_set),
        presentment_currency=seen.currency if seen else payload.presentment_currency,
        presentment_total=seen.amount if seen else None,
        lines=tuple(map(_line, payload.line_items)),
        refunds=tuple(one for one in refunds if one is not None),
        fulfillments=tuple(one for one in shipments if one is not None),
    )


def refund(payload: orders.Refund, order_id: int | None = None) -> Refund | None:
    """A refund; ``order_id`` where it stands inside its order."""
    owner = order_id or payload.order_id
    if payload.created_at is None or payload.refund_line_items is None or owner is None:
        return None
    return Refund(
        id=payload.id,
        updated_at=payload.created_at,
        order_id=owner,
        processed_at=payload.processed_at,
        lines=tuple(map(_refund_line, payload.refund_line_items)),
        transactions=tuple(map(_transaction, payload.transactions or ())),
    )


def fulfillment(payload: orders.Fulfillment, order_id: int | None = None) -> Fulfillment | None:
    """A shipment; ``order_id`` where it stands inside its order."""
    owner = order_id or payload.order_id
    if payload.updated_at is None or owner is None:
        return None
    return Fulfillment(
        id=payload.id,
        updated_at=payload.updated_at,
        order_id=owner,
        location_id=payload.location_id,
        name=payload.name,
        status=payload.status,
        shipment_status=payload.shipment_status,
        created_at=payload.created_at,
        tracking_company=payload.tracking_company,
        tracking_numbers=payload.tracking_numbers,
        tracking_urls=payload.tracking_urls,
        lines=tuple(
            FulfilledLine(id=line.id, quantity=stored("quantity", line.quantity))
            for line in payload.line_items or ()
        ),
    )


def _line(payload: orders.LineItem) -> OrderLine:
    price = _shop_money(payload.price_set)
    return OrderLine(
        id=payload.id,
        product_id=payload.product_id,
        variant_id=payload.variant_id,
        sku=payload.sku,
        title=payload.title,
        quantity=stored("quantity", payload.quantity),
        current_quantity=stored("current_quantity", payload.current_quantity),
        fulfillable_quantity=stored("fulfillable_quantity", payload.fulfillable_quantity),
        fulfillment_status=payload.fulfillment_status,
        price=price.amount if price else None,
        discount=_amount(payload.total_discount_set),
        currency=price.currency if price else None,
    )


def _refund_line(payload: orders.RefundLine) -> RefundLine:
    subtotal = _shop_money(payload.subtotal_set)
    return RefundLine(
        id=payload.id,
        line_item_id=payload.line_item_id,
        location_id=payload.location_id,
        quantity=stored("quantity", payload.quantity),
        restock_type=payload.restock_type,
        subtotal=subtotal.amount if subtotal else None,
        tax=_amount(payload.total_tax_set),
        currency=subtotal.currency if subtotal else None,
    )


def _transaction(payload: orders.Transaction) -> RefundTransaction:
    return RefundTransaction(
        id=payload.id,
        kind=payload.kind,
        status=payload.status,
        amount=payload.amount,
        currency=payload.currency,
        created_at=payload.created_at,
    )


def _shop_money(money: MoneySet | None) -> Money | None:
    return None if money is None else money.shop_money


def _amount(money: MoneySet | None) -> Decimal | None:
    found = _shop_money(money)
    return None if found is None else found.amount


def _offset_min(moment: datetime | None) -> int | None:
    offset = None if moment is None else moment.utcoffset()
    return None if offset is None else int(offset.total_seconds()) // 60
