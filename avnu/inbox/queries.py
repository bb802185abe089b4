"""The read side for operators: where is this webhook, and which ones are dead.

Nothing here changes anything, and nothing is a script: a look at a large inbox must not hold it up.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from avnu import keys
from avnu.inbox import Inbox
from avnu.inbox.arrival import SETTLED, read_record
from avnu.inbox.forms import leased_webhooks, read_place
from avnu.inbox.reach import reaching

_CHUNK = 500
# More than the longest head of a record, whose texts the receiver bounds; the body is left there.
_HEAD_BYTES = 600
_SETTLED = re.compile(r"^=([dux])(\d+)\+(\d+) (.*)$", re.DOTALL)
_OUTCOMES = {"d": "done", "u": "superseded", "x": "deleted"}
STATES = (
    "waiting", "parked", "paused", "leased", "solo", "running", "dead", "done", "superseded",
    "deleted",
)  # fmt: skip


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """One webhook, wherever it is. Times in unix ms, 0 = not known or not yet."""

    shop: str
    webhook_id: str
    state: str  # one of STATES
    topic: str
    area: str = ""
    accepted_ms: int = 0
    triggered_ms: int = 0
    settled_ms: int = 0
    due_ms: int = 0  # of a solo one: when it runs again
    died_ms: int = 0
    attempts: int = 0  # failed runs
    crashes: int = 0  # as a lone suspect
    suspect: bool = False
    cause: str = ""  # of death, or of parking
    error: str = ""  # of the last failed run
    api_version: str = ""
    event_id: str = ""
    body: bytes | None = None

    @property
    def ref(self) -> str:
        """Its name inside the inbox."""
        return keys.ref(self.shop, self.webhook_id)


def find_one(inbox: Inbox, shop: str, webhook_id: str, *, body: bool = False) -> Found | None:
    """The webhook, or None when the inbox does not know it (any more)."""
    with reaching():
        return next(iter(_read(inbox, [keys.ref(shop, webhook_id)], body=body)), None)


def find(
    inbox: Inbox,
    *,
    shop: str | None = None,
    topic: str | None = None,
    state: str | None = None,
    limit: int = 100,
) -> list[Found]:
    """Webhooks that match, in no order but the dead (oldest death first)."""
    if state == "dead":
        return list(islice(find_dead(inbox, shop=shop, topic=topic), limit))
    with reaching():
        found = _matching(inbox, _refs(inbox, shop), shop, topic)
        return list(islice((one for one in found if state in (None, one.state)), limit))


def find_dead(
    inbox: Inbox,
    *,
    shop: str | None = None,
    topic: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Iterator[Found]:
    """Dead letters that match, oldest death first, read as they are asked for.

    ``since_ms`` <= death < ``until_ms``. One that leaves meanwhile may hide another: who acts on
    them takes them all before.
    """
    with reaching():
        refs = _dead_refs(inbox, since_ms, until_ms)
        # One that was replayed a moment ago is dead no more.
        yield from (one for one in _matching(inbox, refs, shop, topic) if one.state == "dead")


def _matching(
    inbox: Inbox, refs: Iterator[str], shop: str | None, topic: str | None
) -> Iterator[Found]:
    for some in _chunks(refs):
        for one in _read(inbox, some):
            if (shop is None or one.shop == shop) and (topic is None or one.topic == topic):
                yield one


def _dead_refs(inbox: Inbox, since_ms: int | None, until_ms: int | None) -> Iterator[str]:
    key, start = inbox.keys.of("dead"), 0
    first = "-inf" if since_ms is None else since_ms
    last = "+inf" if until_ms is None else f"({until_ms}"
    while some := inbox.client.zrangebyscore(key, first, last, start=start, num=_CHUNK):
        yield from (ref.decode() for ref in some)
        start += _CHUNK


def _refs(inbox: Inbox, shop: str | None) -> Iterator[str]:
    prefix = inbox.keys.of("record")
    pattern = prefix + (f"{keys.short(shop)}/*" if shop else "*")
    for key in inbox.client.scan_iter(match=pattern, count=_CHUNK):
        yield key.decode()[len(prefix) :]


def _chunks(refs: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(refs, _CHUNK)):
        yield some


def _read(inbox: Inbox, refs: Sequence[str], *, body: bool = False) -> Iterator[Found]:
    """What the records and the troubles of these refs say; unknown ones are left out."""
    with inbox.client.pipeline(transaction=False) as pipe:
        for ref in refs:
            record = inbox.keys.of("record", ref)
            _ = pipe.get(record) if body else pipe.getrange(record, 0, _HEAD_BYTES)
            pipe.hgetall(inbox.keys.of("trouble", ref))
            _ = pipe.get(inbox.keys.of("body", ref)) if body else pipe.echo("")
        replies = pipe.execute()
    for i, ref in enumerate(refs):
        record, trouble, kept = replies[3 * i : 3 * i + 3]
        if record and record.startswith(SETTLED):
            yield _settled(ref, record.decode(), kept if body else None)
        elif record:
            state = {k.decode(): v.decode(errors="replace") for k, v in trouble.items()}
            yield _open(inbox, ref, record, state, body)


def _settled(ref: str, record: str, kept: bytes | None) -> Found:
    shop, webhook_id = keys.split_ref(ref)
    match = _SETTLED.match(record)
    if not match:
        return Found(shop, webhook_id, "done", "?")
    outcome, accepted, took, topic = match.groups()
    return Found(
        shop, webhook_id, _OUTCOMES[outcome], topic, accepted_ms=int(accepted),
        settled_ms=int(accepted) + int(took),
        body=kept.partition(b"\n")[2] if kept else None,
    )  # fmt: skip


def _open(inbox: Inbox, ref: str, record: bytes, trouble: dict[str, str], body: bool) -> Found:
    stored = read_record(*keys.split_ref(ref), record)
    state, cause = trouble.get("state", ""), trouble.get("cause", "")
    if not state:
        state, cause = _healthy(inbox, stored.area, ref)
    return Found(
        stored.shop, stored.webhook_id, state, stored.topic, area=stored.area,
        accepted_ms=stored.accepted_ms, triggered_ms=stored.triggered_ms,
        due_ms=int(float(trouble.get("due", 0))), died_ms=int(trouble.get("died", 0)),
        attempts=int(trouble.get("fails", 0)), crashes=int(trouble.get("lone", 0)),
        suspect=trouble.get("suspect") == "1", cause=cause, error=trouble.get("error", ""),
        api_version=stored.api_version, event_id=stored.event_id,
        body=stored.body if body else None,
    )  # fmt: skip


def _healthy(inbox: Inbox, area: str, ref: str) -> tuple[str, str]:
    """State and cause of a webhook that is in no trouble, from where its shop stands."""
    value = inbox.client.hget(inbox.keys.of("place", area), ref.partition("/")[0])
    if value is None:
        return "waiting", ""
    place = read_place(value)
    if place.state == "leased":
        batch = inbox.client.hget(inbox.keys.of("part", f"{area}/{place.partition}"), "batch")
        leased = any(one.ref == ref for one in leased_webhooks(batch))
        return ("leased" if leased else "waiting"), ""
    if place.state == "parked":
        return "parked", place.cause
    return ("paused" if place.state == "paused" else "waiting"), ""
