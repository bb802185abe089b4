"""Shopify's warnings that a version will not answer so for ever: each is told once a day.

Fact: the header ``X-Shopify-API-Deprecated-Reason`` (read by Shopify's own libraries) comes with
every answer to such a query.
"""

import hashlib
import logging
import threading

import redis
from cachetools import TTLCache
from redis.exceptions import RedisError

from avnu.clock import Clock
from avnu.keys import Keys

log = logging.getLogger(__name__)

_DAY_S = 86_400
_MOST = 1000


class Deprecations:
    """``client`` is on DB 0: one process tells for all of them."""

    def __init__(self, client: "redis.Redis", names: Keys, clock: Clock) -> None:
        self._client = client
        self._names = names
        # So that only the first answer in a process costs a round trip.
        self._lock = threading.Lock()
        self._told: TTLCache[str, bool] = TTLCache(_MOST, _DAY_S, timer=clock.monotonic)

    def note(self, query: str, reason: str) -> None:
        """Warn, unless somebody has within a day."""
        digest = hashlib.sha256(f"{query} {reason}".encode()).hexdigest()[:16]
        with self._lock:
            if digest in self._told:
                return
            self._told[digest] = True
        try:
            news = self._client.set(self._names.of("deprecated", digest), "1", nx=True, ex=_DAY_S)
        except (RedisError, OSError):
            news = True
        if news:
            log.warning("Shopify will not answer query %s so for ever: %s", query, reason)
