"""Webhooks as Shopify sends them, signed and rendered to bytes before any clock runs."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from tests.bench import bodies
from tests.bench.bodies import Body

SECRET = "bench-secret"
FIRST_NUMBER = 1_000_000_000_000

_HEAD = (
    "POST /webhooks/shopify HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "User-Agent: Shopify-Captain-Hook\r\n"
    "Accept: */*\r\n"
    "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n"
    "Content-Type: application/json\r\n"
    "X-Shopify-Topic: {topic}\r\n"
    "X-Shopify-API-Version: 2026-07\r\n"
    "X-Shopify-Shop-Domain: {shop}\r\n"
    "X-Shopify-Webhook-Id: {webhook_id}\r\n"
    "X-Shopify-Event-Id: {event_id}\r\n"
    "X-Shopify-Triggered-At: {triggered_at}\r\n"
    "X-Shopify-Hmac-Sha256: {signature}\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
)


class Delivery(NamedTuple):
    """One signed request: whose it is, its webhook id, and the bytes for the socket."""

    shop: str
    webhook_id: str
    request: bytes


def spread_over(shops: int) -> Callable[[int], str]:
    """Names shop n of a number of shops: deliveries go round them."""
    return lambda n: f"bench-{n % shops:05d}.myshopify.com"


def only(shop: str) -> Callable[[int], str]:
    """Names one and the same shop for every delivery."""
    return lambda _: shop


def requests(count: int, shops: int, seed: str) -> list[bytes]:
    """Products/update of so many shops in turn, ready for the socket."""
    return [one.request for one in render(count, spread_over(shops), seed)]


def render(
    count: int, shop_of: Callable[[int], str], seed: str, body: Body | None = None
) -> Iterator[Delivery]:
    """`count` deliveries of distinct resources and ids; the same seed gives the same ones.

    Another seed gives other resources and other ids, so that nothing is a duplicate of it.
    """
    random = Random(seed)
    body = body or bodies.product()
    first = FIRST_NUMBER + random.randrange(1_000) * 1_000_000_000
    triggered_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for n in range(count):
        shop, webhook_id = shop_of(n), _uuid(random)
        payload = body.render(shop, first + n)
        head = _HEAD.format(
            topic=body.topic,
            shop=shop,
            webhook_id=webhook_id,
            event_id=_uuid(random),
            triggered_at=triggered_at,
            signature=_signature(payload),
            length=len(payload),
        )
        yield Delivery(shop, webhook_id, head.encode() + payload)


def _signature(payload: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), payload, hashlib.sha256)).decode()


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
