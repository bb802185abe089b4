"""The second level: entries on Redis, shared by all processes. Never raises for Redis' sake.

Each step is a script under ``avnu/lua/cache_*.lua``, for several keys at once one round trip. Where
Redis does not answer, the answer is None and Redis is left alone for CACHE_REST_MS.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from avnu import keys
from avnu.cache.counters import EVERY_KIND, Counters, Name, Outcome
from avnu.cache.kinds import HOUR_S, KINDS
from avnu.cache.local import EVERY_SHOP
from avnu.cache.messages import Message
from avnu.cache.pending import Pending
from avnu.cache.reading import Answer, Question, Reading
from avnu.clock import Clock
from avnu.keys import Keys
from avnu.lua import Scripts
from avnu.redis_rest import RedisRest
from avnu.settings import Settings

log = logging.getLogger(__name__)

SCRIPTS = ("cache_read", "cache_store", "cache_fail", "cache_invalidate")
_SCAN = 500


class Shared:
    """Entries, leases and invalidations on Redis, as one process sees them."""

    def __init__(
        self,
        client: "redis.Redis",
        settings: Settings,
        clock: Clock,
        counters: Counters,
        origin: str,
    ) -> None:
        # Any: redis-py types a reply as the union of what its options could make of it.
        self._client: Any = client
        self._counters = counters
        self._origin = origin
        self._pending = Pending()
        self.keys = Keys(settings.avnu_namespace)
        self.rest = RedisRest(clock, settings.cache_rest_ms / 1000)
        self._scripts = Scripts(self.keys, constants(settings), names=SCRIPTS)

    def read(self, asked: Sequence[Reading]) -> list[Answer | None]:
        """Of each the entry and what is to be done. None: Redis is of no help."""
        if not self.deliver_pending():
            return [None] * len(asked)
        return [
            None if reply is None else Answer.of(reply)
            for reply in self._run_each("cache_read", [one.argv() for one in asked])
        ]

    def store(self, stores: Sequence[tuple[Question, str, bytes]]) -> list[str | None]:
        """Store packed entries of owners; of each the letter that the script returns, or None."""
        argvs = [
            (keys.short(question.key[1]), question.entry, owner, packed)
            for question, owner, packed in stores
        ]
        return [
            None if reply is None else str(reply.decode())
            for reply in self._run_each("cache_store", argvs)
        ]

    def fail(self, fails: Sequence[tuple[Question, str, int]]) -> None:
        """Give the leases of owners back; for so many ms nobody loads while there is a value."""
        argvs = [(question.entry, owner, throttle_ms) for question, owner, throttle_ms in fails]
        self._run_each("cache_fail", argvs)

    def remove(self, question: Question) -> None:
        """Remove an entry that cannot be read."""
        with self._asking() as asked:
            if asked:
                self._client.delete(self.keys.of("cache_entry", question.entry))

    def invalidate(self, shop: str, tags: Sequence[str]) -> bool:
        """Make entries outdated for every process. False: done later, as Redis does not answer."""
        self._pending.add(shop, tags)
        return self.deliver_pending()

    def deliver_pending(self) -> bool:
        """Tell Redis what it was not told yet. False while something is left."""
        return not self._pending or self._pending.deliver(self._tell)

    def add_counts(self, counts: Mapping[Name, int]) -> bool:
        """Add to the counters of all processes. False: not done."""
        done = False
        with self._asking() as asked:
            if asked:
                with self._client.pipeline(transaction=False) as pipe:
                    for (kind, outcome), n in counts.items():
                        pipe.hincrby(self.keys.of("cache_counts"), f"{kind} {outcome}", n)
                    pipe.execute()
                done = True
        return done

    def _tell(self, shop: str, tags: frozenset[str]) -> bool:
        return self._forget_all() if shop == EVERY_SHOP else self._mark(shop, tags)

    def _mark(self, shop: str, tags: frozenset[str]) -> bool:
        names = tuple(sorted(tags))
        some = Message(self._origin, shop, names).pack()
        # Nobody has dropped the whole shop yet, so this one has no origin.
        whole = Message("", shop).pack()
        reply = self._run("cache_invalidate", keys.short(shop), some, whole, *names)
        return reply is not None

    def _forget_all(self) -> bool:
        """Delete the marks of every shop; an entry without marks is outdated."""
        done = False
        with self._asking() as asked:
            if asked:
                found = self._client.scan_iter(f"{self.keys.of('cache_marks')}*", count=_SCAN)
                for key in found:
                    self._client.delete(key)
                self._client.publish(
                    self.keys.of("cache_channel"), Message(self._origin, EVERY_SHOP).pack()
                )
                done = True
        return done

    def _run(self, script: str, *argv: str | bytes | float) -> Any:
        reply = None
        with self._asking() as asked:
            if asked:
                reply = self._scripts.run(self._client, script, *argv)
        return reply

    def _run_each(self, script: str, argvs: Sequence[Sequence[str | bytes | float]]) -> list[Any]:
        """One reply for each of ``argvs``: None where Redis is of no help."""
        if not argvs:
            return []
        if len(argvs) == 1:
            return [self._run(script, *argvs[0])]
        replies: list[Any] = [None] * len(argvs)
        with self._asking() as asked:
            if asked:
                replies = self._scripts.run_many(self._client, script, argvs)
        return [self._unless_refused(reply) for reply in replies]

    def _unless_refused(self, reply: Any) -> Any:
        if isinstance(reply, redis.RedisError):
            self._refused(reply)
            return None
        return reply

    @contextmanager
    def _asking(self) -> Iterator[bool]:
        """Around every use of Redis: an error ends the block, is counted, and goes no further."""
        if not self.rest.may_ask():
            self._counters.add(EVERY_KIND, Outcome.SKIPPED)
            yield False
            return
        try:
            yield True
        except (redis.ConnectionError, redis.TimeoutError, OSError) as fault:
            self._counters.add(EVERY_KIND, Outcome.UNREACHABLE)
            if self.rest.failed():
                log.warning("cache: Redis does not answer (%s); loading directly", _named(fault))
        except redis.RedisError as fault:
            # It answered, at once: full, read-only, not permitted. Nothing to wait for.
            self.rest.answered()
            self._refused(fault)
        else:
            if self.rest.away:
                log.info("cache: Redis answers again")
            self.rest.answered()

    def _refused(self, fault: redis.RedisError) -> None:
        self._counters.add(EVERY_KIND, Outcome.REFUSED)
        log.debug("cache: Redis refused: %s", _named(fault))


def constants(settings: Settings) -> dict[str, int]:
    """The ``C.name`` of the cache's scripts."""
    longest_s = max(kind.keep_s for kind in KINDS.values()) + HOUR_S
    return {
        "marks_ms": int(longest_s * 1000),
        "lease_ms": settings.cache_lease_seconds * 1000,
        "tags_per_shop": settings.cache_tags_per_shop,
        # A server of its own may be filled: whatever it evicts was cached.
        "full_percent": 100 if settings.redis_cache_host else settings.cache_full_percent,
    }


def _named(fault: Exception) -> str:
    return type(fault).__name__
