r"""How Shopify writes a webhook's body: bytes, times and ids.

The bytes matter, because they are what is signed: Shopify writes ``/`` as ``\/`` and ``&`` as
``\u0026`` (``<`` and ``>`` likewise), so no JSON library that reads a body and writes it again
gets the signed bytes back.
"""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec

#: A decoded webhook body.
Payload = dict[str, Any]

_encoder = msgspec.json.Encoder()

#: JSON holds these bytes only inside strings, so replacing them keeps a body valid JSON.
_ESCAPES = ((b"/", b"\\/"), (b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"))


def encode(payload: Any) -> bytes:
    """The body Shopify would send for ``payload``: compact JSON with its escapes."""
    body = _encoder.encode(payload)
    for plain, escaped in _ESCAPES:
        body = body.replace(plain, escaped)
    return body


def steady_id(*parts: object) -> int:
    """A 64-bit id that is the same for the same parts, above 2**59.

    Above 2**53 on purpose: a reader that takes ids for floats gets a different id.
    """
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 5) | (1 << 59)


def local_time(unix_s: float, offset_minutes: int) -> str:
    """``2026-11-22T09:15:07-05:00``: whole seconds in the shop's own offset."""
    zone = timezone(timedelta(minutes=offset_minutes))
    return datetime.fromtimestamp(int(unix_s), zone).isoformat()


def unix_time(local: str) -> int:
    """``local_time`` read back: whole unix seconds."""
    return int(datetime.fromisoformat(local).timestamp())


def triggered_at(unix_s: float) -> str:
    """``2026-11-22T14:15:07.556612022Z``: nine digits of a second, as the header has it."""
    whole_s = int(unix_s)
    nanoseconds = int((unix_s - whole_s) * 1_000_000_000)
    return f"{datetime.fromtimestamp(whole_s, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def money(cents: int) -> str:
    """``1999`` → ``"19.99"``: Shopify writes money as a string."""
    return f"{cents // 100}.{cents % 100:02d}"


def money_set(cents: int, currency: str) -> Payload:
    """The same amount for the shop and for the buyer, as order payloads repeat it."""
    amount = {"amount": money(cents), "currency_code": currency}
    return {"shop_money": amount, "presentment_money": amount}
