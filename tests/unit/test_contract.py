"""The receiver's rules, row by row, without a door."""

import base64
import dataclasses
from datetime import UTC, datetime

import msgspec
import pytest

from avnu.inbox.arrival import Arrival
from avnu.shopify.topics import TOPICS
from tests.support.doors import signature
from webhooks import replies
from webhooks.contract import Contract
from webhooks.headers import from_environ, from_pairs
from webhooks.replies import Reply
from webhooks.signature import Secrets, encode

SECRET = "made-up"
NOW_S = 1_790_000_000.0
MAX_BYTES = 200_000
BODY = b'{"id": 1}'

Changes = dict[str, str | bytes | None]


@dataclasses.dataclass
class StoppedClock:
    def time(self) -> float:
        return NOW_S

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, _seconds: float) -> None:
        raise AssertionError("the contract does not wait")


@pytest.fixture
def contract() -> Contract:
    return Contract(Secrets(SECRET), TOPICS, MAX_BYTES, StoppedClock())


def ask(
    contract: Contract, body: bytes = BODY, /, **changes: str | bytes | None
) -> Arrival | Reply:
    """What becomes of a delivery that is good but for ``changes`` (None: without that header)."""
    pairs: dict[str, str | bytes | None] = {
        "x_shopify_topic": "orders/create",
        "x_shopify_shop_domain": "one.myshopify.com",
        "x_shopify_webhook_id": "w-1",
        "x_shopify_hmac_sha256": signature(SECRET, body),
        "content_length": str(len(body)),
        **changes,
    }
    headers = from_pairs(
        (name.replace("_", "-").encode(), text if isinstance(text, bytes) else text.encode())
        for name, text in pairs.items()
        if text is not None
    )
    mac = contract.before_body(headers)
    return mac if isinstance(mac, Reply) else contract.judge(headers, mac, body)


def kept(found: Arrival | Reply) -> Arrival:
    assert isinstance(found, Arrival), found
    return found


def test_a_good_delivery_carries_everything_the_inbox_wants(contract: Contract) -> None:
    found = kept(
        ask(
            contract,
            x_shopify_triggered_at="2026-09-21T13:33:20.556612022Z",
            x_shopify_api_version="2026-07",
            x_shopify_event_id="e-1",
            x_shopify_name="subscription-a",
        )
    )
    triggered = datetime(2026, 9, 21, 13, 33, 20, 556000, tzinfo=UTC)
    assert found == Arrival(
        shop="one.myshopify.com",
        webhook_id="w-1",
        topic="orders/create",
        area="orders",
        destructive=False,
        mac=found.mac,
        body=BODY,
        triggered_ms=int(triggered.timestamp() * 1000),
        api_version="2026-07",
        event_id="e-1",
        name="subscription-a",
    )
    assert encode(found.mac).decode() == signature(SECRET, BODY)


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_every_topic_is_routed_by_the_table(contract: Contract, name: str) -> None:
    found = kept(ask(contract, x_shopify_topic=name))
    topic = TOPICS[name]
    assert (found.topic, found.area, found.destructive) == (name, topic.area, topic.destructive)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "no base64 at all, but of the right length 1234",
        signature(SECRET, b"another body"),
        signature("another secret", BODY),
        signature(SECRET, BODY).rstrip("="),
        signature(SECRET, BODY).replace("=", "=="),
        signature(SECRET, BODY) + " ",
        "sha256=" + signature(SECRET, BODY),
        signature(SECRET, BODY).encode()[:-2] + b"\xff=",
        "A" * 65536,
        encode(b"31 bytes, one too few for a MAC").decode(),
        f"{signature(SECRET, BODY)},{signature(SECRET, BODY)}",
    ],
)
def test_any_other_signature_is_refused_without_a_word(
    contract: Contract, given: str | bytes | None
) -> None:
    found = ask(contract, x_shopify_hmac_sha256=given)
    assert found is replies.UNSIGNED
    assert (found.status, found.body, found.counted) == (401, b"", "rejected")


def test_a_wrong_signature_is_401_whatever_else_is_wrong(contract: Contract) -> None:
    wrong: Changes = {
        "x_shopify_hmac_sha256": signature("another secret", BODY),
        "x_shopify_topic": None,
        "x_shopify_shop_domain": "not a shop",
        "x_shopify_webhook_id": "x" * 1000,
    }
    assert ask(contract, BODY, **wrong) is replies.UNSIGNED
    malformed: Changes = {
        **wrong,
        "x_shopify_hmac_sha256": "no",
        "content_length": str(MAX_BYTES + 1),
    }
    assert ask(contract, BODY, **malformed) is replies.UNSIGNED


@pytest.mark.parametrize("declared", [MAX_BYTES + 1, 10**17, 10**40])
def test_a_body_announced_as_too_large_is_413_unread(contract: Contract, declared: int) -> None:
    assert ask(contract, content_length=str(declared)) is replies.TOO_LARGE
    assert replies.TOO_LARGE.status == 413


@pytest.mark.parametrize("declared", [None, "0", str(MAX_BYTES), "-5", "12 34", "٣"])
def test_any_other_length_is_left_to_the_reading(contract: Contract, declared: str | None) -> None:
    assert isinstance(ask(contract, content_length=declared), Arrival)


@pytest.mark.parametrize(
    ("topic", "answer"),
    [
        ("carts/create", replies.NOT_FOLLOWED),
        ("Product", replies.NOT_FOLLOWED),
        ("ORDERS/CREATE", replies.NOT_FOLLOWED),
        ("customer.tags_added", replies.NOT_FOLLOWED),
        ("orders/create,orders/create", replies.NOT_FOLLOWED),
        ("x" * 100, replies.NOT_FOLLOWED),
        ("x" * 101, replies.BAD_TOPIC),
        (b"orders/cr\xe9ate", replies.BAD_TOPIC),
        (b"orders\tcreate", replies.BAD_TOPIC),
        (None, replies.NO_TOPIC),
        ("", replies.NO_TOPIC),
    ],
)
def test_topics(contract: Contract, topic: str | bytes | None, answer: Reply) -> None:
    assert ask(contract, x_shopify_topic=topic) is answer


def test_an_ignored_topic_is_200_even_without_shop_and_id(contract: Contract) -> None:
    found = ask(
        contract,
        x_shopify_topic="carts/update",
        x_shopify_shop_domain=None,
        x_shopify_webhook_id=None,
    )
    assert isinstance(found, Reply)
    assert (found.status, found.counted) == (200, "ignored")


@pytest.mark.parametrize(
    ("header", "shop"),
    [
        ("one.myshopify.com", "one.myshopify.com"),
        ("ONE.MyShopify.COM", "one.myshopify.com"),
        ("0-a.myshopify.com", "0-a.myshopify.com"),
        ("a" * 61 + ".myshopify.com", "a" * 61 + ".myshopify.com"),
    ],
)
def test_shops(contract: Contract, header: str, shop: str) -> None:
    assert kept(ask(contract, x_shopify_shop_domain=header)).shop == shop


@pytest.mark.parametrize(
    "header",
    [
        "a" * 62 + ".myshopify.com",
        "-a.myshopify.com",
        ".myshopify.com",
        "one.myshopify.com.evil.example",
        "one.myshopify.com\n",
        "one.example.com",
        "one/two.myshopify.com",
        "one myshopify.com",
        b"\xf6ne.myshopify.com",
        "one.myshopify.com,one.myshopify.com",
    ],
)
def test_no_shops(contract: Contract, header: str | bytes) -> None:
    assert ask(contract, x_shopify_shop_domain=header) is replies.BAD_SHOP


def test_without_a_shop_header_a_body_that_names_its_shop_says_it(contract: Contract) -> None:
    body = b'{"shop_domain": "Two.myshopify.com"}'
    found = ask(contract, body, x_shopify_topic="shop/redact", x_shopify_shop_domain=None)
    assert kept(found).shop == "two.myshopify.com"
    body = b'{"myshopify_domain": "two.myshopify.com"}'
    found = ask(contract, body, x_shopify_topic="app/uninstalled", x_shopify_shop_domain="")
    assert kept(found).shop == "two.myshopify.com"


@pytest.mark.parametrize(
    ("topic", "body", "answer"),
    [
        ("orders/create", b'{"shop_domain": "one.myshopify.com"}', replies.NO_SHOP),
        ("shop/redact", b"{}", replies.NO_SHOP),
        ("shop/redact", b"not json", replies.NO_SHOP),
        ("shop/redact", b"[" * 100_000, replies.NO_SHOP),
        ("shop/redact", b'{"shop_domain": "\xff"}', replies.NO_SHOP),
        ("shop/redact", b'{"shop_domain": 5}', replies.NO_SHOP),
        ("shop/redact", b'{"shop_domain": "evil.example"}', replies.BAD_SHOP),
    ],
)
def test_without_either_it_is_400(
    contract: Contract, topic: str, body: bytes, answer: Reply
) -> None:
    found = ask(contract, body, x_shopify_topic=topic, x_shopify_shop_domain=None)
    assert found is answer
    assert answer.status == 400


def test_a_body_that_names_another_shop_is_refused(contract: Contract) -> None:
    body = b'{"myshopify_domain": "two.myshopify.com", "name": "Two"}'
    assert ask(contract, body, x_shopify_topic="app/uninstalled") is replies.OTHER_SHOP
    assert replies.OTHER_SHOP.status == 400
    same = b'{"myshopify_domain": "ONE.myshopify.com"}'
    assert isinstance(ask(contract, same, x_shopify_topic="app/uninstalled"), Arrival)
    silent = b'{"id": 1, "myshopify_domain": null}'
    assert isinstance(ask(contract, silent, x_shopify_topic="app/uninstalled"), Arrival)


def test_without_an_id_the_mac_is_the_id(contract: Contract) -> None:
    found = kept(ask(contract, x_shopify_webhook_id=None))
    assert found.webhook_id == "mac-" + found.mac.hex()
    assert kept(ask(contract, x_shopify_webhook_id="")).webhook_id == found.webhook_id
    another = kept(ask(contract, b'{"id": 2}', x_shopify_webhook_id=None))
    assert another.webhook_id != found.webhook_id


@pytest.mark.parametrize("given", ["x" * 128, "a/b", "a b", "!~"])
def test_ids(contract: Contract, given: str) -> None:
    assert kept(ask(contract, x_shopify_webhook_id=given)).webhook_id == given


@pytest.mark.parametrize("given", ["x" * 129, b"\xe9", b"a\tb", b"a\x00b"])
def test_no_ids(contract: Contract, given: str | bytes) -> None:
    assert ask(contract, x_shopify_webhook_id=given) is replies.BAD_ID
    assert replies.BAD_ID.status == 400


@pytest.mark.parametrize(
    ("given", "triggered_ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01.999999999+01:00", 1999),
        ("2023-11-09T16:28:37.556612022Z", 1_699_547_317_556),
        ("1960-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00+23:59", 0),
        ("2023-11-09T16:28:37", 0),
        ("yesterday", 0),
        ("", 0),
        (b"\xff", 0),
        ("2" * 10_000, 0),
        (None, 0),
    ],
)
def test_triggered_at(contract: Contract, given: str | bytes | None, triggered_ms: int) -> None:
    assert kept(ask(contract, x_shopify_triggered_at=given)).triggered_ms == triggered_ms


@pytest.mark.parametrize(
    ("ahead_s", "counts_s"), [(0, 0), (299, 299), (300, 300), (301, 0), (10**9, 0)]
)
def test_a_trigger_from_the_future_is_set_to_receipt(
    contract: Contract, ahead_s: int, counts_s: int
) -> None:
    given = datetime.fromtimestamp(NOW_S + ahead_s, UTC).isoformat()
    found = kept(ask(contract, x_shopify_triggered_at=given))
    assert found.triggered_ms == (NOW_S + counts_s) * 1000


@pytest.mark.parametrize("given", ["x" * 129, b"\xe9", b"a\nb"])
def test_what_no_rule_depends_on_never_costs_a_delivery(
    contract: Contract, given: str | bytes
) -> None:
    found = kept(
        ask(
            contract,
            x_shopify_api_version=given,
            x_shopify_event_id=given,
            x_shopify_name=given,
            x_shopify_triggered_at=given,
        )
    )
    assert (found.api_version, found.event_id, found.name, found.triggered_ms) == ("", "", "", 0)


def test_the_unprefixed_family_wins_header_by_header(contract: Contract) -> None:
    found = kept(
        ask(
            contract,
            shopify_topic="products/update",
            shopify_shop_domain="two.myshopify.com",
            shopify_webhook_id="w-2",
            x_shopify_event_id="only here",
        )
    )
    assert (found.topic, found.shop, found.webhook_id, found.event_id) == (
        "products/update",
        "two.myshopify.com",
        "w-2",
        "only here",
    )
    assert ask(contract, shopify_hmac_sha256="wrong") is replies.UNSIGNED
    alone: Changes = {f"x_shopify_{name}": None for name in ("topic", "shop_domain", "hmac_sha256")}
    found = kept(
        ask(
            contract,
            BODY,
            **alone,
            shopify_topic="orders/paid",
            shopify_shop_domain="one.myshopify.com",
            shopify_hmac_sha256=signature(SECRET, BODY),
        )
    )
    assert found.topic == "orders/paid"


def test_a_repeated_header_is_judged_as_wsgi_servers_join_it() -> None:
    pairs = [(b"x-shopify-topic", b"a"), (b"cookie", b"1"), (b"x-shopify-topic", b"b")]
    assert from_pairs(pairs)[b"x-shopify-topic"] == b"a,b"
    environ = {"HTTP_X_SHOPIFY_TOPIC": "a,b", "CONTENT_LENGTH": "5", "wsgi.input": object()}
    assert from_environ(environ) == {b"x-shopify-topic": b"a,b", b"content-length": b"5"}


def test_rotation_takes_both_secrets_and_no_empty_one() -> None:
    both = Secrets("new", "old")
    for secret, good in (("new", True), ("old", True), ("other", False)):
        assert both.signed(_mac(secret), BODY) is good
    alone = Secrets("new", "")
    assert not alone.signed(_mac("old"), BODY)
    assert not alone.signed(_mac(""), BODY)


def _mac(secret: str) -> bytes:
    return base64.b64decode(signature(secret, BODY))


@pytest.mark.parametrize("reply", [reply for reply in replies.ALL if reply.status >= 400])
def test_a_refusal_is_counted_once_and_says_what_to_do(reply: Reply) -> None:
    assert reply.counted == ("unavailable" if reply.status == 503 else "rejected")
    if reply.status == 401:
        assert reply.body == b""
    else:
        assert set(msgspec.json.decode(reply.body, type=dict[str, str])) == {"error", "todo"}
    assert (b"retry-after" in dict(reply.headers)) is (reply.status == 503)
