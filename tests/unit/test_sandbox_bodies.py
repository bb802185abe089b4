"""Bodies look as Shopify's do: ids, money, times, sizes, escapes; every handler can read them."""

import json
import re
from collections import defaultdict
from statistics import mean
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.sandbox import plan, sign
from avnu.sandbox.encoding import encode, local_time, money, steady_id, triggered_at
from avnu.sandbox.shops import shop_named
from avnu.sandbox.templates import TEMPLATES
from avnu.shopify.topics import TOPICS, resource_version
from tests.support import payloads
from tests.unit.test_payloads import readable

SHOP = shop_named("one-shop.myshopify.com")
NOW = SystemClock().time()
PUBLISHED = payloads.published()
Bodies = dict[str, list[bytes]]


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    """Topic → the bodies of a day."""
    found: Bodies = defaultdict(list)
    for delivery in plan(11, 20, 3000):
        found[delivery.topic].append(delivery.body)
    return found


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every value with the field that holds it."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, name)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner, path)]
    return [(path, value)]


def test_a_template_for_every_routed_topic() -> None:
    assert set(TOPICS) <= set(TEMPLATES)


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_handler_takes_the_template(topic: str) -> None:
    body = encode(TEMPLATES[topic](SHOP, NOW))
    assert readable(topic, body)
    if TOPICS[topic].whole:
        version = resource_version(TOPICS[topic], body)
        assert version is not None
        assert version.updated_at is not None


def test_handlers_take_a_whole_day(bodies: Bodies) -> None:
    for topic in TOPICS.keys() & bodies.keys():
        for body in bodies[topic]:
            assert readable(topic, body), topic


@pytest.mark.parametrize("topic", sorted(TEMPLATES.keys() & PUBLISHED.keys()))
def test_fields_are_shopifys(topic: str) -> None:
    """Every field of a template is a field of Shopify's published sample."""
    # A refund has its transactions, which the sample leaves out.
    known = {*json.loads(PUBLISHED[topic]), "transactions"}
    assert set(TEMPLATES[topic](SHOP, NOW)) <= known


def test_ids_do_not_survive_a_float(bodies: Bodies) -> None:
    checked = 0
    for topic in ("orders/create", "products/update", "inventory_levels/update", "refunds/create"):
        for name, value in leaves(json.loads(bodies[topic][0])):
            if name == "id" or (name.endswith("_id") and isinstance(value, int)):
                assert 2**53 < value < 2**63, name
                checked += 1
    assert checked > 10


def test_money_is_text_and_times_have_an_offset(bodies: Bodies) -> None:
    money_seen = times_seen = 0
    for topic in ("orders/create", "products/update", "refunds/create", "fulfillments/create"):
        for name, value in leaves(json.loads(bodies[topic][0])):
            if value is None:
                continue
            if name in ("price", "amount", "total_price", "subtotal_price"):
                assert re.fullmatch(r"\d+\.\d\d", value), name
                money_seen += 1
            if name.endswith("_at"):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", value), name
                times_seen += 1
    assert money_seen > 5
    assert times_seen > 5


def test_sizes_are_shopifys(bodies: Bodies) -> None:
    assert 2500 < mean(map(len, bodies["products/update"])) < 3100
    assert 3000 < mean(map(len, bodies["orders/create"])) < 5000
    assert mean(map(len, bodies["inventory_levels/update"])) < 300


def test_escapes() -> None:
    payload = {"url": "https://a/b?c=1&d=2", "html": "<p>é</p>", "quote": 'a"\\'}
    body = encode(payload)
    assert rb"https:\/\/a\/b?c=1\u0026d=2" in body
    assert rb"\u003cp\u003e" in body
    assert json.loads(body) == payload


def test_a_reader_that_writes_json_again_gets_other_bytes(bodies: Bodies) -> None:
    for body in (bodies["orders/create"][0], bodies["products/update"][0]):
        assert json.dumps(json.loads(body), separators=(",", ":")).encode() != body


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (5, "0.05"), (1999, "19.99"), (100_000, "1000.00")]
)
def test_money(cents: int, text: str) -> None:
    assert money(cents) == text


def test_times() -> None:
    assert local_time(1_795_132_800.9, -300) == "2026-11-19T19:00:00-05:00"
    assert local_time(1_795_132_800, 330) == "2026-11-20T05:30:00+05:30"
    assert triggered_at(1_795_132_800.5) == "2026-11-20T00:00:00.500000000Z"


def test_steady_ids_are_steady() -> None:
    assert steady_id("a", 1) == steady_id("a", 1) == 629492287078244141
    assert steady_id("a", 1) != steady_id("a", 2)
    assert all(2**59 <= steady_id("x", n) < 2**63 for n in range(1000))


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        # From the tests of Shopify/shopify-app-js and Shopify/shopify_app (MIT).
        ("test_secret_key", b'{"foo": "bar"}', "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="),
        ("secret", b"foo=anything", "yCGX/RrK4fcuNtr3ztk5tQGsOBjcAzHpGLdMUrbV8yI="),
        ("old_secret", b"foo=anything", "XqRcjrSv57VACn6apEO9znyu/wkN1VC7QxdSPwK3Hzs="),
    ],
)
def test_signatures_are_shopifys(secret: str, body: bytes, signature: str) -> None:
    assert sign(secret, body) == signature
