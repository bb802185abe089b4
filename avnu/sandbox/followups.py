"""Bodies about what follows an order: fulfillments/*, refunds/create, orders/edited."""

from avnu.sandbox.encoding import Payload, local_time, money, money_set, steady_id
from avnu.sandbox.orders import Order, address, line_id, line_item


def fulfillment_payload(order: Order, at: float, status: str = "success") -> Payload:
    """The parcel that carries every line of the order."""
    shop = order.shop
    fulfillment_id = steady_id(order.id, "fulfillment")
    tracking = f"1Z{order.id % 10**12:012d}"
    tracking_url = f"https://track.example.com/?requester=ST&number={tracking}"
    return {
        "id": fulfillment_id,
        "order_id": order.id,
        "status": status,
        "created_at": local_time(at, shop.offset_minutes),
        "service": "manual",
        "updated_at": local_time(at, shop.offset_minutes),
        "tracking_company": "UPS",
        "shipment_status": None,
        "location_id": shop.locations[0],
        "origin_address": None,
        "email": f"{order.buyer.split()[0].lower()}.{order.number}@example.com",
        "destination": address(order),
        "line_items": [line_item(order, line) for line in order.lines],
        "tracking_number": tracking,
        "tracking_numbers": [tracking],
        "tracking_url": tracking_url,
        "tracking_urls": [tracking_url],
        "receipt": {},
        "name": f"#{order.number}.1",
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{fulfillment_id}",
    }


def refund_payload(order: Order, at: float) -> Payload:
    """The first line of the order, given back."""
    shop, line = order.shop, order.lines[0]
    refund_id, amount = steady_id(order.id, "refund"), line.cents * line.quantity
    item = line_item(order, line)
    return {
        "id": refund_id,
        "order_id": order.id,
        "created_at": local_time(at, shop.offset_minutes),
        "note": "Arrived damaged",
        "user_id": None,
        "processed_at": local_time(at, shop.offset_minutes),
        "restock": True,
        "duties": [],
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
        "refund_line_items": [
            {
                "id": steady_id(refund_id, "line"),
                "quantity": line.quantity,
                "line_item_id": item["id"],
                "location_id": shop.locations[0],
                "restock_type": "return",
                # Two floats, as Shopify sends them; the exact amounts are in the sets.
                "subtotal": amount / 100,
                "total_tax": 0.0,
                "subtotal_set": money_set(amount, shop.currency),
                "total_tax_set": money_set(0, shop.currency),
                "line_item": item,
            }
        ],
        "transactions": [
            {
                "id": steady_id(refund_id, "transaction"),
                "order_id": order.id,
                "kind": "refund",
                "gateway": "shopify_payments",
                "status": "success",
                "amount": money(amount),
                "currency": shop.currency,
                "created_at": local_time(at, shop.offset_minutes),
            }
        ],
        "order_adjustments": [],
    }


def edit_payload(order: Order, at: float) -> Payload:
    """One more piece of the first line, body of orders/edited."""
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
