"""A delivery as bytes on the wire: request line, headers of either family, signature.

Facts: the signature is base64 of HMAC-SHA256 over the raw body with the app's client secret; no
header is signed. Shopify names its headers ``X-Shopify-*``; its 2026 Events drop the ``X-`` and
have no event id.
"""

import base64
import enum
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from avnu.sandbox.delivery import Delivery, Signature

#: Filler of an oversized body: white space, so that the JSON stays JSON.
FILLER = b" " * 65_536


class Family(enum.StrEnum):
    """Which headers a delivery carries."""

    CLASSIC = "classic"  # X-Shopify-Topic …
    EVENTS = "events"  # shopify-topic …
    BOTH = "both"
    MIXED = "mixed"  # each delivery one of the three, in turn


_IN_TURN = (Family.CLASSIC, Family.EVENTS, Family.BOTH)


def sign(secret: str, body: bytes) -> str:
    """The signature header's value for ``body``."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def filler(size: int) -> Iterator[bytes]:
    """``size`` bytes of filler, in pieces."""
    for start in range(0, size, len(FILLER)):
        yield FILLER[: size - start]


def _sign_delivery(secret: str, delivery: Delivery) -> str:
    """Right, also for a body whose filler is made while it is sent."""
    if not delivery.filler_bytes:
        return sign(secret, delivery.body)
    code = hmac.new(secret.encode(), delivery.body, "sha256")
    for piece in filler(delivery.filler_bytes):
        code.update(piece)
    return base64.b64encode(code.digest()).decode()


def _too_short(_secret: str, delivery: Delivery) -> str:
    return base64.b64encode(hashlib.sha256(delivery.body).digest()[:16]).decode()


#: What each kind of signature puts into the header, from the secret and the delivery; None: no
#: header at all.
SIGNERS: Mapping[Signature, Callable[[str, Delivery], str | None]] = MappingProxyType(
    {
        Signature.RIGHT: _sign_delivery,
        Signature.WRONG_SECRET: lambda _, delivery: sign("another app's", delivery.body),
        Signature.RANDOM: lambda _, delivery: sign(delivery.webhook_id, delivery.body),
        Signature.ALTERED: lambda secret, delivery: sign(secret, delivery.body[:-1]),
        Signature.MISSING: lambda *_: None,
        Signature.EMPTY: lambda *_: "",
        Signature.SHORT: _too_short,
        Signature.GARBLED: lambda *_: "not base64 at all!",
        Signature.FOREIGN: lambda *_: "\xe9" * 44,
        Signature.HUGE: lambda *_: "A" * 6_000,
    }
)


class RequestWriter:
    """Writes the heads of deliveries for one address, signed with one secret."""

    def __init__(self, url: str, secret: str, api_version: str, family: Family) -> None:
        """Raises ValueError for what is not an http:// or https:// address with a host."""
        self.address = urlsplit(url)
        if self.address.scheme not in ("http", "https") or not self.address.hostname:
            raise ValueError(f"{url!r} is not an http:// or https:// address")
        self._secret = secret
        self._api_version = api_version
        self._family = family
        self._start = _start(self.address)

    def head(self, delivery: Delivery, triggered_at: str) -> bytes:
        """Everything before the body, the blank line included."""
        family = self._family
        if family is Family.MIXED:
            family = _IN_TURN[delivery.number % len(_IN_TURN)]
        signature = SIGNERS[delivery.signature](self._secret, delivery)
        lines = [self._start, f"Content-Length: {len(delivery.body) + delivery.filler_bytes}"]
        if family is not Family.EVENTS:
            lines.append(self._headers(delivery, signature, triggered_at, "X-Shopify"))
            lines.append(f"X-Shopify-Event-Id: {delivery.event_id}")
        if family is not Family.CLASSIC:
            lines.append(self._headers(delivery, signature, triggered_at, "shopify"))
        # latin-1 keeps each character one byte: a foreign signature must leave as it was written.
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _headers(
        self, delivery: Delivery, signature: str | None, triggered_at: str, prefix: str
    ) -> str:
        headers = (
            f"{prefix}-Topic: {delivery.topic}\r\n"
            f"{prefix}-Shop-Domain: {delivery.shop}\r\n"
            f"{prefix}-API-Version: {self._api_version}\r\n"
            f"{prefix}-Webhook-Id: {delivery.webhook_id}\r\n"
            f"{prefix}-Triggered-At: {triggered_at}"
        )
        if signature is None:
            return headers
        return f"{headers}\r\n{prefix}-Hmac-Sha256: {signature}"


def _start(address: SplitResult) -> str:
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    return (
        f"POST {path} HTTP/1.1\r\n"
        f"Host: {address.netloc.rpartition('@')[2]}\r\n"
        "User-Agent: Shopify-Captain-Hook\r\n"
        "Accept: */*\r\n"
        "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n"
        "Content-Type: application/json"
    )
