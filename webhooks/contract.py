"""What is decided from headers and bytes alone: the same for both doors, and without any of them.

A door asks in two steps: :meth:`Contract.before_body` with the headers, then, with the raw bytes,
:meth:`Contract.judge`. Each gives either what the next step needs or the Reply to send.
"""

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from avnu.clock import Clock
from avnu.inbox.arrival import Arrival
from avnu.shopify.topics import Topic
from webhooks import replies, signature
from webhooks.headers import (
    API_VERSION,
    CONTENT_LENGTH,
    EVENT_ID,
    SHOP,
    SIGNATURE,
    SUBSCRIPTION,
    TOPIC,
    TRIGGERED_AT,
    WEBHOOK_ID,
    Headers,
    value,
)
from webhooks.replies import Reply

LONGEST_ID = 128
LONGEST_TOPIC = 100
# What no rule depends on is left out when it is absurd: a delivery is not refused for it.
LONGEST_EXTRA = 128
LATEST_TRIGGER_MS = 5 * 60 * 1000

SHOP_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")


class Contract:
    """The receiver's rules for one app: its secrets, its topics, its largest body in bytes."""

    def __init__(
        self,
        secrets: signature.Secrets,
        topics: Mapping[str, Topic],
        max_bytes: int,
        clock: Clock,
    ) -> None:
        self._secrets = secrets
        # By bytes, so that a known topic is checked, decoded and routed by one look-up.
        self._topics = {name.encode(): topic for name, topic in topics.items()}
        self._max_bytes = max_bytes
        self._clock = clock

    def before_body(self, headers: Headers) -> bytes | Reply:
        """The 32 bytes of the signature header, or the refusal for which no body is needed."""
        mac = signature.decode(value(headers, SIGNATURE))
        if mac is None:
            return replies.UNSIGNED
        declared = headers.get(CONTENT_LENGTH, b"0")
        # A length that is no number is the server's affair, and bounded while it is read.
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self._max_bytes):
            return replies.TOO_LARGE
        return mac

    def judge(self, headers: Headers, mac: bytes, body: bytes) -> Arrival | Reply:
        """The webhook to keep, or the answer to one that is not to be kept."""
        if not self._secrets.signed(mac, body):
            return replies.UNSIGNED
        topic_text = value(headers, TOPIC)
        topic = self._topics.get(topic_text)
        if topic is None:
            return _unknown_topic(topic_text)
        shop = _shop(value(headers, SHOP), topic, body)
        if isinstance(shop, Reply):
            return shop
        webhook_id = value(headers, WEBHOOK_ID).decode("latin-1") or "mac-" + mac.hex()
        if len(webhook_id) > LONGEST_ID or not _printable(webhook_id):
            return replies.BAD_ID
        return Arrival(
            shop,
            webhook_id,
            topic.name,
            topic.area,
            topic.destructive,
            mac,
            body,
            self._triggered_ms(value(headers, TRIGGERED_AT)),
            _extra(value(headers, API_VERSION)),
            _extra(value(headers, EVENT_ID)),
            _extra(value(headers, SUBSCRIPTION)),
        )

    def _triggered_ms(self, text: bytes) -> int:
        """Unix ms; 0 when it is not said or cannot be read. A clock that runs ahead is set back."""
        triggered_ms = _unix_ms(text)
        now_ms = int(self._clock.time() * 1000)
        return now_ms if triggered_ms > now_ms + LATEST_TRIGGER_MS else triggered_ms


def _unknown_topic(text: bytes) -> Reply:
    """A topic that Avnu does not follow gets its 200: a 404 would cost the subscription."""
    if not text:
        return replies.NO_TOPIC
    if len(text) > LONGEST_TOPIC or not _printable(text.decode("latin-1")):
        return replies.BAD_TOPIC
    return replies.NOT_FOLLOWED


def _shop(header: bytes, topic: Topic, body: bytes) -> str | Reply:
    """The shop of a delivery. The header is not signed, so a body that names its shop wins."""
    named = _named_shop(topic.names_shop, body) if topic.names_shop else None
    if header:
        shop = header.decode("latin-1").lower()
        if not SHOP_DOMAIN.fullmatch(shop):
            return replies.BAD_SHOP
        return shop if named is None or named == shop else replies.OTHER_SHOP
    if named is None:
        return replies.NO_SHOP
    return named if SHOP_DOMAIN.fullmatch(named) else replies.BAD_SHOP


def _named_shop(field: str, body: bytes) -> str | None:
    """What the payload says, lower-cased; None where it does not name a shop."""
    try:
        found = _decoder(field).decode(body).shop
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found.lower() if isinstance(found, str) and found else None


@functools.cache
def _decoder(field: str) -> msgspec.json.Decoder[Any]:
    """Reads one field of a payload and skips the rest."""
    shape = msgspec.defstruct("NamesShop", [("shop", Any, None)], rename={"shop": field})
    return msgspec.json.Decoder(shape)


def _unix_ms(text: bytes) -> int:
    """An ISO 8601 time with offset, to the nanosecond as Shopify sends it; 0 for anything else."""
    if not text or len(text) > LONGEST_EXTRA:
        return 0
    try:
        moment = datetime.fromisoformat(text.decode("ascii"))
        # A time without an offset could be any of 27 hours.
        return max(0, int(moment.timestamp() * 1000)) if moment.tzinfo else 0
    except (ValueError, OverflowError):
        return 0


def _extra(text: bytes) -> str:
    """A header that is kept for the operator; empty when it is not short printable ASCII."""
    if not text:
        return ""
    found = text.decode("latin-1")
    return found if len(found) <= LONGEST_EXTRA and _printable(found) else ""


def _printable(text: str) -> bool:
    return text.isascii() and text.isprintable()
