"""Whatever comes in: no exception, nothing kept unsigned, nothing odd in what is kept."""

import hmac
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from avnu.clock import SystemClock
from avnu.inbox.arrival import Arrival, read_record
from avnu.shopify.topics import TOPICS
from webhooks import replies
from webhooks.contract import SHOP_DOMAIN, Contract
from webhooks.headers import CONTENT_LENGTH, from_pairs
from webhooks.replies import Reply
from webhooks.signature import Secrets, encode

SECRET = "made-up"
CONTRACT = Contract(Secrets(SECRET), TOPICS, 5000, SystemClock())
STORED = ("shop", "webhook_id", "area", "topic", "triggered_ms", "api_version", "event_id",
          "name", "body")  # fmt: skip
READ = ("hmac-sha256", "topic", "shop-domain", "webhook-id", "event-id", "api-version",
        "triggered-at", "name")  # fmt: skip

# What a server lets through in a value: anything but control characters, or less.
texts = st.binary(max_size=150) | st.text(max_size=60).map(str.encode)
sensible = {
    b"topic": st.sampled_from([name.encode() for name in TOPICS]),
    b"shop-domain": st.sampled_from([b"one.myshopify.com", b"TWO.myshopify.com"]),
    b"webhook-id": st.text("abc0123456789-", min_size=1, max_size=40).map(str.encode),
    b"triggered-at": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z".encode()),
}
spellings = [f"{family}-{name}".encode() for family in ("x-shopify", "shopify") for name in READ]
names = st.sampled_from(spellings)
other_names = st.sampled_from([CONTENT_LENGTH, b"transfer-encoding", b"cookie", b"host"])
pairs = st.lists(st.tuples(names | other_names, texts), max_size=12)
bodies = st.binary(max_size=600) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "shop_domain", "myshopify_domain", "x"]), inner)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


def ask(headers: list[tuple[bytes, bytes]], body: bytes) -> Arrival | Reply:
    found = from_pairs(headers)
    mac = CONTRACT.before_body(found)
    return mac if isinstance(mac, Reply) else CONTRACT.judge(found, mac, body)


@settings(max_examples=600)
@given(pairs, bodies)
def test_nothing_is_kept_or_ignored_without_a_good_signature(
    headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    found = ask(headers, body)
    assert isinstance(found, Reply)
    assert found in (replies.UNSIGNED, replies.TOO_LARGE)


@st.composite
def signed_deliveries(draw: st.DrawFn) -> tuple[list[tuple[bytes, bytes]], bytes]:
    body = draw(bodies)
    good = [(b"x-shopify-" + name, draw(values)) for name, values in sensible.items()]
    kept = [pair for pair in good if draw(st.integers(0, 9))]
    odd = [pair for pair in draw(pairs) if b"hmac" not in pair[0] and pair[0] != CONTENT_LENGTH]
    mac = encode(hmac.digest(SECRET.encode(), body, "sha256"))
    # Odd ones first: a repeated header is joined, one in the other family replaces.
    return [*odd[: draw(st.integers(0, 3))], *kept, (b"x-shopify-hmac-sha256", mac)], body


@settings(max_examples=800)
@given(signed_deliveries())
def test_what_is_kept_can_be_stored_and_read_back(
    delivery: tuple[list[tuple[bytes, bytes]], bytes],
) -> None:
    headers, body = delivery
    found = ask(headers, body)
    if isinstance(found, Reply):
        assert found is replies.NOT_FOLLOWED or found.status == 400
        return
    assert SHOP_DOMAIN.fullmatch(found.shop)
    assert found.body is body
    stored = read_record(found.shop, found.webhook_id, found.record())
    for name in STORED:
        assert getattr(stored, name) == getattr(found, name), name


def test_the_fuzz_keeps_some_and_refuses_some() -> None:
    """Guards the strategies above: a fuzz that reaches one branch only shows nothing."""
    seen: set[object] = set()

    @settings(max_examples=300)
    @given(signed_deliveries())
    def look(delivery: tuple[list[tuple[bytes, bytes]], bytes]) -> None:
        found = ask(*delivery)
        seen.add(type(found) if isinstance(found, Arrival) else found)

    look()
    wanted = {Arrival, replies.NOT_FOLLOWED, replies.NO_TOPIC, replies.NO_SHOP, replies.BAD_SHOP}
    assert wanted <= seen
