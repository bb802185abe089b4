"""What must hold between settings, each of them valid alone."""

import os
from collections.abc import Iterator

from avnu.settings.inbox import Durability
from avnu.settings.shopify import Subscriptions
from avnu.settings.table import AllSettings


def relations(settings: AllSettings) -> list[str]:
    """Every fault between settings, each with what to do; empty when they fit together."""
    return [
        *databases(settings),
        *sentinels(settings),
        *tls(settings),
        *waits(settings),
        *lateness(settings),
        *bytes_in_flight(settings),
        *room_for_the_inbox(settings),
        *subscriptions(settings),
    ]


def databases(settings: AllSettings) -> Iterator[str]:
    """Cache, queue and inbox share no database: a flush of one must not take another along."""
    used = {
        "REDIS_QUEUE_DB": settings.redis_queue_db,
        "REDIS_WEBHOOK_DB": settings.redis_webhook_db,
    }
    if not settings.redis_cache_host:
        used["REDIS_CACHE_DB"] = settings.redis_cache_db
    for number in sorted(set(used.values())):
        same = sorted(name for name, value in used.items() if value == number)
        if len(same) > 1:
            yield f"{' and '.join(same)} are both {number}; give each a database of its own"


def sentinels(settings: AllSettings) -> Iterator[str]:
    """Sentinels and the name of the primary come together."""
    if settings.redis_sentinels and not settings.redis_sentinel_master:
        yield "REDIS_SENTINELS is set without REDIS_SENTINEL_MASTER; give the name of the primary"
    if settings.redis_sentinel_master and not settings.redis_sentinels:
        yield "REDIS_SENTINEL_MASTER is set without REDIS_SENTINELS; give their host:port list"


def tls(settings: AllSettings) -> Iterator[str]:
    """A certificate file is readable, and not given in vain."""
    path = settings.redis_tls_ca_file
    if path and not settings.redis_tls_enabled:
        yield "REDIS_TLS_CA_FILE is set without REDIS_TLS_ENABLED=true; set it, or remove the file"
    elif path and not os.access(path, os.R_OK):
        yield f"REDIS_TLS_CA_FILE={path!r} cannot be read; check path and permissions"


def waits(settings: AllSettings) -> Iterator[str]:
    """A wait that contains another is the longer one."""
    if settings.park_first_seconds > settings.park_longest_seconds:
        yield "PARK_FIRST_SECONDS is above PARK_LONGEST_SECONDS; lower the first"
    if settings.park_longest_seconds > settings.park_max_seconds:
        yield "PARK_LONGEST_SECONDS is above PARK_MAX_SECONDS; lower the first"
    if settings.inbox_slice_ms > settings.inbox_lease_seconds * 1000:
        yield "INBOX_SLICE_MS is above INBOX_LEASE_SECONDS; lower the first"
    if settings.breaker_open_ms > settings.breaker_open_longest_ms:
        yield "BREAKER_OPEN_MS is above BREAKER_OPEN_LONGEST_MS; lower the first"
    if settings.reconcile_grace_seconds > settings.reconcile_overlap_seconds:
        yield (
            "RECONCILE_GRACE_SECONDS is above RECONCILE_OVERLAP_SECONDS, so what is left out once "
            "would never be asked for; lower the first"
        )
    if settings.inbox_durability is Durability.MEMORY:
        return
    longest_ms = min(settings.redis_socket_timeout_ms, settings.webhook_inbox_seconds * 1000)
    if settings.inbox_durability_timeout_ms >= longest_ms:
        yield (
            "INBOX_DURABILITY_TIMEOUT_MS is not below both REDIS_SOCKET_TIMEOUT_MS and "
            "WEBHOOK_INBOX_SECONDS; lower it, or raise them"
        )


def lateness(settings: AllSettings) -> Iterator[str]:
    """Beat is late when a canary was left out, not already when the next one is not due yet."""
    if settings.monitor_late_seconds < 2 * settings.monitor_canary_seconds:
        yield (
            "MONITOR_LATE_SECONDS is below twice MONITOR_CANARY_SECONDS, so a beat that is well "
            "would be called late; raise the first, or lower the second"
        )


def bytes_in_flight(settings: AllSettings) -> Iterator[str]:
    """The largest body that is allowed must have room."""
    if settings.webhook_max_bytes > settings.webhook_inflight_bytes:
        yield "WEBHOOK_MAX_BYTES is above WEBHOOK_INFLIGHT_BYTES; raise the second"


def room_for_the_inbox(settings: AllSettings) -> Iterator[str]:
    """On a shared server the cache stops growing before the inbox stops accepting."""
    if settings.redis_cache_host:
        return
    if settings.cache_full_percent >= settings.inbox_full_percent:
        yield (
            "CACHE_FULL_PERCENT is not below INBOX_FULL_PERCENT; lower it, or give the cache a "
            "server of its own (REDIS_CACHE_HOST)"
        )


def subscriptions(settings: AllSettings) -> Iterator[str]:
    """What is made anew in each shop needs an address."""
    if settings.shopify_subscriptions is Subscriptions.SHOP and not (
        settings.shopify_webhook_address
    ):
        yield "SHOPIFY_SUBSCRIPTIONS=shop needs SHOPIFY_WEBHOOK_ADDRESS; give the receiver's"
