"""Memory of the server of queue and inbox, and how long it holds while no worker is up."""

import math

import msgspec

from avnu.sizing.assumed import ALLOCATED, BASE_BYTES, CACHED, MAXMEMORY_SHARE, QUIET_SHARE
from avnu.sizing.measured import CACHED_BYTES, WEIGHTS

GB = 1_000_000_000
# Machines as they are sold.
MACHINES_GB = (1, 2, 4, 8, 16, 32, 64)
DAY_S = 86_400
# Longer than Shopify repeats, than anybody sleeps: said as "more than".
LONGEST_HOURS = 7 * 24


class Load(msgspec.Struct, frozen=True):
    """What comes in. ``rate``: webhooks/s for ``peak_minutes`` of a day, else a tenth of it."""

    shops: int
    rate: float
    payload_bytes: int
    peak_minutes: float

    def within(self, seconds: float) -> float:
        """The most webhooks within so many seconds: those that begin with a day's peak."""
        days, rest_s = divmod(seconds, DAY_S)
        peak_s = 60 * self.peak_minutes
        full_s = days * peak_s + min(rest_s, peak_s)
        return self.rate * (full_s + QUIET_SHARE * (seconds - full_s))

    @property
    def per_day(self) -> float:
        """Webhooks of one day."""
        return self.within(DAY_S)


class Memory(msgspec.Struct, frozen=True):
    """Bytes by what they are for. ``maxmemory_bytes`` keeps them all below INBOX_FULL_PERCENT."""

    backlog_bytes: int
    settled_bytes: int
    cached_bytes: int
    base_bytes: int
    maxmemory_bytes: int
    machine_bytes: int

    @property
    def machine_gb(self) -> int | None:
        """The smallest usual machine, or None where there is none: several, see deploy/cells.md."""
        return next((gb for gb in MACHINES_GB if gb * GB >= self.machine_bytes), None)


class Server(msgspec.Struct, frozen=True):
    """The settings that matter: REDIS_TTL_SECONDS, INBOX_FULL_PERCENT, maxmemory of the machine."""

    ttl_s: int
    full_percent: int
    maxmemory_share: float = MAXMEMORY_SHARE


def memory(load: Load, server: Server, backlog_hours: float) -> Memory:
    """What is needed when no worker is up for ``backlog_hours``, and those are the busiest."""
    backlog = load.within(3600 * backlog_hours) * waiting_bytes(load.payload_bytes)
    settled, cached = _kept(load, server)
    used = backlog + settled + cached + BASE_BYTES
    maxmemory = used / (server.full_percent / 100)
    return Memory(
        backlog_bytes=math.ceil(backlog),
        settled_bytes=math.ceil(settled),
        cached_bytes=math.ceil(cached),
        base_bytes=BASE_BYTES,
        maxmemory_bytes=math.ceil(maxmemory),
        machine_bytes=math.ceil(maxmemory / server.maxmemory_share),
    )


def outage_hours(load: Load, server: Server, machine_gb: float) -> float:
    """For how long no worker may be up before accept answers 503; 0 where not even the rest fits.

    Counted from the beginning of a day's peak, and no further than LONGEST_HOURS.
    """
    settled, cached = _kept(load, server)
    usable = machine_gb * GB * server.maxmemory_share * server.full_percent / 100
    room = (usable - settled - cached - BASE_BYTES) / waiting_bytes(load.payload_bytes)
    if room <= 0:
        return 0.0
    low_s, high_s = 0.0, 3600.0 * LONGEST_HOURS
    if load.within(high_s) <= room:
        return float(LONGEST_HOURS)
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) / 2
        low_s, high_s = (middle_s, high_s) if load.within(middle_s) <= room else (low_s, middle_s)
    return low_s / 3600


def waiting_bytes(payload_bytes: int) -> float:
    """Of one waiting webhook: its payload, and the most that was measured beyond a payload."""
    beyond = max(one.waiting_bytes - one.payload_bytes for one in WEIGHTS)
    return (payload_bytes + beyond) * ALLOCATED


def settled_bytes() -> int:
    """Of one settled webhook: the most that was measured, as its payload is gone."""
    return max(one.settled_bytes for one in WEIGHTS)


def cached_bytes_per_shop() -> int:
    """Of one shop in the cache, as ``assumed.CACHED`` fills it."""
    return sum(n * CACHED_BYTES[kind] for kind, n in CACHED.items())


def _kept(load: Load, server: Server) -> tuple[float, float]:
    settled = load.within(server.ttl_s) * settled_bytes()
    return settled, float(load.shops * cached_bytes_per_shop())
