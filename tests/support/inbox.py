"""Building webhooks, taking turns and moving time in tests of the inbox."""

import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import redis

from avnu import keys
from avnu.app import build_inbox
from avnu.clock import Clock, server_ms
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.accept import Accepting
from avnu.inbox.arrival import Answer, Arrival
from avnu.inbox.audit import audit
from avnu.inbox.solo import Claim, Due
from avnu.inbox.turn import Batch, Drain, Ending, Letter, Parking, Settlement, Verdict
from avnu.lua import NAMES, Script
from avnu.settings import Settings

# Steps that the inbox takes for ordinary time: a pause of the tick beyond 5 s is an outage.
STEP_S = 4.0

DONE = Verdict(Letter.DONE)
BACK = Verdict(Letter.BACK)
ALONE = Verdict(Letter.ALONE, "shared a failure")
FAILED = Verdict(Letter.FAILED, "it raised")
REJECTED = Verdict(Letter.REJECTED, "not readable")
SUPERSEDED = Verdict(Letter.SUPERSEDED)
UNHANDLED = Verdict(Letter.UNHANDLED)


def open_inbox(settings: Settings, clock: Clock | None = None, **changes: Any) -> Inbox:
    """An inbox as receivers and workers build it, perhaps with other settings."""
    changed = dataclasses.replace(settings, **changes)
    return build_inbox(changed, Connections(changed), clock)


# Put into every script, where it has read the server's time: what has gone by since the last script
# is taken off the offset again. A full server refuses to write that, and it is made up for later.
_STAND_STILL = """
do
  local ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local stood = tonumber(call('HGET', '{control}', 'stood') or ms)
  redis.pcall('HINCRBY', '{control}', 'offset', stood - ms)
  redis.pcall('HSET', '{control}', 'stood', ms)
end
"""
_READS_TIME = b"local clock = call('TIME')\n"


def still_inbox(settings: Settings, clock: Clock | None = None, **changes: Any) -> Inbox:
    """Like ``open_inbox``, but its time goes on only when a test moves it.

    So a machine that is busy between two steps of a test changes none of the times it compares.
    """
    inbox = open_inbox(settings, clock, **changes)
    scripts, piece = inbox.scripts, _STAND_STILL.format(control=inbox.keys.of("control")).encode()
    for name in NAMES:
        text = scripts[name].text.replace(_READS_TIME, _READS_TIME + piece)
        sha = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
        scripts._scripts[name] = Script(name, text, sha)
    inbox.accepting = Accepting(inbox.settings, scripts)
    return inbox


def domain(shop: str) -> str:
    return keys.domain(keys.short(shop))


def arrival(
    webhook_id: object,
    shop: str = "one",
    topic: str = "orders/create",
    area: str = "orders",
    *,
    destructive: bool = False,
    body: bytes | None = None,
) -> Arrival:
    """A webhook of its own bytes, long enough to be guarded against replay."""
    if body is None:
        body = json.dumps({"id": str(webhook_id), "shop": shop, "pad": "x" * 64}).encode()
    mac = hashlib.sha256(body).digest()
    return Arrival(domain(shop), str(webhook_id), topic, area, destructive, mac, body)


def accept(inbox: Inbox, *webhook_ids: object, shop: str = "one", **how: Any) -> list[str]:
    """Accept new webhooks; their refs."""
    answers = inbox.accept([arrival(one, shop, **how) for one in webhook_ids])
    assert answers == [Answer.ACCEPTED] * len(webhook_ids)
    return [keys.ref(shop, str(one)) for one in webhook_ids]


# ---- time


def begin_at(inbox: Inbox, ms: int) -> None:
    """Let the time of a ``still_inbox`` begin at a moment."""
    inbox.client.hset(inbox.keys.of("control"), mapping={"stood": ms, "offset": 0})


def move_time(inbox: Inbox, seconds: float) -> None:
    """Let the inbox's time jump, without a tick."""
    move_ms(inbox, round(seconds * 1000))


def move_ms(inbox: Inbox, ms: int) -> None:
    inbox.client.hincrby(inbox.keys.of("control"), "offset", ms)


def pass_time(inbox: Inbox, seconds: float, step_s: float = STEP_S) -> list[Due]:
    """Let time pass with ticks, in steps that are no outage; the solo tasks that came due."""
    due: list[Due] = []
    while seconds > 0:
        move_time(inbox, min(seconds, step_s))
        due += inbox.tick().due
        seconds -= step_s
    return due


def now_ms(inbox: Inbox) -> int:
    """The inbox's time; exact where it stands still, else to within what a test takes."""
    stood, offset = inbox.client.hmget(inbox.keys.of("control"), "stood", "offset")
    now = server_ms(inbox.client.time(), offset)
    return int(stood) + int(offset or 0) if stood else now


# ---- turns


def partition(inbox: Inbox, shop: str = "one") -> int:
    """Where an idle shop goes."""
    return crc32(domain(shop).encode()) % inbox.settings.inbox_partitions


def wake_number(inbox: Inbox, p: int, area: str = "orders") -> int:
    """The number of the partition's newest wake-up; 0 when there was none."""
    return int(inbox.client.hget(inbox.keys.of("part", f"{area}/{p}"), "wake") or 0)


_owners = itertools.count()


def new_owner() -> str:
    """A name that no other drain or run has, in no process."""
    return f"owner-{os.getpid()}-{next(_owners)}"


def drain(
    inbox: Inbox,
    shop: str = "one",
    *,
    area: str = "orders",
    p: int | None = None,
    wake: int | None = None,
    owner: str | None = None,
) -> Drain:
    """A drain of the shop's partition, with its newest wake number unless told."""
    p = partition(inbox, shop) if p is None else p
    wake = wake_number(inbox, p, area) if wake is None else wake
    return inbox.drain(area, p, wake, owner or new_owner())


def begin(inbox: Inbox, shop: str = "one", **how: Any) -> tuple[Drain, Batch]:
    """A drain that holds a batch."""
    holder = drain(inbox, shop, **how)
    batch = holder.begin()
    assert isinstance(batch, Batch)
    return holder, batch


def settle(
    holder: Drain,
    *verdicts: Verdict,
    last: bool = True,
    park: tuple[str, Parking] | None = None,
    jitter: float = 0.0,
) -> Batch | Ending:
    """Settle the batch in hand; ends the slice unless told otherwise."""
    parkings = {domain(park[0]): park[1]} if park else {}
    return holder.next(Settlement(verdicts, parkings), last=last, jitter=jitter)


def ids(batch: Batch | Ending) -> list[str]:
    """The webhook ids of a batch."""
    assert isinstance(batch, Batch), batch
    return [webhook.webhook_id for webhook in batch.webhooks]


# ---- solo


def claim(inbox: Inbox, webhook_id: object, shop: str = "one", owner: str | None = None) -> Claim:
    """A claim that was granted."""
    got = inbox.claim(domain(shop), str(webhook_id), owner or new_owner())
    assert isinstance(got, Claim), got
    return got


def send_alone(inbox: Inbox, *webhook_ids: object, shop: str = "one", **how: Any) -> None:
    """Accept webhooks and send them on alone, due at once, nothing spent."""
    accept(inbox, *webhook_ids, shop=shop, **how)
    holder, batch = begin(inbox, shop, area=how.get("area", "orders"))
    assert ids(batch) == [str(one) for one in webhook_ids]
    assert settle(holder, *[ALONE] * len(webhook_ids)) is Ending.END


def trouble(inbox: Inbox, ref: str) -> dict[str, str]:
    """What is kept of a webhook that travels alone or is dead."""
    fields = inbox.client.hgetall(inbox.keys.of("trouble", ref))
    return {name.decode(): value.decode() for name, value in fields.items()}


# ---- looking


def queued(inbox: Inbox, area: str = "orders") -> list[tuple[int, int]]:
    """(partition, wake number) of every wake-up in the area's queue, next to be taken first."""
    with queue_client(inbox) as client:
        raw = client.lrange(f"{inbox.settings.avnu_namespace}:{area}", 0, -1)
    return [read_wakeup(message) for message in reversed(raw)]


def pop_message(inbox: Inbox, queue: "redis.Redis", area: str = "orders") -> bytes | None:
    """Take the next message of an area's queue, as a worker would."""
    message = queue.rpop(f"{inbox.settings.avnu_namespace}:{area}")
    assert message is None or isinstance(message, bytes)
    return message


def read_wakeup(message: bytes) -> tuple[int, int]:
    args = json.loads(json.loads(message)["body"])[0]
    return int(args[0]), int(args[1])


def queue_client(inbox: Inbox) -> "redis.Redis":
    settings = inbox.settings
    return redis.Redis(
        host=settings.redis_host, port=settings.redis_port, db=settings.redis_queue_db
    )


def counts(inbox: Inbox) -> dict[str, int]:
    raw = inbox.client.hgetall(inbox.keys.of("counts"))
    return {name.decode(): int(n) for name, n in raw.items()}


def check(inbox: Inbox, **places: int) -> None:
    """The auditor finds no fault, and as many webhooks per place as told (others are empty)."""
    found = audit(inbox)
    assert found.faults == []
    assert {place: n for place, n in found.places.items() if n} == places


def place(inbox: Inbox, shop: str = "one", area: str = "orders") -> str:
    """Where a shop stands: '' idle, else the letter and number of its entry."""
    entry = inbox.client.hget(inbox.keys.of("place", area), shop) or b""
    found = re.match(r"[a-z]\d+", entry.decode())
    return found.group() if found else ""


def parkings(shop: str, cause: str = "budget", wait_ms: int = 0) -> tuple[str, Parking]:
    return shop, Parking(cause, wait_ms)


def webhooks(batch: Batch) -> Sequence[tuple[str, str]]:
    """(short shop, webhook id) of every webhook of a batch."""
    return [(keys.short(one.shop), one.webhook_id) for one in batch.webhooks]
