"""What follows an order, and its bodies: fulfillments/*, refunds/create, orders/edited.

Each of the verbs changes the order and returns the body of its own webhook; the order's next body
holds it too.
"""

from collections.abc import Sequence

from avnu.sandbox.encoding import Payload, local_time, money, money_set, steady_id
from avnu.sandbox.orders import SHIPPING_CENTS, Line, Order, address, line_id, line_item


def fulfill(order: Order, at: float, lines: Sequence[Line]) -> Payload:
    """Send all that is left of some lines in one parcel."""
    sent = [line for line in lines if line.fulfillable]
    quantities = [line.fulfillable for line in sent]
    for line, quantity in zip(sent, quantities, strict=True):
        line.fulfilled += quantity
    items = [
        {**line_item(order, line), "quantity": quantity}
        for line, quantity in zip(sent, quantities, strict=True)
    ]
    order.fulfillments.append(_parcel(order, at, len(order.fulfillments) + 1, items))
    return order.fulfillments[-1]


def deliver(order: Order, at: float) -> Payload:
    """The last parcel has arrived."""
    updated_at = local_time(at, order.shop.offset_minutes)
    last = order.fulfillments[-1]
    order.fulfillments[-1] = {**last, "shipment_status": "delivered", "updated_at": updated_at}
    return order.fulfillments[-1]


def give_back(order: Order, at: float, lines: Sequence[Line], *, shipping: bool = False) -> Payload:
    """Refund all pieces of some lines, and shipping where it is given back as well."""
    items = [_refund_line(order, line, place) for place, line in enumerate(lines)]
    amount = sum(line.cents * (line.quantity - line.refunded) for line in lines)
    amount += SHIPPING_CENTS if shipping else 0
    for line in lines:
        line.refunded = line.quantity
    order.refunded_cents += amount
    paid_back = order.refunded_cents >= order.total_cents
    order.financial_status = "refunded" if paid_back else "partially_refunded"
    order.refunds.append(_refund(order, at, items, amount))
    return order.refunds[-1]


def add_piece(order: Order, at: float) -> Payload:
    """One more piece of the first line, body of orders/edited."""
    order.lines[0].quantity += 1
    when = local_time(at, order.shop.offset_minutes)
    none: Payload = {"additions": [], "removals": []}
    return {
        "order_edit": {
            "id": steady_id(order.id, "edit", when),
            "app_id": None,
            "created_at": when,
            "committed_at": when,
            "notify_customer": False,
            "order_id": order.id,
            "staff_note": "",
            "user_id": None,
            "line_items": {
                "additions": [{"id": line_id(order, order.lines[0]), "delta": 1}],
                "removals": [],
            },
            "discounts": {"line_item": none},
            "shipping_lines": none,
        }
    }


def _parcel(order: Order, at: float, number: int, items: list[Payload]) -> Payload:
    shop = order.shop
    fulfillment_id = steady_id(order.id, "fulfillment", number)
    tracking = f"1Z{fulfillment_id % 10**12:012d}"
    tracking_url = f"https://track.example.com/?requester=ST&number={tracking}"
    return {
        "id": fulfillment_id,
        "order_id": order.id,
        "status": "success",
        "created_at": local_time(at, shop.offset_minutes),
        "service": "manual",
        "updated_at": local_time(at, shop.offset_minutes),
        "tracking_company": "UPS",
        "shipment_status": None,
        "location_id": shop.locations[0],
        "origin_address": None,
        "email": f"{order.buyer.split()[0].lower()}.{order.number}@example.com",
        "destination": address(order),
        "line_items": items,
        "tracking_number": tracking,
        "tracking_numbers": [tracking],
        "tracking_url": tracking_url,
        "tracking_urls": [tracking_url],
        "receipt": {},
        "name": f"#{order.number}.{number}",
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{fulfillment_id}",
    }


def _refund_line(order: Order, line: Line, place: int) -> Payload:
    shop, quantity = order.shop, line.quantity - line.refunded
    amount = line.cents * quantity
    return {
        "id": steady_id(order.id, "refund", len(order.refunds), "line", place),
        "quantity": quantity,
        "line_item_id": line_id(order, line),
        "location_id": shop.locations[0],
        "restock_type": "return" if line.fulfilled else "cancel",
        # Two floats, as Shopify sends them; the exact amounts are in the sets.
        "subtotal": amount / 100,
        "total_tax": 0.0,
        "subtotal_set": money_set(amount, shop.currency),
        "total_tax_set": money_set(0, shop.currency),
        "line_item": line_item(order, line),
    }


def _refund(order: Order, at: float, items: list[Payload], amount: int) -> Payload:
    shop, refund_id = order.shop, steady_id(order.id, "refund", len(order.refunds))
    when = local_time(at, shop.offset_minutes)
    return {
        "id": refund_id,
        "order_id": order.id,
        "created_at": when,
        "note": "Arrived damaged",
        "user_id": None,
        "processed_at": when,
        "restock": True,
        "duties": [],
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
        "refund_line_items": items,
        "transactions": [
            {
                "id": steady_id(refund_id, "transaction"),
                "order_id": order.id,
                "kind": "refund",
                "gateway": "shopify_payments",
                "status": "success",
                "amount": money(amount),
                "currency": shop.currency,
                "created_at": when,
            }
        ],
        "order_adjustments": [],
    }
