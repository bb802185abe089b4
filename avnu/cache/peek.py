"""Looking into the cache without taking part in it: for operators."""

from typing import Any

import msgspec
import redis

from avnu import keys
from avnu.cache import entry as entries
from avnu.cache.asking import question
from avnu.cache.counters import Name
from avnu.cache.entry import Entry
from avnu.cache.kinds import CachedKind
from avnu.clock import server_ms
from avnu.keys import Keys


class Peeked(msgspec.Struct, frozen=True):
    """One entry. ``value`` None: it is remembered that there is no such thing. Times in s."""

    entry: Entry
    value: Any
    age_s: float
    outdated: bool
    lease: str  # "", "loading", "failed"


def peek(
    client: "redis.Redis",
    names: Keys,
    kind: CachedKind[Any],
    shop: str,
    id: str,  # noqa: A002 - Shopify's
) -> Peeked | None:
    """The entry as it stands on Redis, or None. Raises redis.RedisError, CacheEntryUnreadable."""
    asked = question(kind, (kind.name, shop, id), None, None)
    # Any: redis-py types a reply as the union of what its options could make of it.
    link: Any = client
    with link.pipeline(transaction=True) as pipe:
        pipe.get(names.of("cache_entry", asked.entry))
        pipe.get(names.of("cache_lease", asked.entry))
        pipe.hgetall(names.of("cache_marks", keys.short(shop)))
        pipe.time()
        raw, lease, marks, time = pipe.execute()
    if raw is None:
        return None
    entry = entries.unpack(raw)
    age_s = (server_ms(time) - entry.started_ms) / 1000
    held = "" if lease is None else "failed" if lease == b"failed" else "loading"
    return Peeked(entry, entries.decode(kind, entry), age_s, _outdated(entry, marks), held)


def _outdated(entry: Entry, marks: dict[bytes, bytes]) -> bool:
    """What `_cache_marks.lua` says of an entry, for one that is only looked at."""
    if marks.get(b"epoch") != entry.epoch.encode():
        return True
    return any(int(marks.get(b"#" + tag.encode(), 0)) > entry.began for tag in entry.tags)


def counts(client: "redis.Redis", names: Keys) -> dict[Name, int]:
    """The counters of all processes, by kind and outcome. Raises redis.RedisError."""
    link: Any = client
    found: dict[bytes, bytes] = link.hgetall(names.of("cache_counts"))
    pairs = ((name.decode().partition(" "), int(n)) for name, n in found.items())
    return {(kind, outcome): n for (kind, _, outcome), n in pairs}
