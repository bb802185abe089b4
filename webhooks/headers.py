"""The headers of a delivery, in both families, read the same way behind both doors.

Shopify sends `X-Shopify-*` with classic webhooks and the un-prefixed `shopify-*` with the Events
of 2026; a delivery may carry both, and then the un-prefixed one is meant (shopify-app-js,
`lib/webhooks/validate.ts`). None of them is signed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Headers = Mapping[bytes, bytes]
"""Values by lower-case name; a header that came twice is joined by a comma."""


class Name(NamedTuple):
    """One header in its two families."""

    event: bytes
    classic: bytes


def _name(text: str) -> Name:
    return Name(f"shopify-{text}".encode(), f"x-shopify-{text}".encode())


SIGNATURE = _name("hmac-sha256")
TOPIC = _name("topic")
SHOP = _name("shop-domain")
WEBHOOK_ID = _name("webhook-id")
EVENT_ID = _name("event-id")
API_VERSION = _name("api-version")
TRIGGERED_AT = _name("triggered-at")
SUBSCRIPTION = _name("name")

CONTENT_LENGTH = b"content-length"

_ALL = (SIGNATURE, TOPIC, SHOP, WEBHOOK_ID, EVENT_ID, API_VERSION, TRIGGERED_AT, SUBSCRIPTION)
_SPELLINGS = tuple(spelling for name in _ALL for spelling in name)
# WSGI renames every header (PEP 3333), and keeps no HTTP_ for this one.
_ENVIRON = {"CONTENT_LENGTH": CONTENT_LENGTH} | {
    "HTTP_" + spelling.decode().upper().replace("-", "_"): spelling for spelling in _SPELLINGS
}


def value(headers: Headers, name: Name) -> bytes:
    """The header's value, the un-prefixed family first; empty when neither is there."""
    found = headers.get(name.event)
    return headers.get(name.classic, b"") if found is None else found


def from_pairs(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an ASGI scope, whose names are lower-case already."""
    pairs = list(pairs)
    # One call in C for the rule; only a request that repeats a header is walked through.
    found = dict(pairs)
    return found if len(found) == len(pairs) else _joined(pairs)


def from_environ(environ: Mapping[str, Any]) -> Headers:
    """The headers of a WSGI request that the receiver reads, as bytes again."""
    return {
        spelling: environ[key].encode("latin-1")
        for key, spelling in _ENVIRON.items()
        if key in environ
    }


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """As WSGI servers do, so that both doors judge a repeated header alike."""
    found: dict[bytes, bytes] = {}
    for name, text in pairs:
        found[name] = found[name] + b"," + text if name in found else text
    return found
