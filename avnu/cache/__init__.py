"""The cache of what Shopify answered: in the process, on Redis, and one load per key behind both.

    product = cache.get(kinds.PRODUCT, shop, product_id, load, at_least=webhook_version)
    products = cache.get_many(kinds.PRODUCT, shop, {id: version, …}, load_several)

Blind to what it caches: ``load`` asks Shopify. Kinds and lifetimes stand in ``kinds.py``, the
protocol in ``avnu/lua/cache_*.lua``. What holds:

* Redis down, hung or full is slower, never wrong and never an exception.
* A value whose load began before an invalidation is never stored, and not served after it: at once
  in the process that invalidates, within 100 ms where it is heard, within 2 s where it is not.
* A value that is no longer fresh is served only while it is being loaded, or when loading fails,
  and not beyond its kind's ``keep_s``; an invalidated one, or an older than asked for, never.
"""

import math
import os
import random as randomness
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec
import redis

from avnu.cache import kinds
from avnu.cache.asking import Ask, Loaded, question, words
from avnu.cache.counters import EVERY_KIND, Name, Outcome
from avnu.cache.kinds import CachedKind
from avnu.cache.local import EVERY_SHOP, Held, Key
from avnu.cache.many import K, Many
from avnu.cache.process import Process
from avnu.clock import Clock
from avnu.settings import Settings

__all__ = ["Cache", "CacheStats", "CachedKind", "Loaded", "kinds"]

T = TypeVar("T")


class CacheStats(msgspec.Struct, frozen=True):
    """The cache as one process sees it; ``counts`` by kind and outcome, see ``counters.py``."""

    counts: dict[Name, int]
    values: int
    bytes: int
    hears: bool  # invalidations reach the process, so it may serve from its memory
    resting: bool  # Redis did not answer and is left alone


class Cache:
    """One for all threads of a process, and for its children, which begin anew.

    ``client``: ``connections.entries()``, whose short timeouts bound what Redis may cost a caller.
    ``passing``: errors of ``load`` that are raised even where a stale value could be served, such
    as a time limit of the task around it, or a shop that has taken its permission back.
    """

    def __init__(
        self,
        settings: Settings,
        client: "redis.Redis",
        clock: Clock,
        random: randomness.Random,
        *,
        passing: tuple[type[Exception], ...] = (),
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._random = random
        self._passing = passing
        self._processes: dict[int, Process] = {}
        self._process: Process | None = None
        # For a child of a fork, whose first get must not use its parent's part: asking for the
        # process's id at every get would be an eighth of a hit.
        os.register_at_fork(after_in_child=partial(_leave, weakref.ref(self)))

    def get(
        self,
        kind: CachedKind[T],
        shop: str,
        id: object,  # noqa: A002 - Shopify's word
        load: Callable[[], Loaded[T]],
        *,
        at_least: int | None = None,
        ttl_s: float | None = None,
        until_s: float = math.inf,
    ) -> T | None:
        """The value, or None when ``load`` says that there is no such thing.

        ``id`` is "" for a kind of which a shop has one. ``at_least``: a value of a lesser version
        is a miss; what is then loaded is returned even if Shopify is still behind. ``ttl_s``
        replaces the kind's ``fresh_s``, for this answer and for what is stored. ``until_s``: when
        (monotonic) the caller stops waiting for another's load and makes its own. Raises what
        ``load`` raises, unless a stale value may be served; ValueError for an id with spaces.
        """
        here = self._process or self._enter()
        key = (kind.name, shop, str(id))
        held = here.local.find(key, at_least, ttl_s)
        if held is None:
            ticket = here.local.ticket()
            here.channel.ensure()
            ask = Ask(kind, question(kind, key, at_least, ttl_s), ttl_s, ticket, until_s)
            held = here.loading.values((ask,), lambda _: {key: load()})[key]
        value: T | None = held.value
        return value

    def get_many(
        self,
        kind: CachedKind[T],
        shop: str,
        wanted: Mapping[K, int | None] | Iterable[K],
        load: Callable[[Sequence[K]], Mapping[K, Loaded[T]]],
        *,
        ttl_s: float | None = None,
        until_s: float = math.inf,
    ) -> dict[K, T | None]:
        """Several values of one shop, by the ids in ``wanted``; None for what does not exist.

        A mapping says the least version that each id needs, or None; plain ids need none. All that
        is missing is loaded by one call of ``load``, with the ids as they were given; an id that
        its answer lacks does not exist. Ids that other processes or threads are loading are not
        among them: they are waited for after it, and loaded by a further call only if that load
        does not bring them. Redis costs two round trips, or none when all is in the process.

        For each id holds what holds for ``get``. Raises what ``load`` raises, unless stale values
        may be served for all of that call; ValueError for an id with spaces.
        """
        here = self._enter()
        many = Many(kind, shop, wanted, load)
        found: dict[Key, Held] = {}
        missing: list[Key] = []
        for key, least in many.least.items():
            held = here.local.find(key, least, ttl_s)
            if held is None:
                missing.append(key)
            else:
                found[key] = held
        if missing:
            ticket = here.local.ticket()
            here.channel.ensure()
            asks = [
                Ask(kind, question(kind, key, many.least[key], ttl_s), ttl_s, ticket, until_s)
                for key in missing
            ]
            found |= here.loading.values(asks, many.loads)
        return many.answer(found)

    def invalidate(self, shop: str, tags: Iterable[str] = ()) -> bool:
        """What has one of ``tags`` is outdated everywhere; without tags, all of the shop.

        Tags are made by ``CachedKind.tag``. False: Redis is out of reach; it is told later, and
        until then this process trusts nothing that it holds. Raises ValueError for a tag with a
        space.
        """
        return self._invalidate(shop, words(tuple(tags)))

    def invalidate_everything(self) -> bool:
        """All of every shop is outdated everywhere. Walks over the shops: seconds for many."""
        return self._invalidate(EVERY_SHOP, ())

    def stats(self) -> CacheStats:
        """Of this process; ``avnu cache stats`` shows the sums of all."""
        here = self._enter()
        values, size = here.local.size()
        return CacheStats(here.counts(), values, size, here.local.open, here.shared.rest.away)

    def close(self) -> None:
        """End the thread and hand in the counters. A later ``get`` begins anew."""
        here = self._processes.pop(os.getpid(), None)
        self._process = None
        if here is not None:
            here.channel.stop()
            here.send_counts()

    def _invalidate(self, shop: str, tags: tuple[str, ...]) -> bool:
        here = self._enter()
        here.counters.add(EVERY_KIND, Outcome.INVALIDATED)
        try:
            return here.shared.invalidate(shop, tags)
        finally:
            # After Redis: a thread that read the old entry just before must not keep it.
            here.local.drop(shop, tags)

    def _enter(self) -> Process:
        """The part of the process; a child makes its own, as its parent may hold the locks."""
        pid = os.getpid()
        here = self._processes.get(pid)
        if here is None:
            rng = randomness.Random(f"{self._random.getrandbits(64)}/{pid}")  # noqa: S311 - jitter
            made = Process(self._settings, self._client, self._clock, rng, passing=self._passing)
            here = self._processes.setdefault(pid, made)
            for other in [known for known in self._processes if known != pid]:
                self._processes.pop(other, None)
        self._process = here
        return here


def _leave(cache: weakref.ref[Cache]) -> None:
    left = cache()
    if left is not None:
        left._process = None  # noqa: SLF001 - its own
