"""When Shopify, beat and its canary were last heard of, by the inbox's own time."""

import math

import msgspec

from avnu.inbox import Inbox
from avnu.inbox.reach import reaching

# What is heard of (``heard`` on DB 2). The receiver's flush notes the first.
RECEIVED = "received"
BEAT = "beat"
CANARY = "canary"


class Heard(msgspec.Struct, frozen=True):
    """Ages in seconds; inf: never. ``received_s`` is None while nothing was ever delivered."""

    received_s: float | None
    beat_s: float
    canary_s: float


def note_heard(inbox: Inbox, name: str) -> None:
    """It was heard of now. Raises InboxUnavailable."""
    inbox.run("hear", name)


def heard(inbox: Inbox) -> Heard:
    """One round trip. Raises InboxUnavailable."""
    with reaching(), inbox.client.pipeline(transaction=False) as pipe:
        pipe.hmget(inbox.keys.of("heard"), [RECEIVED, BEAT, CANARY])
        pipe.hget(inbox.keys.of("control"), "offset")
        pipe.time()
        at, offset, (seconds, micros) = pipe.execute()
    now_ms = seconds * 1000 + micros // 1000 + int(offset or 0)
    received, beat, canary = (
        None if ms is None else max(0.0, (now_ms - int(ms)) / 1000) for ms in at
    )
    return Heard(
        received,
        math.inf if beat is None else beat,
        math.inf if canary is None else canary,
    )
