"""Versions made from webhook payloads: what is taken, what is not, and when to ask Shopify."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from avnu.errors import Unreadable
from avnu.shopify.payloads import decode, inventory, orders, products
from avnu.store.market import catalogue_rows, order_rows
from avnu.store.market.tables import EVERY
from avnu.store.market.versions import FulfilledLine, Order, Product
from tests.support.payloads import own

BODIES = own()


def body(topic: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(BODIES[topic]), **changes}).encode()


def a_product(**changes: Any) -> Product | None:
    payload = decode(body("products/create", **changes), products.Product)
    return catalogue_rows.product(payload, "EUR")


def an_order(**changes: Any) -> Order | None:
    return order_rows.order(decode(body("orders/create", **changes), orders.Order))


def test_a_product() -> None:
    made = a_product()
    assert made is not None
    assert made.updated_at == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert (made.title, made.currency, made.partial) == ("Mug", "EUR", False)
    assert [(one.id, one.price) for one in made.variants] == [
        (8123400000000000011, Decimal("12.50")),
        (8123400000000000013, Decimal("16.00")),
    ]


def test_more_names_than_variants_make_a_product_partial() -> None:
    names = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{n}"} for n in range(3)]
    made = a_product(variant_gids=names)
    assert made is not None
    assert made.partial


def test_an_order_with_what_is_in_it() -> None:
    shipment = json.loads(BODIES["fulfillments/create"])
    made = an_order(
        fulfillments=[{**shipment, "order_id": None}],
        refunds=[json.loads(BODIES["refunds/create"]), {"id": 5}],
    )
    assert made is not None
    assert (made.customer_id, made.utc_offset_min) == (7211100000000000533, 120)
    assert (made.currency, made.total) == ("EUR", Decimal("34.90"))
    assert (made.presentment_currency, made.presentment_total) == ("USD", Decimal("38.00"))
    assert [(one.price, one.currency) for one in made.lines] == [
        (Decimal("12.50"), "EUR"),
        (Decimal("5.00"), "EUR"),
    ]
    assert [one.order_id for one in made.fulfillments] == [made.id]
    assert made.fulfillments[0].lines == (FulfilledLine(id=7300184460921733377, quantity=2),)
    assert [one.lines[0].subtotal for one in made.refunds] == [Decimal("12.50")]
    assert [one.transactions[0].amount for one in made.refunds] == [Decimal("12.60")]


def test_a_refund_or_shipment_is_the_same_alone_and_in_its_order() -> None:
    refund, shipment = (
        json.loads(BODIES[f"{name}/create"]) for name in ("refunds", "fulfillments")
    )
    made = an_order(refunds=[refund], fulfillments=[shipment])
    assert made is not None
    alone = order_rows.refund(decode(BODIES["refunds/create"], orders.Refund))
    assert made.refunds == (alone,)
    sent = order_rows.fulfillment(decode(BODIES["fulfillments/create"], orders.Fulfillment))
    assert made.fulfillments == (sent,)


def test_nothing_personal_is_taken_or_has_a_column() -> None:
    secret = "someone@example.com"
    person = {"email": secret, "phone": secret, "first_name": secret, "address1": secret}
    made = an_order(
        **person,
        customer={"id": 7, **person},
        billing_address=person,
        shipping_address=person,
        note=secret,
        line_items=[{"id": 9, "properties": [{"name": "for", "value": secret}]}],
    )
    assert secret not in str(made)
    columns = {column.name for table in EVERY for column in table.c}
    assert not {
        name
        for name in columns
        if any(word in name for word in ("mail", "phone", "first", "last", "address", "note"))
    }


@pytest.mark.parametrize("missing", ["updated_at", "variants"])
def test_a_product_that_says_too_little_is_read_from_shopify(missing: str) -> None:
    assert a_product(**{missing: None}) is None


def test_bodies_with_an_id_only_make_nothing() -> None:
    only = b'{"id": 5}'
    assert catalogue_rows.product(decode(only, products.Product), "EUR") is None
    assert catalogue_rows.item(decode(only, inventory.InventoryItem), "EUR") is None
    assert catalogue_rows.location(decode(only, inventory.Location)) is None
    assert order_rows.order(decode(only, orders.Order)) is None
    assert order_rows.refund(decode(only, orders.Refund)) is None
    assert order_rows.fulfillment(decode(only, orders.Fulfillment)) is None
    cut = decode(BODIES["inventory_levels/disconnect"], inventory.InventoryLevel)
    assert catalogue_rows.level(cut) is None


def test_stock_that_is_not_tracked_has_no_number() -> None:
    made = catalogue_rows.level(decode(BODIES["inventory_levels/update"], inventory.InventoryLevel))
    none = catalogue_rows.level(
        decode(BODIES["inventory_levels/connect"], inventory.InventoryLevel)
    )
    assert made is not None
    assert none is not None
    assert (made.available, none.available) == (7, None)


def test_a_number_that_no_column_holds_is_refused_without_being_told() -> None:
    payload = decode(body("inventory_levels/update", available=2**70), inventory.InventoryLevel)
    with pytest.raises(Unreadable, match="available") as caught:
        catalogue_rows.level(payload)
    assert str(2**70) not in str(caught.value)


def test_the_topic_says_whether_a_location_is_active() -> None:
    payload = decode(BODIES["locations/deactivate"], inventory.Location)
    made = catalogue_rows.location(payload, active=False)
    assert made is not None
    assert made.active is False


def test_every_field_of_a_payload_that_a_version_has_too_is_taken() -> None:
    made = a_product()
    payload = decode(BODIES["products/create"], products.Product)
    assert made is not None
    for name in set(made.__struct_fields__) & set(payload.__struct_fields__) - {"variants"}:
        assert getattr(made, name) == getattr(payload, name), name
    first = msgspec.structs.asdict(made.variants[0])
    assert payload.variants is not None
    for name in set(first) & set(payload.variants[0].__struct_fields__):
        assert first[name] == getattr(payload.variants[0], name), name
