"""All that ``avnu sizing`` tells, reckoned."""

import msgspec

from avnu.sizing import assumed, measured
from avnu.sizing.memory import (
    MACHINES_GB,
    Load,
    Memory,
    Server,
    cached_bytes_per_shop,
    memory,
    outage_hours,
)
from avnu.sizing.points import Points, points
from avnu.sizing.work import Servers, Work, servers, work

# What was given to Redis by number of merchants until now, and one number of each class.
CLASSES = ((50, "dozens: 1 GB"), (500, "hundreds: 2 to 4 GB"), (5_000, "thousands: 8+ GB"))


class Need(msgspec.Struct, frozen=True):
    """Memory for one load, ``beside`` what the rule of thumb says."""

    load: Load
    memory: Memory
    beside: str = ""


class Answer(msgspec.Struct, frozen=True):
    """``by_payload``: the load asked about, with payloads as measured. ``by_shops``: each class of
    merchants, as busy as those asked about. ``outage_hours``: by GB of the machine.
    """

    load: Load
    backlog_hours: float
    webhooks_per_day: float
    memory: Memory
    by_payload: list[Need]
    by_shops: list[Need]
    outage_hours: dict[int, float]
    servers: Servers
    work: list[Work]
    points: list[Points]
    measured: list[str]
    assumed: list[str]


def answer(load: Load, server: Server, backlog_hours: float, concurrency: int) -> Answer:
    """``concurrency``: QUEUE_CONCURRENCY, processes of one worker."""

    def need(one: Load, beside: str = "") -> Need:
        return Need(one, memory(one, server, backlog_hours), beside)

    payloads = [one.payload_bytes for one in measured.WEIGHTS]
    replace = msgspec.structs.replace
    return Answer(
        load=load,
        backlog_hours=backlog_hours,
        webhooks_per_day=load.per_day,
        memory=memory(load, server, backlog_hours),
        by_payload=[need(replace(load, payload_bytes=size)) for size in payloads],
        by_shops=[
            need(replace(load, shops=shops, rate=load.rate * shops / load.shops), beside)
            for shops, beside in CLASSES
        ],
        outage_hours={gb: outage_hours(load, server, gb) for gb in MACHINES_GB},
        servers=servers(load.rate),
        work=[one for kind in measured.FOLLOWING for one in work(load.rate, kind, concurrency)],
        points=[points(load, following) for following in measured.FOLLOWING],
        measured=_measured(),
        assumed=_assumed(server),
    )


def _measured() -> list[str]:
    return [
        f"bytes on {measured.MEASURED_ON}, {measured.SERVER}: {measured.WEIGHTS_COMMAND}",
        f"CPU time on {measured.MACHINE}: {measured.WORK_COMMAND}",
        measured.REFERENCE,
        f"calls and points: {measured.FOLLOWING_COMMAND}",
    ]


def _assumed(server: Server) -> list[str]:
    cached = ", ".join(f"{n} {kind}" for kind, n in assumed.CACHED.items())
    kilobytes = cached_bytes_per_shop() / 1000
    return [
        f"outside the peak a day is {percent(assumed.QUIET_SHARE)} as busy",
        "the workers go down when a peak begins",
        f"settled webhooks are known for {server.ttl_s / 3600:g} h (REDIS_TTL_SECONDS)",
        f"accept stops at {server.full_percent} % of maxmemory (INBOX_FULL_PERCENT)",
        f"maxmemory is {percent(server.maxmemory_share)} of the machine's memory",
        f"the allocator takes {assumed.ALLOCATED:g} times what a webhook needs",
        f"the cache is on the same server, with {kilobytes:.0f} kB of each shop: {cached}",
        f"processes are busy for {percent(assumed.BUSY_SHARE)} of their time at the peak",
        f"a call of Shopify keeps its process waiting for {assumed.CALL_S} s",
        f"one Redis is busy for {percent(assumed.REDIS_BUSY_SHARE)} of a core at most",
        "breaker, budget and cache of Shopify's calls are not in Redis' share",
        "the database answers at once: where it does not, more processes wait for it",
        "all shops are alike; reconciliation's points are not in it",
    ]


def percent(share: float) -> str:
    """``0.75`` → ``75 %``."""
    return f"{100 * share:g} %"
