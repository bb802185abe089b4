"""When Shopify, beat and its canary were last heard of.

Receivers note the first with their counters, a worker the last, by the inbox's own time. Beat's
user may read nothing of the inbox (``deploy/redis/users.acl``), so what it notes is the server's
bare time.
"""

import math
from typing import Any

import msgspec

from avnu.clock import server_ms
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching
from avnu.keys import Keys

# Fields of ``heard`` on DB 2.
_RECEIVED = "received"
_BEAT = "beat"
_CANARY = "canary"


class Heard(msgspec.Struct, frozen=True):
    """Ages in seconds; inf: never. ``received_s`` is None while nothing was ever delivered.

    ``now_ms`` is the inbox's time.
    """

    now_ms: int
    received_s: float | None
    beat_s: float
    canary_s: float


def note_canary(inbox: Inbox) -> None:
    """It came back through the queue. Raises InboxUnavailable."""
    inbox.run("hear", _CANARY)


def note_beat(client: Any, names: Keys) -> None:
    """Beat lives: it has sent its canary, or let it go. Raises what redis-py raises."""
    client.hset(names.of("heard"), _BEAT, server_ms(client.time()))


def heard(inbox: Inbox) -> Heard:
    """One round trip. Raises InboxUnavailable."""
    with reaching(), inbox.client.pipeline(transaction=False) as pipe:
        pipe.hmget(inbox.keys.of("heard"), [_RECEIVED, _BEAT, _CANARY])
        pipe.hget(inbox.keys.of("control"), "offset")
        pipe.time()
        at, offset, time = pipe.execute()
    bare_ms, now_ms = server_ms(time), server_ms(time, offset)
    received = _age_s(now_ms, at[0])
    return Heard(
        now_ms,
        None if math.isinf(received) else received,
        _age_s(bare_ms, at[1]),
        _age_s(now_ms, at[2]),
    )


def _age_s(now_ms: int, noted: bytes | None) -> float:
    return math.inf if noted is None else max(0.0, (now_ms - int(noted)) / 1000)
