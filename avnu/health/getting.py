"""How often the cache had what it was asked for, by its own counters on DB 0.

The server's hits and misses tell nothing of it where inbox and queue are looked up there too.
"""

import msgspec
from redis.exceptions import RedisError

from avnu.cache.counters import ENDS, SAVED
from avnu.cache.peek import counts
from avnu.connections import Connections
from avnu.keys import Keys


class Gets(msgspec.Struct, frozen=True):
    """What was asked of the cache in all processes, and how much of it cost no call to Shopify."""

    asked: int
    saved: int


def read_gets(connections: Connections, names: Keys) -> Gets | None:
    """Since the beginning; None when they cannot be read, which the check of the database tells."""
    try:
        found = counts(connections.cache(), names)
    except (RedisError, OSError):
        return None
    asked = sum(n for (_, outcome), n in found.items() if outcome in ENDS)
    return Gets(asked, sum(n for (_, outcome), n in found.items() if outcome in SAVED))
