"""``trigger``: one webhook by hand, with values set by path."""

import json
import re
from typing import Any

import msgspec
import pytest

from avnu.errors import UnknownPath, UnknownTopic
from avnu.sandbox import Delivery, DeliveryKind, trigger
from avnu.sandbox.chance import chance
from avnu.sandbox.target import is_loopback
from avnu.sandbox.trigger import assign

SHOP = "one-shop.myshopify.com"
AT = 1_795_132_800.0


def make(topic: str, *assignments: str, payload: Any = msgspec.UNSET) -> Delivery:
    return trigger(topic, SHOP, AT, chance(1), assignments=assignments, payload=payload)


def body(topic: str, *assignments: str) -> Any:
    return json.loads(make(topic, *assignments).body)


def test_a_genuine_delivery() -> None:
    delivery = make("orders/create")
    assert (delivery.shop, delivery.topic, delivery.kind) == (
        SHOP,
        "orders/create",
        DeliveryKind.GENUINE,
    )
    assert delivery.triggered_at == "2026-11-20T00:00:00.000000000Z"
    assert len(delivery.webhook_id) == 36
    assert delivery == make("orders/create")


def test_a_body_names_the_shop_it_is_for() -> None:
    assert body("app/uninstalled")["myshopify_domain"] == SHOP
    assert body("shop/redact")["shop_domain"] == SHOP


def test_values_are_set_by_path() -> None:
    order = body(
        "orders/create",
        "id=9007199254740993",
        "test=true",
        "note=left at door",
        "customer.email=a=b@example.com",
        "line_items.1.quantity=7",
        "note_attributes=[1, null]",
        'fulfillments=[{"id": 1}]',
        "phone=",
    )
    assert order["id"] == 9007199254740993
    assert order["test"] is True
    assert order["note"] == "left at door"
    assert order["customer"]["email"] == "a=b@example.com"
    assert [line["quantity"] for line in order["line_items"]] == [2, 7]
    assert order["note_attributes"] == [1, None]
    assert order["fulfillments"] == [{"id": 1}]
    assert order["phone"] == ""


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("1.00", "12.50", "12.50"),  # money keeps its zero
        ("", "42", "42"),
        ("x", "null", None),
        ("x", "true", True),
        ("x", '"42"', "42"),
        (None, "42", 42),
        (1, "1.5", 1.5),
        (1, "NaN", "NaN"),
        (1, "1_000", "1_000"),
        (1, "{", "{"),
    ],
)
def test_types(before: Any, text: str, after: Any) -> None:
    payload = {"field": before}
    assign(payload, f"field={text}")
    assert payload["field"] == after
    assert type(payload["field"]) is type(after)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("totl_price=1", "no 'totl_price' here; there is id,"),
        ("line_items.9.price=1", "no '9' in this list; there is 0 to 1"),
        ("line_items.-1.price=1", "no '-1' in this list"),
        ("line_items.²=1", "no '²' in this list"),
        ("refunds.0=1", "the list is empty"),
        ("id.x=1", "nothing lies below"),
        ("id", "'id' is not path=value"),
        ("=1", "'=1' is not path=value"),
    ],
)
def test_a_path_that_leads_nowhere(assignment: str, said: str) -> None:
    with pytest.raises(UnknownPath, match=re.escape(said)):
        make("orders/create", assignment)


def test_an_unknown_topic_names_its_neighbours() -> None:
    with pytest.raises(UnknownTopic, match="'orders/crate'; there is orders/create"):
        make("orders/crate")


def test_any_topic_goes_with_a_body_of_its_own() -> None:
    delivery = make("segments/create", "id=2", payload={"id": 1})
    assert (delivery.topic, delivery.body) == ("segments/create", b'{"id":2}')


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/webhooks/shopify", True),
        ("http://127.9.9.9/", True),
        ("http://localhost:1/", True),
        ("http://[::1]:8000/", True),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
        ("https://example.com/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("", False),
    ],
)
def test_what_is_this_machine(url: str, local: bool) -> None:
    assert is_loopback(url) is local
