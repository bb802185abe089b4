"""Settings of the cache. Part of ``avnu/settings/table.py``; the cache itself is avnu/cache."""

import dataclasses

from avnu.settings.kinds import DAY_S, MIB, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """Cache: what Shopify answered, in each process and on REDIS_CACHE_DB."""

    cache_local_bytes: int = whole(
        16 * MIB, "bytes", "Most memory that cached values take in one process.", MIB, 4096 * MIB
    )
    cache_local_seconds: int = whole(
        60, "s", "Longest time that a process keeps a value without asking Redis again.", 1, 3600
    )
    cache_value_bytes: int = whole(
        MIB, "bytes", "Largest value, as stored, that is cached at all.", 1024, 64 * MIB
    )
    cache_jitter_percent: int = whole(
        10, "percent", "How far a value's lifetime is spread, so that few end together.", 0, 50
    )
    cache_lease_seconds: int = whole(
        5,
        "s",
        "How long one process may load a value before another may too; a crash costs this wait.",
        1,
        60,
    )
    cache_throttle_seconds: int = whole(
        30,
        "s",
        "After a failed load: how long the value at hand is served before the next attempt.",
        1,
        3600,
    )
    cache_negative_seconds: int = whole(
        30, "s", "How long it is remembered that something does not exist.", 1, DAY_S
    )
    cache_timeout_ms: int = whole(
        250, "ms", "Longest wait for Redis before a value is loaded directly.", 10, 10000
    )
    cache_rest_ms: int = whole(
        1000, "ms", "How long Redis is left alone after it did not answer.", 100, 60000
    )
    cache_tags_per_shop: int = whole(
        4096,
        "tags",
        "Invalidations remembered of one shop; beyond, all cached of the shop is forgotten.",
        64,
        100000,
    )
    cache_full_percent: int = whole(
        70,
        "percent",
        "Server memory above which nothing is cached, unless REDIS_CACHE_HOST is set.",
        10,
        95,
    )
