"""Processes, workers, partitions, Redis' share and receivers, for a rate of webhooks."""

import math

import msgspec

from avnu.sizing.assumed import BUSY_SHARE, CALL_S, REDIS_BUSY_SHARE, Following
from avnu.sizing.measured import ACCEPTING, EFFECTS, READING, Cost

# Fewer than this are no saving: an idle partition costs nothing.
LEAST_PARTITIONS = 16
MOST_PARTITIONS = 1024


class Work(msgspec.Struct, frozen=True):
    """What a rate needs when each webhook's effect costs ``cost`` and is followed ``following``.

    ``cores`` are busy at the rate itself; ``processes`` are twice as many as would just do.
    ``partitions`` of each area: two for each process, as if all webhooks were of one area.
    ``redis_cores`` are busy with accepting and with this; ``cells``: how many Redis that makes.
    """

    name: str
    following: str
    cores: float
    processes: int
    workers: int
    partitions: int
    redis_cores: float
    cells: int


class Servers(msgspec.Struct, frozen=True):
    """Receivers (processes) and the cores that they use."""

    receivers: int
    receiver_cores: float


def work(rate: float, following: Following, concurrency: int) -> list[Work]:
    """For handlers that only read, and for the effects that were measured, on each database.

    ``concurrency``: QUEUE_CONCURRENCY.
    """
    return [
        _work(name, cost, rate, following, concurrency)
        for name, cost in (("no effects", READING), *EFFECTS.items())
    ]


def servers(rate: float) -> Servers:
    """Two at least: one is restarted while the other answers."""
    cores = rate * ACCEPTING.process_s / 1000
    return Servers(max(2, math.ceil(cores / BUSY_SHARE)), cores)


def _work(name: str, cost: Cost, rate: float, following: Following, concurrency: int) -> Work:
    cores = rate * cost.process_s / 1000
    waiting = rate * following.calls * CALL_S
    processes = max(1, math.ceil((cores + waiting) / BUSY_SHARE))
    # Two workers at least, for the same reason.
    workers = max(2, math.ceil(processes / concurrency))
    redis_cores = rate * (ACCEPTING.redis_s + cost.redis_s) / 1000
    partitions = 2 ** math.ceil(math.log2(2 * max(processes, workers * concurrency)))
    return Work(
        name=name,
        following=following.name,
        cores=cores,
        processes=processes,
        workers=workers,
        partitions=min(MOST_PARTITIONS, max(LEAST_PARTITIONS, partitions)),
        redis_cores=redis_cores,
        cells=max(1, math.ceil(redis_cores / REDIS_BUSY_SHARE)),
    )
