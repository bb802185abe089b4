"""The read side for operators: where is this webhook, and which ones are dead.

Nothing here changes anything, and nothing is a script: a look at a large inbox must not hold it up.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from avnu import keys
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching

_CHUNK = 500
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
    with reaching():
        refs = dead_refs(inbox) if state == "dead" else _refs(inbox, shop)
        found = (one for some in _chunks(refs) for one in _read(inbox, some))
        matching = (
            one
            for one in found
            if (shop is None or one.shop == shop)
            and (topic is None or one.topic == topic)
            and (state is None or one.state == state)
        )
        return list(islice(matching, limit))


def dead_refs(inbox: Inbox) -> Iterator[str]:
    """Refs of the dead letters, oldest death first."""
    key, start = inbox.keys.of("dead"), 0
    while some := inbox.client.zrange(key, start, start + _CHUNK - 1):
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
            _ = pipe.get(record) if body else pipe.getrange(record, 0, 600)
            pipe.hgetall(inbox.keys.of("trouble", ref))
            pipe.get(inbox.keys.of("body", ref)) if body else pipe.echo("")
        replies = pipe.execute()
    for i, ref in enumerate(refs):
        record, trouble, kept = replies[3 * i : 3 * i + 3]
        if record and record[:1] == b"=":
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
    shop, webhook_id = keys.split_ref(ref)
    head, _, rest = record.partition(b"\n")
    accepted, area, topic, triggered, version, event, _name = head.decode("ascii").split("\t")
    state, cause = trouble.get("state", ""), trouble.get("cause", "")
    if not state:
        state, cause = _place(inbox, area, ref)
    return Found(
        shop, webhook_id, state, topic, area=area, accepted_ms=int(accepted),
        triggered_ms=int(triggered), due_ms=int(float(trouble.get("due", 0))),
        died_ms=int(trouble.get("died", 0)), attempts=int(trouble.get("fails", 0)),
        crashes=int(trouble.get("lone", 0)), suspect=trouble.get("suspect") == "1", cause=cause,
        error=trouble.get("error", ""), api_version=version, event_id=event,
        body=rest if body else None,
    )  # fmt: skip


def _place(inbox: Inbox, area: str, ref: str) -> tuple[str, str]:
    """State and cause of a healthy webhook, from where its shop stands."""
    name, _, webhook_id = ref.partition("/")
    place = inbox.client.hget(inbox.keys.of("place", area), name)
    at, *rest = (place or b"").decode().split("\t")
    if at[:1] in ("l", "n"):
        batch = inbox.client.hget(inbox.keys.of("part", f"{area}/{at[1:]}"), "batch") or b""
        if any(line.split("\t")[:2] == [name, webhook_id] for line in batch.decode().splitlines()):
            return "leased", ""
    if at[:1] == "p":
        return "parked", rest[3] if len(rest) > 3 else ""
    return ("paused" if at[:1] == "s" else "waiting"), ""
