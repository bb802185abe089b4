"""Signatures: vectors by others, Shopify's own library as oracle, and wrong spellings."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shopify_app import ShopifyApp

from avnu.clock import SystemClock
from avnu.inbox.arrival import Arrival
from avnu.shopify.topics import TOPICS
from tests.support.doors import signature, signed
from tests.support.payloads import ROOT, published
from webhooks import replies
from webhooks.contract import Contract
from webhooks.headers import from_pairs
from webhooks.replies import Reply
from webhooks.signature import MAC_BYTES, Secrets, decode, encode

CORPUS = Path(os.environ.get("AVNU_CORPUS") or ROOT.parent / "shared" / "corpus")
# From the tests of shopify-app-js, shopify_app and shopify-api-php (MIT), as in signatures.json.
VECTORS = [
    ("test_secret_key", '{"foo": "bar"}', "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="),
    ("secret", "foo=anything", "yCGX/RrK4fcuNtr3ztk5tQGsOBjcAzHpGLdMUrbV8yI="),
    ("old_secret", "foo=anything", "XqRcjrSv57VACn6apEO9znyu/wkN1VC7QxdSPwK3Hzs="),
    (
        "7008c5f4da4718b9b45d26d3fcbbb157",
        '{"foo":"bar"}',
        "+R9TwYM4mbLTk3hEAOBkpA7zW2lc9vNFmVKs2u2jtyY=",
    ),
]


def judged(secrets: Secrets, header: bytes, body: bytes) -> Arrival | Reply:
    """The verdict on a delivery in which everything but the signature is good."""
    good = signed("", body, hmac_sha256=None)
    pairs = [(name.lower().encode(), text.encode()) for name, text in good.items()]
    headers = from_pairs([*pairs, (b"x-shopify-hmac-sha256", header)])
    contract = Contract(secrets, TOPICS, 1 << 24, SystemClock())
    mac = contract.before_body(headers)
    return mac if isinstance(mac, Reply) else contract.judge(headers, mac, body)


@pytest.mark.parametrize(("secret", "body", "header"), VECTORS)
def test_vectors_by_others(secret: str, body: str, header: str) -> None:
    assert isinstance(judged(Secrets(secret), header.encode(), body.encode()), Arrival)
    assert isinstance(judged(Secrets("new", secret), header.encode(), body.encode()), Arrival)
    assert judged(Secrets("new"), header.encode(), body.encode()) is replies.UNSIGNED
    assert judged(Secrets(secret), header.encode(), body.encode() + b" ") is replies.UNSIGNED


def test_the_vectors_are_those_of_the_corpus() -> None:
    path = CORPUS / "signatures.json"
    if not path.exists():
        pytest.skip("the corpus is not there")
    found = [(row["secret"], row["body"], row["hmac"]) for row in json.loads(path.read_text())]
    assert found == VECTORS


def test_every_published_payload_is_followed_or_ignored() -> None:
    payloads = published()
    if not payloads:
        pytest.skip("the corpus is not there")
    assert len(payloads) == 221
    contract = Contract(Secrets("s"), TOPICS, 1 << 24, SystemClock())
    for topic, sample in payloads.items():
        body = sample.replace(b"{shop}", b"one")
        named = json.loads(body)
        shop = named.get("myshopify_domain") or named.get("shop_domain") or "one.myshopify.com"
        pairs = signed("s", body, topic=topic, shop_domain=shop).items()
        headers = from_pairs((name.lower().encode(), text.encode()) for name, text in pairs)
        mac = contract.before_body(headers)
        assert isinstance(mac, bytes)
        found = contract.judge(headers, mac, body)
        if topic in TOPICS:
            assert isinstance(found, Arrival), topic
            assert (found.topic, found.shop, found.body) == (topic, shop, body)
        else:
            assert found is replies.NOT_FOLLOWED, topic


@given(st.binary(min_size=MAC_BYTES, max_size=MAC_BYTES))
def test_each_mac_has_one_spelling(mac: bytes) -> None:
    header = encode(mac)
    assert decode(header) == mac
    # The last letter holds two bits of nothing; a lenient decoder takes four letters for one.
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    others = [header[:-2] + bytes([letter]) + b"=" for letter in alphabet]
    assert [decode(other) for other in others if decode(other) == mac] == [mac]


@given(st.binary(max_size=80))
def test_decode_never_raises_and_gives_32_bytes_or_nothing(header: bytes) -> None:
    mac = decode(header)
    assert mac is None or (len(mac) == MAC_BYTES and base64.b64encode(mac) == header)


SIGNERS = ["new", "old", "other"]
HEADER_OF: dict[str, Callable[[str, bytes], str]] = {
    "right": signature,
    "of another body": lambda secret, body: signature(secret, body + b"x"),
    "garbled": lambda secret, body: "x" + signature(secret, body)[1:],
    "unpadded": lambda secret, body: signature(secret, body)[:-1],
    "url alphabet": lambda secret, body: (
        signature(secret, body).replace("+", "-").replace("/", "_")
    ),
    "hex": lambda secret, body: base64.b64decode(signature(secret, body)).hex(),
    "empty": lambda _secret, _body: "",
}


@settings(max_examples=300)
@given(
    body=st.text(max_size=200),
    signer=st.sampled_from(SIGNERS),
    made=st.sampled_from(sorted(HEADER_OF)),
    previous=st.sampled_from(["", "old"]),
    family=st.sampled_from(["x-shopify", "shopify"]),
)
def test_shopifys_own_library_agrees(
    body: str, signer: str, made: str, previous: str, family: str
) -> None:
    """It knows good and bad; to an empty header it answers 400, where we owe a 401."""
    raw = body.encode()
    header = HEADER_OF[made](signer, raw)
    config: dict[str, Any] = {"client_id": "id", "client_secret": "new"}
    if previous:
        config["old_client_secret"] = previous
    verdict = ShopifyApp(**config).verify_webhook_req(
        {
            "method": "POST",
            "headers": {
                f"{family}-hmac-sha256": header,
                f"{family}-shop-domain": "one.myshopify.com",
            },
            "url": "https://app.example/webhooks/shopify",
            "body": body,
        }
    )
    ours = judged_in(family, Secrets("new", previous), header.encode(), raw)
    assert isinstance(ours, Arrival) is verdict.ok, verdict.log
    if not verdict.ok:
        assert ours is replies.UNSIGNED


def judged_in(family: str, secrets: Secrets, header: bytes, body: bytes) -> Arrival | Reply:
    contract = Contract(secrets, TOPICS, 1 << 24, SystemClock())
    pairs = [
        (f"{family}-hmac-sha256".encode(), header),
        (f"{family}-shop-domain".encode(), b"one.myshopify.com"),
        (f"{family}-topic".encode(), b"orders/create"),
    ]
    headers = from_pairs(pairs)
    mac = contract.before_body(headers)
    return mac if isinstance(mac, Reply) else contract.judge(headers, mac, body)
