"""What sizing takes for granted, as nobody can measure it for you. ``avnu sizing`` prints it."""

import msgspec

# Outside the peak a day runs at this share of the peak's rate.
QUIET_SHARE = 0.1
# What the server itself, Celery's messages and the clients' buffers take.
BASE_BYTES = 50_000_000
# The allocator gives out sizes a quarter of a power of two apart: what is asked for fills nine
# tenths of them on average, and the measured sizes happen to fill them better.
ALLOCATED = 1.1
# Of a machine's memory, what maxmemory may be: half, as a rewrite of the append-only file may copy
# every page that changes meanwhile (deploy/redis/queue.conf).
MAXMEMORY_SHARE = 0.5
# Of a managed node's, whose service keeps the rest for itself (reserved-memory-percent).
MANAGED_SHARE = 0.75
# Processes are idle for half of the peak: a core that is shared, a payload that is larger.
BUSY_SHARE = 0.5
# One core of Redis serves all; beyond this share its answers become slow in bursts.
REDIS_BUSY_SHARE = 0.6
# Values of one shop in the cache, by kind (``avnu/cache/kinds.py``).
CACHED = {"shop": 1, "locations": 1, "subscriptions": 1, "product": 100, "variant": 300}
# How long a call of the Admin API keeps its process waiting.
CALL_S = 0.3


class Following(msgspec.Struct, frozen=True):
    """How much of the following up needs Shopify: calls and points for each webhook."""

    name: str
    calls: float
    points: float


# Points that a plan gives back in each second (shopify.dev, "Shopify API limits", GraphQL Admin).
RESTORED_PER_S = {"standard": 100, "advanced": 200, "plus": 1000}
