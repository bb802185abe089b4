import importlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avnu.errors import Unreadable
from avnu.inbox.arrival import Stored
from avnu.inbox.turn import Letter
from avnu.shopify.payloads import decode
from avnu.shopify.payloads.app import Shop as ShopPayload
from avnu.shopify.payloads.compliance import CustomerRedact, DataRequest
from avnu.shopify.payloads.fields import Amount, Money, WithId
from avnu.shopify.payloads.inventory import InventoryItem, InventoryLevel
from avnu.shopify.payloads.orders import Fulfillment, Order, Refund
from avnu.shopify.payloads.products import Product
from avnu.shopify.topics import TOPICS
from avnu.webhook import Handler, Webhook
from tests.support import payloads
from tests.support.offline import OfflineShop

OWN = payloads.own()
PUBLISHED = {name: body for name, body in payloads.published().items() if name in TOPICS}

# What a body cannot lack: without it nobody could tell what it speaks of.
REQUIRED = {
    "id", "inventory_item_id", "location_id", "shop_id", "shop_domain", "order_edit", "current",
    "order_id",
}  # fmt: skip


def webhook(topic: str, body: bytes) -> Webhook:
    return Webhook(
        Stored("one.myshopify.com", "id-1", 1, TOPICS[topic].area, topic, 0, "", "", "", body)
    )


def handler(topic: str) -> Handler:
    route = TOPICS[topic]
    found: Handler = importlib.import_module(f"tasks.{route.area}").area.handlers[route.handler]
    return found


def handle(topic: str, body: bytes) -> Webhook:
    """Run the handler of ``topic`` on a batch of one, as a worker would."""
    given_one = webhook(topic, body)
    handler(topic)(OfflineShop(given_one.shop), [given_one])
    return given_one


def readable(topic: str, body: bytes) -> bool:
    """Whether the handler takes the body; if not, it must have been rejected as unreadable."""
    try:
        verdict = handle(topic, body).verdict
    except Unreadable:
        return False
    return verdict is None or verdict.letter is Letter.DONE


@pytest.mark.parametrize("topic", TOPICS)
def test_every_handler_takes_its_topics(topic: str) -> None:
    assert readable(topic, OWN[topic])
    if topic in PUBLISHED:
        assert readable(topic, PUBLISHED[topic])


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"id":"x"}', b"\xff"])
def test_what_is_not_the_payload_is_rejected(topic: str, body: bytes) -> None:
    one = webhook(topic, body)
    with pytest.raises(Unreadable):
        handler(topic)(OfflineShop(one.shop), [one])
    assert one.verdict
    assert one.verdict.letter is Letter.REJECTED
    assert topic in one.verdict.reason


@pytest.mark.parametrize("topic", TOPICS)
def test_nulls_gaps_and_new_fields_are_tolerated(topic: str) -> None:
    for bodies in (OWN, PUBLISHED):
        fields = json.loads(bodies.get(topic, OWN[topic]))
        for name in set(fields) - REQUIRED:
            assert readable(topic, json.dumps({**fields, name: None}).encode()), name
            assert readable(topic, json.dumps({**fields, name + "_": fields[name]}).encode())
        least = {name: fields[name] for name in set(fields) & REQUIRED}
        assert readable(topic, json.dumps(least).encode())


@pytest.mark.parametrize("topic", TOPICS)
def test_a_lack_of_what_names_the_resource_is_not(topic: str) -> None:
    fields = json.loads(OWN[topic])
    needed = (set(fields) & REQUIRED) - ({"id"} if topic == "app/scopes_update" else set())
    needed -= {"shop_id"} if topic == "app/scopes_update" else set()
    needed -= {"location_id"} if topic.startswith("fulfillments/") else set()
    assert needed
    for name in needed:
        assert not readable(topic, json.dumps({**fields, name: None}).encode()), name


@pytest.mark.parametrize("topic", TOPICS)
def test_the_reason_names_the_field_and_not_its_value(topic: str) -> None:
    fields = json.loads(OWN[topic])
    faults = {}
    for name in fields:
        for wrong in ("jane@example.com", ["jane@example.com"], {"id": "jane@example.com"}):
            try:
                handle(topic, json.dumps({**fields, name: wrong}).encode())
            except Unreadable as fault:
                faults[fault] = name
    assert faults
    for raised, name in faults.items():
        assert f"$.{name}" in str(raised)
        assert "jane" not in repr(raised)
        assert raised.__cause__ is None
        assert raised.__context__ is None


@settings(max_examples=200)
@given(st.data())
def test_damaged_bodies_are_read_or_rejected_and_nothing_else(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(sorted(OWN)))
    damaged = bytearray(OWN[topic])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    readable(topic, bytes(damaged))


def test_json_nested_without_end_is_rejected() -> None:
    deep = b'{"id":1,"note":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert not readable("orders/create", deep)


def test_an_order_is_read_exactly() -> None:
    order = decode(OWN["orders/fulfilled"], Order)
    assert order.id == 6104872219384905731
    assert order.total_price_set
    assert order.total_price_set.shop_money == Money(Amount("34.90"), "EUR")
    assert order.total_price_set.presentment_money == Money(Amount("38.00"), "USD")
    assert order.customer
    assert order.customer.id == 7211100000000000533
    assert order.line_items
    assert [line.variant_id for line in order.line_items] == [8123400000000000011, None]
    assert order.refunds
    assert order.refunds[0].transactions
    assert order.refunds[0].transactions[0].amount == Decimal("12.60")
    assert order.processed_at
    assert order.processed_at.isoformat() == "2026-07-01T17:59:58+02:00"
    assert order.cancelled_at is None


def test_an_order_keeps_no_personal_data() -> None:
    shown = repr(decode(OWN["orders/create"], Order))
    assert "example.com" not in shown
    assert "Some" not in shown


def test_an_empty_list_is_not_a_missing_one() -> None:
    assert decode(b'{"id":1}', Order).line_items is None
    assert decode(b'{"id":1,"line_items":null}', Order).line_items is None
    assert decode(b'{"id":1,"line_items":[]}', Order).line_items == ()


@pytest.mark.parametrize(
    ("written", "offset_h"),
    [
        ("2021-12-31T19:00:00-05:00", -5),
        ("2026-07-01T18:00:00+02:00", 2),
        ("2024-06-25T00:00:00.000Z", 0),
        ("2023-11-09T16:28:37.556612022Z", 0),
    ],
)
def test_a_time_keeps_its_offset(written: str, offset_h: int) -> None:
    read = decode(json.dumps({"id": 1, "updated_at": written}).encode(), Order).updated_at
    assert read
    assert read.utcoffset() == timedelta(hours=offset_h)
    assert read.isoformat()[:19] == written[:19]


def test_a_time_without_offset_is_rejected() -> None:
    with pytest.raises(Unreadable, match="updated_at"):
        decode(b'{"id":1,"updated_at":"2026-07-01T18:00:00"}', Order)


@given(st.integers(1, 2**63 - 1))
def test_ids_of_64_bits_are_exact(number: int) -> None:
    assert decode(f'{{"id":{number}}}'.encode(), Product).id == number


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "1.5", "1e3", '"1"', "9" * 5000])
def test_what_cannot_be_an_id_is_rejected(number: str) -> None:
    with pytest.raises(Unreadable):
        decode(f'{{"id":{number}}}'.encode(), Product)


@given(st.integers(1, 2**63 - 1))
def test_an_id_that_was_rounded_on_the_way_is_restored(number: int) -> None:
    rounded = min(int(float(number)), 2**63 - 1)
    written = {"id": rounded, "admin_graphql_api_id": f"gid://shopify/Order/{number}"}
    assert decode(json.dumps(written).encode(), WithId).id == number


@pytest.mark.parametrize(
    "other", ["gid://shopify/Order/456", "gid://shopify/Order/", "123x", "", "gid://x/Order/9"]
)
def test_a_global_id_of_something_else_changes_nothing(other: str) -> None:
    written = json.dumps({"id": 123, "admin_graphql_api_id": other})
    assert decode(written.encode(), WithId).id == 123


def test_the_item_of_a_level_is_restored_too() -> None:
    rounded = json.loads(OWN["inventory_levels/update"])
    exact = rounded["inventory_item_id"]
    rounded["inventory_item_id"] = int(float(exact))
    assert rounded["inventory_item_id"] != exact
    level = decode(json.dumps(rounded).encode(), InventoryLevel)
    assert level.inventory_item_id == exact
    assert level.location_id == rounded["location_id"]  # the global id's own number is another


def test_published_samples_get_their_exact_ids_back() -> None:
    exact = 0
    for body in (PUBLISHED or OWN).values():
        number = str(json.loads(body).get("admin_graphql_api_id") or "").rpartition("/")[2]
        if number.isdigit():
            assert decode(body, WithId).id == int(number)
            exact += 1
    assert exact > 10


@pytest.mark.parametrize("written", ['"19.99"', "19.99", '"0.00"', "0", '"-5.10"', "100", '"100"'])
def test_an_amount_keeps_its_digits(written: str) -> None:
    item = decode(f'{{"id":1,"cost":{written}}}'.encode(), InventoryItem)
    assert str(item.cost) == written.strip('"')


@pytest.mark.parametrize(
    "written",
    [
        '"NaN"', '"sNaN"', '"Infinity"', '"1e9"', "1e9", '"1_000"', '" 1"', '""', '"1,5"', '"١"',
        "true", "[]", '"1.5\\n"', "1e999999999999999999999", "1" * 40,
    ],
)  # fmt: skip
def test_what_is_no_plain_amount_is_rejected(written: str) -> None:
    with pytest.raises(Unreadable, match=r"\$\.cost"):
        decode(f'{{"id":1,"cost":{written}}}'.encode(), InventoryItem)


def test_money_always_has_a_currency() -> None:
    price: dict[str, Any] = {"shop_money": {"amount": "5.00"}}
    with pytest.raises(Unreadable, match="currency_code"):
        decode(json.dumps({"id": 1, "total_price_set": price}).encode(), Order)


def test_variants_beyond_the_first_hundred_are_named() -> None:
    product = decode(OWN["products/create"], Product)
    assert product.variants
    assert product.variant_gids
    assert [variant.price for variant in product.variants] == [Decimal("12.50"), Decimal("16.00")]
    assert product.variant_gids[0].admin_graphql_api_id.endswith("8123400000000000011")


def test_a_refund_and_a_fulfillment_name_their_order() -> None:
    assert decode(OWN["refunds/create"], Refund).order_id == 6104872219384905731
    assert decode(OWN["fulfillments/update"], Fulfillment).order_id == 6104872219384905731


def test_a_shop_says_its_lasting_domain() -> None:
    assert decode(OWN["app/uninstalled"], ShopPayload).myshopify_domain == "pottery.myshopify.com"


def test_a_customer_is_shown_by_id_alone() -> None:
    request = decode(OWN["customers/data_request"], DataRequest)
    assert request.customer
    assert request.customer.email == "someone@example.com"
    assert "someone" not in repr(request)
    assert "555" not in repr(decode(OWN["customers/redact"], CustomerRedact))


def test_a_customer_may_be_known_by_email_alone() -> None:
    fields = json.loads(OWN["customers/redact"])
    fields["customer"] = {"email": "someone@example.com"}
    read = decode(json.dumps(fields).encode(), CustomerRedact)
    assert read.customer
    assert read.customer.id is None


def test_structs_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        decode(b'{"id":1}', Order).id = 2  # type: ignore[misc]
