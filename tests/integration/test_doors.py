"""The contract behind both doors, over real HTTP, into a real inbox: one test per row."""

import json

import pytest

from avnu.inbox import Inbox
from avnu.inbox.arrival import read_record
from avnu.inbox.audit import audit
from avnu.keys import ref
from avnu.shopify.topics import TOPICS
from tests.support.door_fixtures import counted, door, door_settings, inbox
from tests.support.doors import SHOP, Door, rendered, signature, signed
from tests.support.payloads import published
from webhooks.signature import decode

__all__ = ["door", "door_settings", "inbox"]

BODY = b'{"id": 820982911946154508, "note": "sixty-four bytes and more, so that it is guarded"}'


def test_a_good_delivery_is_kept_as_it_came(door: Door, inbox: Inbox) -> None:
    headers = signed(
        door.secret,
        BODY,
        webhook_id="w-1",
        triggered_at="2023-11-09T16:28:37.556612022Z",
        event_id="e-1",
        api_version="2026-07",
    )
    answer = door.post(BODY, headers.items())
    assert (answer.status, answer.body) == (200, b"")
    record = inbox.client.get(inbox.keys.of("record", ref(SHOP, "w-1")))
    assert isinstance(record, bytes)
    stored = read_record(SHOP, "w-1", record)
    assert (stored.topic, stored.body, stored.triggered_ms) == (
        "orders/create",
        BODY,
        1_699_547_317_556,
    )
    assert (stored.event_id, stored.api_version) == ("e-1", "2026-07")
    assert audit(inbox).ok


def test_a_known_one_is_200_and_a_duplicate(door: Door, inbox: Inbox) -> None:
    headers = signed(door.secret, BODY, webhook_id="w-1")
    assert [door.post(BODY, headers.items()).status for _ in range(3)] == [200, 200, 200]
    assert (counted(door, inbox, "accepted"), counted(door, inbox, "duplicate")) == (1, 2)


PATHS = [
    "/webhooks/",
    "/webhooks/shopify",
    "/webhooks//a/../b",
    "/webhooks/%00%ff",
    "/webhooks/x?y=z",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_unsigned_post_under_webhooks_is_401_and_empty(
    door: Door, inbox: Inbox, path: str
) -> None:
    wrong: list[str | bytes] = [
        "",
        "wrong",
        signature("another", BODY),
        "A" * 7000,
        b"\xff\xfe\xe9",
        "=" * 44,
    ]
    for header in wrong:
        answer = door.post(BODY, [("X-Shopify-Hmac-Sha256", header)], path)
        assert (answer.status, answer.body) == (401, b""), header
    assert door.post(BODY, [], path).status == 401
    assert counted(door, inbox, "rejected") == len(wrong) + 1
    assert audit(inbox).ok


def test_a_path_with_slashes_too_many_is_no_redirect(door: Door, inbox: Inbox) -> None:
    """Shopify counts a redirect as a failure. Servers tidy such paths in ways of their own."""
    for n, path in enumerate(("//webhooks/shopify", "///webhooks//shopify", "/webhooks///")):
        assert door.post(BODY, [], path).status == 401
        headers = signed(door.secret, BODY, webhook_id=f"slashes-{n}")
        assert door.post(BODY, headers.items(), path).status == 200
    assert counted(door, inbox, "accepted") == 3


def test_a_host_that_is_none_changes_nothing(door: Door) -> None:
    for host in (b"bad host", b"\xff", b"a/b", b"[::1"):
        request = rendered(BODY, [("Content-Length", str(len(BODY)))])
        answer = door.say(request.replace(b"Host: 127.0.0.1", b"Host: " + host))
        assert answer.status == 401, host


def test_the_secret_before_is_taken_too(door: Door, inbox: Inbox) -> None:
    headers = signed("the-secret-before", BODY)
    assert door.post(BODY, headers.items()).status == 200
    assert counted(door, inbox, "accepted") == 1


def test_too_large_is_413_announced_or_streamed(door: Door, inbox: Inbox) -> None:
    most = door.settings.webhook_max_bytes
    body = b"x" * (most + 1)
    assert door.post(body).status == 413
    headers = [*signed(door.secret, body).items(), ("Transfer-Encoding", "chunked")]
    assert door.say(rendered(chunked(body, 5000), headers)).status == 413
    largest = b"x" * most
    assert door.post(largest).status == 200
    headers = [*signed(door.secret, largest).items(), ("Transfer-Encoding", "chunked")]
    assert door.say(rendered(chunked(largest, 5000), headers)).status == 200
    assert counted(door, inbox, "rejected") == 2
    assert counted(door, inbox, "accepted") == 2


def test_an_announced_length_is_refused_before_the_body_is_sent(door: Door) -> None:
    headers = [*signed(door.secret, b"").items(), ("Content-Length", str(10**15))]
    answer = door.say(rendered(b"", headers))
    assert answer.status == 413, "and not 408, for none comes"


def test_a_topic_without_a_handler_is_200_and_ignored(door: Door, inbox: Inbox) -> None:
    assert door.post(BODY, signed(door.secret, BODY, topic="carts/create").items()).status == 200
    assert counted(door, inbox, "ignored") == 1
    assert counted(door, inbox, "accepted") == 0


def test_without_id_the_mac_and_without_shop_the_body(door: Door, inbox: Inbox) -> None:
    body = json.dumps({"shop_domain": "named.myshopify.com", "pad": "x" * 64}).encode()
    headers = signed(door.secret, body, topic="shop/redact", shop_domain=None, webhook_id=None)
    assert door.post(body, headers.items()).status == 200
    mac = decode(signature(door.secret, body).encode())
    assert mac is not None
    assert inbox.client.exists(inbox.keys.of("record", ref("named", f"mac-{mac.hex()}"))) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": None},
        {"topic": "x" * 101},
        {"shop_domain": None},
        {"shop_domain": "one.example.com"},
        {"webhook_id": "x" * 129},
        {"topic": "app/uninstalled", "shop_domain": "other.myshopify.com"},
    ],
)
def test_what_cannot_be_used_is_400_and_says_why(
    door: Door, inbox: Inbox, changes: dict[str, str | None]
) -> None:
    body = b'{"myshopify_domain": "named.myshopify.com"}'
    answer = door.post(body, signed(door.secret, body, **changes).items())
    assert answer.status == 400
    assert json.loads(answer.body)["todo"]
    assert answer.headers["content-type"] == "application/json"
    assert counted(door, inbox, "rejected") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/webhooks/shopify", "/webhooks/"])
def test_other_methods_are_405(door: Door, method: str, path: str) -> None:
    answer = door.get(path, method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_both_header_families(door: Door, inbox: Inbox) -> None:
    classic = signed(door.secret, BODY, webhook_id="classic", topic="orders/paid")
    event = {name.removeprefix("X-"): text for name, text in classic.items()}
    event["Shopify-webhook-id"] = "event"
    assert door.post(BODY, event.items()).status == 200
    both = {**classic, "Shopify-Webhook-Id": "wins"}
    assert door.post(BODY, both.items()).status == 200
    for webhook_id in ("event", "wins"):
        assert inbox.client.exists(inbox.keys.of("record", ref(SHOP, webhook_id))) == 1
    assert not inbox.client.exists(inbox.keys.of("record", ref(SHOP, "classic")))
    wrong = {**classic, "Shopify-Hmac-Sha256": "wrong"}
    assert door.post(BODY, wrong.items()).status == 401


def test_a_repeated_signature_is_401_and_a_repeated_shop_400(door: Door) -> None:
    headers = list(signed(door.secret, BODY).items())
    signature_twice = [*headers, headers[-1]]
    assert headers[-1][0] == "X-Shopify-hmac-sha256"
    assert door.post(BODY, signature_twice).status == 401
    shop_twice = [*headers, ("X-Shopify-Shop-Domain", SHOP)]
    assert door.post(BODY, shop_twice).status == 400


def test_the_same_bytes_again_and_for_another_shop(door: Door, inbox: Inbox) -> None:
    for n in range(12):
        headers = signed(door.secret, BODY, webhook_id=f"w-{n}")
        assert door.post(BODY, headers.items()).status == 200
    assert (counted(door, inbox, "accepted"), counted(door, inbox, "replayed")) == (10, 2)
    headers = signed(door.secret, BODY, shop_domain="victim.myshopify.com")
    assert door.post(BODY, headers.items()).status == 200
    dead = inbox.client.zrange(inbox.keys.of("dead"), 0, -1)
    assert [member.partition(b"/")[0] for member in dead] == [b"victim"]
    assert audit(inbox).ok


def test_all_published_payloads(door: Door, inbox: Inbox) -> None:
    payloads = published()
    if not payloads:
        pytest.skip("the corpus is not there")
    for topic, sample in payloads.items():
        body = sample.replace(b"{shop}", b"named")
        named = json.loads(body)
        shop = named.get("myshopify_domain") or named.get("shop_domain") or SHOP
        headers = signed(door.secret, body, topic=topic, shop_domain=shop, webhook_id=topic)
        assert door.post(body, headers.items()).status == 200, topic
    followed = len(TOPICS.keys() & payloads.keys())
    assert counted(door, inbox, "ignored") == 221 - followed
    assert counted(door, inbox, "accepted") == followed
    assert audit(inbox).ok


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])
