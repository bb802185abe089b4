"""Orders with their lines, refunds and fulfilments. Values are those of the webhooks."""

from collections.abc import Iterator
from typing import Any

from avnu.sandbox.admin import products, shop_fields
from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.search import Field, Fields
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Lazy, Source
from avnu.sandbox.admin.written import bag, maybe_utc, utc
from avnu.sandbox.encoding import Payload

_FULFILLMENT = {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}
_FIELDS: Fields = {"id": Field(int, lambda order_id: order_id)}


def orders(_: None, info: Info, **args: Any) -> Source:
    """``orders``: by id or by their last change; all, or those that ``query`` finds."""
    shop = info.context.shop

    def make(order_id: int) -> Source:
        node = order_node(shop, order_id)
        assert node is not None
        return node

    return shop.orders().page(args, _FIELDS, make)


def order(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``order(id)``: null for one that is not there."""
    return order_node(info.context.shop, number_in(id, "Order"))


def first_of(source: Source, info: Info, first: int | None = None) -> list[Source]:
    """A list that is no connection: all of it, or its first."""
    made: list[Source] = source[info.field_name]
    return made if first is None else made[:first]


def order_node(shop: ShopWorld, order_id: int) -> Source | None:
    """The order of an id, or None."""
    payload = shop.state.order(order_id)
    return None if payload is None else _order(shop, payload)


def refund_node(shop: ShopWorld, refund_id: int) -> Source | None:
    """The refund of an id, or None."""
    return _part(shop, "refunds", refund_id)


def fulfillment_node(shop: ShopWorld, fulfillment_id: int) -> Source | None:
    """The fulfilment of an id, or None."""
    return _part(shop, "fulfillments", fulfillment_id)


def _part(shop: ShopWorld, field: str, own_id: int) -> Source | None:
    """What belongs to an order; all are looked through, as few callers ask by these ids."""
    for payload in shop.state.all_orders():
        for part, body in enumerate(payload[field]):
            if body["id"] == own_id:
                found: Source = _order(shop, payload)[field][part]
                return found
    return None


def _order(shop: ShopWorld, payload: Payload) -> Source:
    source: Source = {
        "__typename": "Order",
        "id": payload["admin_graphql_api_id"],
        "name": payload["name"],
        "number": payload["order_number"],
        "test": payload["test"],
        "createdAt": utc(payload["created_at"]),
        "updatedAt": utc(payload["updated_at"]),
        "processedAt": utc(payload["processed_at"]),
        "cancelledAt": maybe_utc(payload["cancelled_at"]),
        "closedAt": maybe_utc(payload["closed_at"]),
        "cancelReason": payload["cancel_reason"] and payload["cancel_reason"].upper(),
        "displayFinancialStatus": payload["financial_status"].upper(),
        "displayFulfillmentStatus": _FULFILLMENT[payload["fulfillment_status"]],
        "currencyCode": payload["currency"],
        "presentmentCurrencyCode": payload["presentment_currency"],
        "subtotalPriceSet": lambda: bag(payload["subtotal_price_set"]),
        "totalShippingPriceSet": lambda: bag(payload["total_shipping_price_set"]),
        "totalTaxSet": lambda: bag(payload["total_tax_set"]),
        "totalDiscountsSet": lambda: bag(payload["total_discounts_set"]),
        "totalPriceSet": lambda: bag(payload["total_price_set"]),
        "currentTotalPriceSet": lambda: bag(payload["current_total_price_set"]),
        "customer": {"__typename": "Customer", "id": gid("Customer", payload["customer"]["id"])},
    }
    lines = {line["id"]: _line(shop, line) for line in payload["line_items"]}
    source["lineItems"] = [lambda line=line: line for line in lines.values()]
    source["fulfillments"] = [
        _fulfillment(shop, source, lines, body) for body in payload["fulfillments"]
    ]
    source["refunds"] = [_refund(shop, source, lines, body) for body in payload["refunds"]]
    return source


def _line(shop: ShopWorld, payload: Payload) -> Source:
    return {
        "__typename": "LineItem",
        "id": payload["admin_graphql_api_id"],
        "title": payload["title"],
        "name": payload["name"],
        "sku": payload["sku"],
        "quantity": payload["quantity"],
        "currentQuantity": payload["current_quantity"],
        "unfulfilledQuantity": payload["fulfillable_quantity"],
        "requiresShipping": payload["requires_shipping"],
        "taxable": payload["taxable"],
        "originalUnitPriceSet": lambda: bag(payload["price_set"]),
        "totalDiscountSet": lambda: bag(payload["total_discount_set"]),
        "product": lambda: _named(
            "Product", payload["product_id"], products.product_node(shop, payload["product_id"])
        ),
        "variant": lambda: _named(
            "ProductVariant",
            payload["variant_id"],
            products.variant_node(shop, payload["variant_id"]),
        ),
    }


def _named(kind: str, own_id: int, found: Source | None) -> Source:
    """What a line names; its id stays in the body when the thing itself is gone."""
    return found or Lazy({"__typename": kind, "id": gid(kind, own_id)}, dict)


def _fulfillment(
    shop: ShopWorld, owner: Source, lines: dict[int, Source], payload: Payload
) -> Source:
    status = payload["shipment_status"]
    return {
        "__typename": "Fulfillment",
        "id": payload["admin_graphql_api_id"],
        "name": payload["name"],
        "status": payload["status"].upper(),
        "displayStatus": "FULFILLED" if status is None else status.upper(),
        "createdAt": utc(payload["created_at"]),
        "updatedAt": utc(payload["updated_at"]),
        "location": lambda: shop_fields.location_node(shop, payload["location_id"]),
        "order": owner,
        "trackingInfo": list(_tracking(payload)),
        "fulfillmentLineItems": [
            lambda line=line: {
                "__typename": "FulfillmentLineItem",
                "id": gid("FulfillmentLineItem", payload["id"] ^ line["id"]),
                "quantity": line["quantity"],
                "lineItem": lines[line["id"]],
            }
            for line in payload["line_items"]
        ],
    }


def _tracking(payload: Payload) -> Iterator[Source]:
    for number, url in zip(payload["tracking_numbers"], payload["tracking_urls"], strict=True):
        yield {"company": payload["tracking_company"], "number": number, "url": url}


def _refund(shop: ShopWorld, owner: Source, lines: dict[int, Source], payload: Payload) -> Source:
    return {
        "__typename": "Refund",
        "id": payload["admin_graphql_api_id"],
        "note": payload["note"],
        "createdAt": utc(payload["created_at"]),
        "updatedAt": utc(payload["created_at"]),
        "processedAt": utc(payload["processed_at"]),
        "order": owner,
        "refundLineItems": [
            lambda body=body: _refund_line(shop, lines, body)
            for body in payload["refund_line_items"]
        ],
        "transactions": [lambda body=body: _transaction(body) for body in payload["transactions"]],
    }


def _refund_line(shop: ShopWorld, lines: dict[int, Source], payload: Payload) -> Source:
    return {
        "__typename": "RefundLineItem",
        "id": gid("RefundLineItem", payload["id"]),
        "quantity": payload["quantity"],
        "restockType": payload["restock_type"].upper(),
        "restocked": True,
        "lineItem": lines[payload["line_item_id"]],
        "location": lambda: shop_fields.location_node(shop, payload["location_id"]),
        "subtotalSet": lambda: bag(payload["subtotal_set"]),
        "totalTaxSet": lambda: bag(payload["total_tax_set"]),
    }


def _transaction(payload: Payload) -> Source:
    money = {"amount": payload["amount"], "currency_code": payload["currency"]}
    return {
        "__typename": "OrderTransaction",
        "id": gid("OrderTransaction", payload["id"]),
        "kind": payload["kind"].upper(),
        "status": payload["status"].upper(),
        "gateway": payload["gateway"],
        "amountSet": lambda: bag({"shop_money": money, "presentment_money": money}),
        "createdAt": utc(payload["created_at"]),
        "processedAt": utc(payload["created_at"]),
    }
