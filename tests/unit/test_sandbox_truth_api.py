"""Of a played world, the Admin API's answers are its truth, value by value."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from avnu.sandbox.admin import World
from avnu.sandbox.admin.gids import gid
from avnu.sandbox.encoding import unix_time
from avnu.sandbox.shops import Sizes
from avnu.sandbox.store import FIRST_DAY
from tests.support.admin_schema import ask
from tests.support.told import truth_of


@pytest.fixture(scope="module")
def world() -> World:
    return World.played(5, 8, 1500, sizes=Sizes(500, 300), days=2)


PRODUCT = """query($id: ID!, $after: String) { product(id: $id) {
    id title handle descriptionHtml vendor productType status tags createdAt updatedAt publishedAt
    variantsCount { count }
    variants(first: 250, after: $after) { pageInfo { hasNextPage endCursor } nodes {
        id title sku barcode position price compareAtPrice inventoryPolicy taxable inventoryQuantity
        selectedOptions { name value } inventoryItem { id } createdAt updatedAt } } } }"""
ITEM = """query($id: ID!) { inventoryItem(id: $id) {
    id sku unitCost { amount currencyCode } tracked requiresShipping countryCodeOfOrigin
    harmonizedSystemCode createdAt updatedAt } }"""
LEVEL = """query($id: ID!) { inventoryLevel(id: $id) {
    id updatedAt item { id } location { id } quantities(names: ["available"]) { name quantity } }
    node(id: $id) { id } }"""
LOCATION = """query($id: ID!) { location(id: $id) {
    id name isActive isFulfillmentService address { countryCode provinceCode }
    createdAt updatedAt } }"""
MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
ORDER = (
    """query($id: ID!) { order(id: $id) {
    id name number test createdAt updatedAt processedAt cancelledAt closedAt cancelReason
    displayFinancialStatus displayFulfillmentStatus currencyCode presentmentCurrencyCode
    subtotalPriceSet MONEY totalShippingPriceSet MONEY totalTaxSet MONEY totalDiscountsSet MONEY
    totalPriceSet MONEY currentTotalPriceSet MONEY customer { id }
    lineItems(first: 50) { nodes { id title sku quantity currentQuantity unfulfilledQuantity
        originalUnitPriceSet MONEY totalDiscountSet MONEY product { id } variant { id } } }
    fulfillments { id name status displayStatus createdAt updatedAt location { id }
        trackingInfo { company number url }
        fulfillmentLineItems(first: 50) { nodes { quantity lineItem { id } } } }
    refunds { id createdAt processedAt
        refundLineItems(first: 50) { nodes { id quantity restockType location { id }
            lineItem { id } subtotalSet MONEY totalTaxSet MONEY } }
        transactions(first: 50) { nodes { id kind status createdAt amountSet MONEY } } } } }"""
).replace("MONEY", MONEY)


def changed(world: World, kind: str) -> Iterator[tuple[str, Any]]:
    """What changed on these days, and as much again of what did not."""
    recent = truth_of(world, kind, since=FIRST_DAY)
    every = truth_of(world, kind)
    older = [key for key in every if key not in recent][: len(recent)]
    for domain, key in (*recent, *older):
        yield domain, every[domain, key]


def at(text: str | None) -> int | None:
    """A time of either writing, as an instant."""
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return int(found.astimezone(UTC).timestamp())


def same(told: Any, body: Any, **names: str) -> None:
    """Fields of an answer, by the names that webhooks give them."""
    for field, name in names.items():
        value, wanted = told[field], body[name]
        if name.endswith("_at"):
            value, wanted = at(value), at(wanted)
        elif name.endswith("_set"):
            value = {side: money(value[side]) for side in ("shopMoney", "presentmentMoney")}
            wanted = {
                "shopMoney": webhook_money(wanted["shop_money"]),
                "presentmentMoney": webhook_money(wanted["presentment_money"]),
            }
        assert value == wanted, (field, value, wanted)


def money(value: Any) -> tuple[Decimal, str]:
    return Decimal(value["amount"]), value["currencyCode"]


def webhook_money(value: Any) -> tuple[Decimal, str]:
    return Decimal(value["amount"]), value["currency_code"]


def test_products_of_the_api(world: World) -> None:
    for domain, body in changed(world, "products"):
        variants: list[Any] = []
        after, more = None, True
        while more:
            found = ask(world, domain, PRODUCT, id=body["admin_graphql_api_id"], after=after)
            told = found["product"]
            page = told["variants"]
            variants += page["nodes"]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        same(
            told, body,
            id="admin_graphql_api_id", title="title", handle="handle", descriptionHtml="body_html",
            vendor="vendor", productType="product_type", createdAt="created_at",
            updatedAt="updated_at", publishedAt="published_at",
        )  # fmt: skip
        assert told["status"] == body["status"].upper()
        assert ", ".join(told["tags"]) == body["tags"]
        assert told["variantsCount"]["count"] == len(variants) == len(body["variant_gids"])
        for variant, sent in zip(variants, body["variants"], strict=True):
            same(
                variant, sent,
                id="admin_graphql_api_id", title="title", sku="sku", barcode="barcode",
                position="position", price="price", compareAtPrice="compare_at_price",
                taxable="taxable", createdAt="created_at", updatedAt="updated_at",
                inventoryQuantity="inventory_quantity",
            )  # fmt: skip
            assert variant["inventoryPolicy"] == sent["inventory_policy"].upper()
            assert variant["selectedOptions"] == [{"name": "Size", "value": sent["option1"]}]
            assert variant["inventoryItem"]["id"] == gid("InventoryItem", sent["inventory_item_id"])


def test_items_of_the_api(world: World) -> None:
    for domain, body in changed(world, "items"):
        told = ask(world, domain, ITEM, id=body["admin_graphql_api_id"])["inventoryItem"]
        same(
            told, body,
            id="admin_graphql_api_id", sku="sku", tracked="tracked",
            requiresShipping="requires_shipping", createdAt="created_at", updatedAt="updated_at",
            countryCodeOfOrigin="country_code_of_origin",
            harmonizedSystemCode="harmonized_system_code",
        )  # fmt: skip
        currency = world.shop(domain).shop.currency
        assert money(told["unitCost"]) == (Decimal(body["cost"]), currency)


def test_levels_of_the_api(world: World) -> None:
    for domain, body in changed(world, "levels"):
        found = ask(world, domain, LEVEL, id=body["admin_graphql_api_id"])
        assert found["node"] == {"id": body["admin_graphql_api_id"]}
        assert at(found["inventoryLevel"].pop("updatedAt")) == at(body["updated_at"])
        assert found["inventoryLevel"] == {
            "id": body["admin_graphql_api_id"],
            "item": {"id": gid("InventoryItem", body["inventory_item_id"])},
            "location": {"id": gid("Location", body["location_id"])},
            "quantities": [{"name": "available", "quantity": body["available"]}],
        }


def test_locations_of_the_api(world: World) -> None:
    active = set()
    for domain, body in changed(world, "locations"):
        told = ask(world, domain, LOCATION, id=body["admin_graphql_api_id"])["location"]
        same(
            told, body,
            id="admin_graphql_api_id", name="name", isActive="active",
            isFulfillmentService="legacy", createdAt="created_at", updatedAt="updated_at",
        )  # fmt: skip
        same(told["address"], body, countryCode="country_code", provinceCode="province_code")
        active.add(told["isActive"])
    assert active == {True, False}


def test_orders_of_the_api(world: World) -> None:
    seen = Counter[str]()
    for domain, body in changed(world, "orders"):
        told = ask(world, domain, ORDER, id=body["admin_graphql_api_id"])["order"]
        same(
            told, body,
            id="admin_graphql_api_id", name="name", number="order_number", test="test",
            createdAt="created_at", updatedAt="updated_at", processedAt="processed_at",
            cancelledAt="cancelled_at", closedAt="closed_at", currencyCode="currency",
            presentmentCurrencyCode="presentment_currency", subtotalPriceSet="subtotal_price_set",
            totalShippingPriceSet="total_shipping_price_set", totalTaxSet="total_tax_set",
            totalDiscountsSet="total_discounts_set", totalPriceSet="total_price_set",
            currentTotalPriceSet="current_total_price_set",
        )  # fmt: skip
        status = told["displayFinancialStatus"], told["displayFulfillmentStatus"]
        seen.update(status)
        assert status[0] == body["financial_status"].upper()
        assert {
            "UNFULFILLED": None, "PARTIALLY_FULFILLED": "partial", "FULFILLED": "fulfilled",
        }[status[1]] == body["fulfillment_status"]  # fmt: skip
        assert told["cancelReason"] == (body["cancel_reason"] and body["cancel_reason"].upper())
        assert told["customer"]["id"] == gid("Customer", body["customer"]["id"])
        same_lines(told, body)
        same_fulfillments(told, body)
        same_refunds(told, body)
    assert {"PAID", "PARTIALLY_REFUNDED", "REFUNDED", "UNFULFILLED", "FULFILLED"} <= seen.keys()


def same_lines(told: Any, body: Any) -> None:
    for line, sent in zip(told["lineItems"]["nodes"], body["line_items"], strict=True):
        same(
            line, sent,
            id="admin_graphql_api_id", title="title", sku="sku", quantity="quantity",
            currentQuantity="current_quantity", unfulfilledQuantity="fulfillable_quantity",
            originalUnitPriceSet="price_set", totalDiscountSet="total_discount_set",
        )  # fmt: skip
        assert line["product"]["id"] == gid("Product", sent["product_id"])
        assert line["variant"]["id"] == gid("ProductVariant", sent["variant_id"])


def same_fulfillments(told: Any, body: Any) -> None:
    for parcel, sent in zip(told["fulfillments"], body["fulfillments"], strict=True):
        same(
            parcel, sent,
            id="admin_graphql_api_id", name="name", createdAt="created_at", updatedAt="updated_at",
        )  # fmt: skip
        assert parcel["status"] == sent["status"].upper()
        assert parcel["displayStatus"] == (sent["shipment_status"] or "fulfilled").upper()
        assert parcel["location"]["id"] == gid("Location", sent["location_id"])
        (parcel_track,) = parcel["trackingInfo"]
        assert parcel_track == {
            "company": sent["tracking_company"], "number": sent["tracking_number"],
            "url": sent["tracking_url"],
        }  # fmt: skip
        assert [
            (line["lineItem"]["id"], line["quantity"])
            for line in parcel["fulfillmentLineItems"]["nodes"]
        ] == [(line["admin_graphql_api_id"], line["quantity"]) for line in sent["line_items"]]


def same_refunds(told: Any, body: Any) -> None:
    for refund, sent in zip(told["refunds"], body["refunds"], strict=True):
        same(
            refund, sent,
            id="admin_graphql_api_id", createdAt="created_at", processedAt="processed_at",
        )  # fmt: skip
        lines = zip(refund["refundLineItems"]["nodes"], sent["refund_line_items"], strict=True)
        for line, sent_line in lines:
            same(
                line, sent_line,
                quantity="quantity", subtotalSet="subtotal_set", totalTaxSet="total_tax_set",
            )  # fmt: skip
            assert line["id"] == gid("RefundLineItem", sent_line["id"])
            assert line["restockType"] == sent_line["restock_type"].upper()
            assert line["lineItem"]["id"] == gid("LineItem", sent_line["line_item_id"])
            assert line["location"]["id"] == gid("Location", sent_line["location_id"])
        transactions = zip(refund["transactions"]["nodes"], sent["transactions"], strict=True)
        for transaction, sent_one in transactions:
            same(transaction, sent_one, createdAt="created_at")
            assert transaction["id"] == gid("OrderTransaction", sent_one["id"])
            assert transaction["kind"] == sent_one["kind"].upper()
            assert transaction["status"] == sent_one["status"].upper()
            paid = Decimal(sent_one["amount"]), sent_one["currency"]
            assert money(transaction["amountSet"]["shopMoney"]) == paid


# --- lists ---

LISTS = {
    "products": "products(first: 100, after: $after, query: $query, sortKey: UPDATED_AT)",
    "items": "inventoryItems(first: 100, after: $after, query: $query)",
    "orders": "orders(first: 100, after: $after, query: $query, sortKey: UPDATED_AT)",
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_hold_what_changed_since(world: World, kind: str) -> None:
    domain = world.domains[0]
    moment = FIRST_DAY + 30_000
    search = f"updated_at:>='{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}'"
    text = f"""query($after: String, $query: String) {{ page: {LISTS[kind]} {{
        nodes {{ id updatedAt }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    for query, since in ((None, None), (search, moment)):
        wanted = {
            body["admin_graphql_api_id"]: unix_time(body["updated_at"])
            for body in getattr(world.shop(domain).truth(since), kind)()
        }
        listed: list[tuple[str, Any]] = []
        after, more = None, True
        while more:
            page = ask(world, domain, text, after=after, query=query)["page"]
            listed += [(node["id"], at(node["updatedAt"])) for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert dict(listed) == wanted
        assert len(listed) == len(wanted) > 3
        if "sortKey" in LISTS[kind]:
            moments = [moment for _, moment in listed]
            assert moments == sorted(moments)


def test_levels_are_listed_by_location_and_by_item(world: World) -> None:
    domain = world.domains[0]
    text = """query($after: String) { locations(first: 20, includeInactive: true) { nodes { id
        inventoryLevels(first: 250, after: $after) { nodes { id
            item { inventoryLevels(first: 20) { nodes { id } } } } } } } }"""
    wanted: dict[str, set[str]] = {}
    for body in world.shop(domain).truth().levels():
        place = gid("Location", body["location_id"])
        wanted.setdefault(place, set()).add(body["admin_graphql_api_id"])
    assert len(wanted) > 1
    for place in ask(world, domain, text, after=None)["locations"]["nodes"]:
        nodes = place["inventoryLevels"]["nodes"]
        assert {node["id"] for node in nodes} <= wanted[place["id"]]
        assert len(nodes) == min(250, len(wanted[place["id"]]))
        for node in nodes:
            assert node["id"] in {one["id"] for one in node["item"]["inventoryLevels"]["nodes"]}


def test_inactive_locations_are_listed_where_that_is_asked(world: World) -> None:
    listed, every = (
        {
            node["id"]
            for domain in world.domains
            for node in ask(world, domain, text)["locations"]["nodes"]
        }
        for text in (
            "{ locations(first: 50) { nodes { id } } }",
            "{ locations(first: 50, includeInactive: true) { nodes { id } } }",
        )
    )
    closed = {
        body["admin_graphql_api_id"]
        for body in truth_of(world, "locations").values()
        if not body["active"]
    }
    assert every - listed == closed
    assert closed
