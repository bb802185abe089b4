"""What answers of the Admin API are read into: the same versions as webhooks of the same state."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from avnu.shopify.payloads import decode, inventory
from avnu.shopify.payloads import orders as order_payloads
from avnu.shopify.payloads import products as product_payloads
from avnu.shopify.query import gid
from avnu.shopify.reads import Reads
from avnu.store.market import catalogue_rows, order_rows
from avnu.store.market.digest import digest_of
from avnu.store.market.versions import Order, Product, Standing
from tests.support.admin_answers import Answers, a_product, a_variant, page
from tests.support.market import Hand
from tests.support.payloads import own

BODIES = own()
PRODUCT, ITEM, PLACE = 8123400000000000001, 8223400000000000011, 70112233445
ORDER, LINE, CUSTOM_LINE = 6104872219384905731, 7300184460921733377, 7300184460921733379


def reads(**nodes: Any) -> Reads:
    """Answers each query with its one node."""
    answers = {name: (lambda _, node=node: {"nodes": [node]}) for name, node in nodes.items()}
    return Reads(Answers(**answers).admin(), Hand(), lambda: "EUR")


def body(topic: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(BODIES[topic]), **changes}).encode()


def assert_same(read: Standing | None, told: Standing | None) -> None:
    """But for the time of the read, and for what only a webhook says."""
    assert read is not None
    assert told is not None
    assert read.read_at is not None
    plain = replace(read, read_at=None)
    if isinstance(plain, Order) and isinstance(told, Order):
        plain = replace(
            plain,
            refunds=tuple(replace(one, read_at=None) for one in plain.refunds),
            fulfillments=tuple(replace(one, read_at=None) for one in plain.fulfillments),
        )
        told = replace(told, utc_offset_min=None)
    assert plain == told
    assert digest_of(read) == digest_of(told)


# ---- products


def _mug(number: int, title: str, **more: Any) -> dict[str, Any]:
    return a_variant(
        8123400000000000000 + number,
        title=title,
        sku=f"MUG-{number}",
        selectedOptions=[{"value": title}],
        inventoryItem={"id": gid("InventoryItem", 8223400000000000000 + number)},
        **more,
    )


def test_a_product() -> None:
    node = a_product(
        PRODUCT,
        descriptionHtml="<p>Holds tea & coffee</p>",
        tags=["tea", "coffee"],
        variants=page([_mug(11, "Small"), _mug(13, "Large", position=3, price="16.0")], 9),
    )
    told = decode(BODIES["products/create"], product_payloads.Product)
    found = reads(WholeProductsWithMore=node).products([PRODUCT])[PRODUCT]
    assert_same(found, catalogue_rows.product(told, "EUR"))


def _product(**changes: Any) -> Product:
    return reads(WholeProductsWithMore=a_product(PRODUCT, **changes)).products([PRODUCT])[PRODUCT]


def test_options_of_a_variant() -> None:
    options = [{"value": value} for value in ("S", "Red", "Wool")]
    variants = [a_variant(n + 1, selectedOptions=options[:n]) for n in range(4)]
    made = _product(variants=page(variants, 9)).variants
    assert [(one.option1, one.option2, one.option3) for one in made] == [
        (None, None, None),
        ("S", None, None),
        ("S", "Red", None),
        ("S", "Red", "Wool"),
    ]


def test_an_enum_that_is_new_is_spelt_as_rest_would() -> None:
    assert _product(status="UNLISTED").status == "unlisted"
    variants = page([a_variant(1, inventoryPolicy="BACK_ORDER")], 9)
    assert _product(variants=variants).variants[0].inventory_policy == "back_order"


def test_amounts_keep_all_their_digits() -> None:
    price = "123456789012345678.123456789012345678"
    variants = page([a_variant(1, price=price, compareAtPrice="0.0")], 9)
    made = _product(variants=variants).variants[0]
    assert (made.price, made.compare_at_price) == (Decimal(price), Decimal(0))


# ---- stock


def _item(**changes: Any) -> dict[str, Any]:
    return {
        "id": gid("InventoryItem", ITEM),
        "sku": "MUG-11",
        "tracked": True,
        "requiresShipping": True,
        "createdAt": "2026-06-01T12:00:00Z",
        "updatedAt": "2026-06-01T12:00:00Z",
        "unitCost": {"amount": "4.1", "currencyCode": "EUR"},
        "countryCodeOfOrigin": "PT",
        "harmonizedSystemCode": "691110",
        **changes,
    }


def test_an_inventory_item() -> None:
    told = decode(BODIES["inventory_items/create"], inventory.InventoryItem)
    found = reads(WholeItems=_item()).items([ITEM])[ITEM]
    assert_same(found, catalogue_rows.item(told, "EUR"))


def test_an_item_without_a_cost_is_in_the_shops_currency() -> None:
    told = decode(body("inventory_items/create", cost=None), inventory.InventoryItem)
    found = reads(WholeItems=_item(unitCost=None)).items([ITEM])[ITEM]
    assert_same(found, catalogue_rows.item(told, "EUR"))


def _stocked(*, tracked: bool) -> dict[str, Any]:
    level = {
        "updatedAt": "2026-07-01T16:00:00Z",
        "location": {"id": gid("Location", PLACE)},
        "quantities": [{"name": "available", "quantity": 7}],
    }
    own_id = gid("InventoryItem", ITEM)
    return {"id": own_id, "tracked": tracked, "inventoryLevels": page([level], 9)}


@pytest.mark.parametrize(("tracked", "available"), [(True, 7), (False, None)])
def test_a_level(tracked: bool, available: int | None) -> None:
    told = decode(body("inventory_levels/update", available=available), inventory.InventoryLevel)
    (found,) = reads(ItemLevelsInMore=_stocked(tracked=tracked)).levels([ITEM])[ITEM]
    assert_same(found, catalogue_rows.level(told))


def test_a_location() -> None:
    node = {
        "id": gid("Location", PLACE),
        "name": "Workshop",
        "isActive": True,
        "isFulfillmentService": False,
        "address": {"countryCode": "PT", "provinceCode": None},
        "createdAt": "2026-01-01T08:00:00Z",
        "updatedAt": "2026-01-01T08:00:00Z",
    }
    told = decode(BODIES["locations/create"], inventory.Location)
    found = reads(WholeLocations=node).locations([PLACE])[PLACE]
    assert_same(found, catalogue_rows.location(told))


# ---- orders


def _both(euro: str, dollar: str = "1.00") -> dict[str, Any]:
    return {
        "shopMoney": {"amount": euro, "currencyCode": "EUR"},
        "presentmentMoney": {"amount": dollar, "currencyCode": "USD"},
    }


def _line(number: int = LINE, **changes: Any) -> dict[str, Any]:
    return {
        "id": gid("LineItem", number),
        "title": "Mug",
        "sku": "MUG-1",
        "quantity": 2,
        "currentQuantity": 2,
        "unfulfilledQuantity": 2,
        "originalUnitPriceSet": _both("12.5"),
        "totalDiscountSet": _both("0.0"),
        "product": {"id": gid("Product", PRODUCT)},
        "variant": {"id": gid("ProductVariant", 8123400000000000011)},
        **changes,
    }


def _shipment(quantity: int = 2, **changes: Any) -> dict[str, Any]:
    pieces = {"quantity": quantity, "lineItem": {"id": gid("LineItem", LINE)}}
    return {
        "id": gid("Fulfillment", 5400119283746501123),
        "name": "#1001.1",
        "status": "SUCCESS",
        "displayStatus": "FULFILLED",
        "createdAt": "2026-07-02T08:00:00Z",
        "updatedAt": "2026-07-02T08:00:00Z",
        "location": {"id": gid("Location", PLACE)},
        "trackingInfo": [{"company": "DHL", "number": "JD0146", "url": None}],
        "fulfillmentLineItems": page([pieces], 9),
        **changes,
    }


def _refund(**changes: Any) -> dict[str, Any]:
    line = {
        "id": gid("RefundLineItem", 8300118273645500911),
        "quantity": 1,
        "restockType": "RETURN",
        "lineItem": {"id": gid("LineItem", LINE)},
        "location": None,
        "subtotalSet": _both("12.5"),
        "totalTaxSet": _both("0.1"),
    }
    transaction = {
        "id": gid("OrderTransaction", 8400118273645500913),
        "kind": "REFUND",
        "status": "SUCCESS",
        "amountSet": _both("12.60", "13.72"),
        "createdAt": "2026-07-05T07:30:01Z",
    }
    return {
        "id": gid("Refund", 8200118273645500907),
        "createdAt": "2026-07-05T07:30:00Z",
        "updatedAt": "2026-07-05T07:30:00Z",
        "processedAt": "2026-07-05T07:30:00Z",
        "refundLineItems": page([line], 9),
        "transactions": page([transaction], 9),
        **changes,
    }


def _order_node(**changes: Any) -> dict[str, Any]:
    custom = _line(
        CUSTOM_LINE, title="Engraving", sku=None, quantity=1, currentQuantity=1,
        unfulfilledQuantity=1, originalUnitPriceSet=_both("5.0"), product=None, variant=None,
    )  # fmt: skip
    return {
        "id": gid("Order", ORDER),
        "name": "#1001",
        "number": 1001,
        "test": False,
        "createdAt": "2026-07-01T16:00:00Z",
        "updatedAt": "2026-07-01T16:00:00Z",
        "processedAt": "2026-07-01T15:59:58Z",
        "displayFinancialStatus": "PENDING",
        "displayFulfillmentStatus": "UNFULFILLED",
        "currencyCode": "EUR",
        "presentmentCurrencyCode": "USD",
        "customer": {"id": gid("Customer", 7211100000000000533)},
        "subtotalPriceSet": _both("30.0"),
        "totalShippingPriceSet": _both("4.9"),
        "totalTaxSet": _both("0.0"),
        "totalDiscountsSet": _both("0.0"),
        "totalPriceSet": _both("34.9", "38.0"),
        "currentTotalPriceSet": _both("34.9"),
        "lineItems": page([_line(), custom], 9),
        "refunds": [],
        "fulfillments": [],
        **changes,
    }


def _order(**changes: Any) -> Order:
    return reads(WholeOrdersWithMore=_order_node(**changes)).orders([ORDER])[ORDER]


def test_an_order() -> None:
    told = decode(BODIES["orders/create"], order_payloads.Order)
    assert_same(_order(), order_rows.order(told))


def test_an_order_with_its_refunds_and_shipments() -> None:
    bought = json.loads(BODIES["orders/create"])["line_items"]
    shipped = {**bought[0], "fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}
    refund = json.loads(BODIES["refunds/create"])
    # As the customer saw it, like the transactions of Shopify's own webhooks.
    refund["transactions"][0] |= {"amount": "13.72", "currency": "USD"}
    told = body(
        "orders/create",
        line_items=[shipped, bought[1]],
        fulfillments=[json.loads(BODIES["fulfillments/create"])],
        refunds=[refund],
        financial_status="partially_refunded",
        fulfillment_status="partial",
        cancel_reason="customer",
        cancelled_at="2026-07-05T09:30:00+02:00",
        closed_at="2026-07-05T09:30:00+02:00",
    )
    node = {
        "lineItems": page(
            [_line(unfulfilledQuantity=0), _order_node()["lineItems"]["nodes"][1]], 9
        ),
        "displayFinancialStatus": "PARTIALLY_REFUNDED",
        "displayFulfillmentStatus": "PARTIALLY_FULFILLED",
        "cancelReason": "CUSTOMER",
        "cancelledAt": "2026-07-05T07:30:00Z",
        "closedAt": "2026-07-05T07:30:00Z",
        "fulfillments": [_shipment()],
        "refunds": [_refund()],
    }
    assert_same(_order(**node), order_rows.order(decode(told, order_payloads.Order)))


@pytest.mark.parametrize(
    ("unfulfilled", "shipments", "status"),
    [
        (2, [], None),
        (1, [_shipment(1)], "partial"),
        (0, [_shipment(2)], "fulfilled"),
        (0, [_shipment(1)], "fulfilled"),  # and the other piece was refunded
        (0, [], None),  # both pieces were refunded before they left
        (2, [_shipment(2, status="CANCELLED")], None),
        (2, [_shipment(2, status="ERROR")], None),
        (2, [_shipment(2, status="FAILURE")], None),
        (0, [_shipment(2, status="CANCELLED"), _shipment(2)], "fulfilled"),
    ],
)
def test_how_far_a_line_is(unfulfilled: int, shipments: list[Any], status: str | None) -> None:
    lines = page([_line(unfulfilledQuantity=unfulfilled)], 9)
    found = _order(lineItems=lines, fulfillments=shipments)
    assert found.lines[0].fulfillment_status == status
    assert found.lines[0].fulfillable_quantity == unfulfilled


@pytest.mark.parametrize(
    ("displayed", "shipments", "status"),
    [
        ("FULFILLED", [_shipment()], "fulfilled"),
        ("PARTIALLY_FULFILLED", [_shipment(1)], "partial"),
        ("RESTOCKED", [], "restocked"),
        ("UNFULFILLED", [], None),
        ("ON_HOLD", [], None),
        ("IN_PROGRESS", [_shipment(1)], "partial"),
        ("IN_PROGRESS", [_shipment(1, status="CANCELLED")], None),
        ("TELEPORTED", [], "teleported"),
    ],
)
def test_how_far_an_order_is(displayed: str, shipments: list[Any], status: str | None) -> None:
    found = _order(displayFulfillmentStatus=displayed, fulfillments=shipments)
    assert found.fulfillment_status == status


@pytest.mark.parametrize(
    ("displayed", "status"),
    [
        (None, None),
        ("FULFILLED", None),
        ("SUBMITTED", None),
        ("IN_TRANSIT", "in_transit"),
        ("DELIVERED", "delivered"),
        ("TELEPORTED", "teleported"),
    ],
)
def test_what_carriers_report(displayed: str | None, status: str | None) -> None:
    found = _order(fulfillments=[_shipment(displayStatus=displayed)])
    assert found.fulfillments[0].shipment_status == status


def test_parcels_of_a_shipment() -> None:
    parcels = [
        {"company": "DHL", "number": "A", "url": "https://track.example.com/A"},
        {"company": "UPS", "number": "B", "url": None},
    ]
    found = _order(fulfillments=[_shipment(trackingInfo=parcels)]).fulfillments[0]
    assert (found.tracking_company, found.tracking_numbers, found.tracking_urls) == (
        "DHL", ("A", "B"), ("https://track.example.com/A",),
    )  # fmt: skip
    bare = _order(fulfillments=[_shipment(trackingInfo=[])]).fulfillments[0]
    assert (bare.tracking_company, bare.tracking_numbers, bare.tracking_urls) == (None, (), ())


def test_a_refund_that_was_not_made_yet_is_none() -> None:
    assert _order(refunds=[_refund(createdAt=None)]).refunds == ()


def test_what_belongs_to_an_order_is_read_at_its_time() -> None:
    found = _order(refunds=[_refund()], fulfillments=[_shipment()])
    assert {one.read_at for one in (found, *found.refunds, *found.fulfillments)} == {found.read_at}
    assert isinstance(found.read_at, datetime)


# ---- orders with more than a page


def test_an_order_with_more_than_a_page_of_everything() -> None:
    lines = [_line(LINE + n) for n in range(260)]
    pieces = [{"quantity": 1, "lineItem": {"id": gid("LineItem", LINE + n)}} for n in range(260)]
    refunded = [
        {**_refund()["refundLineItems"]["nodes"][0], "id": gid("R", n + 1)} for n in range(120)
    ]
    paid = [{**_refund()["transactions"]["nodes"][0], "id": gid("T", n + 1)} for n in range(6)]
    node = _order_node(
        lineItems=page(lines, 25),
        fulfillments=[_shipment(fulfillmentLineItems=page(pieces, 25))],
        refunds=[_refund(refundLineItems=page(refunded, 10), transactions=page(paid, 5))],
    )

    def more(rows: list[Any], first: int, updated_at: str) -> Any:
        return lambda asked: {
            "node": {"updatedAt": updated_at, "page": page(rows, first, asked["after"])}
        }

    shopify = Answers(
        WholeOrdersWithMore=lambda _: {"nodes": [node]},
        MoreOrderLines=more(lines, 100, node["updatedAt"]),
        MoreShippedLines=more(pieces, 250, "2026-07-02T08:00:00Z"),
        MoreRefundLines=more(refunded, 100, "2026-07-05T07:30:00Z"),
        MoreRefundTransactions=more(paid, 250, "2026-07-05T07:30:00Z"),
    )
    found = Reads(shopify.admin(), Hand(), lambda: "EUR").orders([ORDER])[ORDER]
    assert [one.id for one in found.lines] == [LINE + n for n in range(260)]
    assert len(found.fulfillments[0].lines) == 260
    assert len(found.refunds[0].lines) == 120
    assert len(found.refunds[0].transactions) == 6
    assert shopify.calls == {
        "WholeOrdersWithMore": 1, "MoreOrderLines": 3, "MoreShippedLines": 1, "MoreRefundLines": 2,
        "MoreRefundTransactions": 1,
    }  # fmt: skip
