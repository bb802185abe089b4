"""How long a small shop waits behind a flood, while every partition of the area has work."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import redis

from tests.bench.avnu_system import AREA, INBOX_DB, KEYS, Avnu
from tests.bench.backlog import fill, fresh_redis, send, wait_down_to
from tests.bench.deliveries import Delivery, only, render, spread_over
from tests.bench.system import client, receiver

FLOODED = "flooded.myshopify.com"
PARTITIONS = 16
OTHER_SHOPS = 200
GIVE_UP_SECONDS = 30.0
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Waited:
    """Seconds from the 200 to settled of one new shop per partition, ascending.

    And what was still there when the last of them was settled: webhooks of the flood, partitions
    with work. Fewer than PARTITIONS means that the measurement was easier than it should be.
    """

    seconds: Sequence[float]
    flood_left: int
    partitions_busy: int


def measure(flood: int, others: int) -> Waited:
    """Flood one shop, load 200 others, start the worker, and send each partition a new shop."""
    system = Avnu()
    backlog = [
        *render(flood, only(FLOODED), "flood"),
        *render(others, spread_over(OTHER_SHOPS), "others"),
    ]
    newcomers = [
        delivery
        for shop in one_shop_per_partition()
        for delivery in render(1, only(shop), f"newcomer {shop}")
    ]
    with fresh_redis() as redis:
        fill(system, redis.port, [delivery.request for delivery in backlog])
        open_webhooks = system.open_webhooks(redis.port)
        with receiver(system, redis.port) as door, system.start_worker(redis.port) as worker:
            wait_down_to(worker, open_webhooks, len(backlog) - len(backlog) // 100)
            send(door, [delivery.request for delivery in newcomers])
            seconds = _until_settled(redis.port, newcomers)
            inbox = client(redis.port, INBOX_DB)
            return Waited(
                seconds,
                flood_left=inbox.llen(KEYS.of("line", f"{AREA}/{_short(FLOODED)}")),
                partitions_busy=inbox.scard(KEYS.of("work")),
            )


def one_shop_per_partition() -> list[str]:
    """A new shop for each partition, which is crc32(shop) % PARTITIONS; the flooded one's too."""
    found: dict[int, str] = {}
    n = 0
    while len(found) < PARTITIONS:
        shop = f"newcomer-{n}.myshopify.com"
        found.setdefault(crc32(shop.encode()) % PARTITIONS, shop)
        n += 1
    return list(found.values())


def _until_settled(redis_port: int, newcomers: Sequence[Delivery]) -> list[float]:
    """Seconds from now until each is settled; GIVE_UP_SECONDS for those that are not by then."""
    inbox = client(redis_port, INBOX_DB)
    records = {
        KEYS.of("record", f"{_short(delivery.shop)}/{delivery.webhook_id}")
        for delivery in newcomers
    }
    begun = time.perf_counter()
    seconds: list[float] = []
    while records and (waited := time.perf_counter() - begun) < GIVE_UP_SECONDS:
        asked = list(records)
        for key, start in zip(asked, _starts(inbox, asked), strict=True):
            if start == b"=":  # a settled record begins so
                records.discard(key)
                seconds.append(waited)
        time.sleep(POLL_SECONDS)
    return [*seconds, *(GIVE_UP_SECONDS for _ in records)]


def _starts(inbox: redis.Redis, keys: Sequence[str]) -> list[bytes]:
    with inbox.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.getrange(key, 0, 0)
        return list(pipeline.execute())


def _short(shop: str) -> str:
    return shop.removesuffix(".myshopify.com")
