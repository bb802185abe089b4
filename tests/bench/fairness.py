"""How long a small shop waits behind a flood, while every partition has work."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import redis

from avnu.keys import ref
from avnu.shopify.topics import TOPICS
from tests.bench.avnu_system import INBOX_DB, KEYS, Avnu
from tests.bench.backlog import fill, fresh_redis, send, wait_down_to
from tests.bench.bodies import Body
from tests.bench.deliveries import Delivery, only, render, spread_over
from tests.bench.system import client, receiver

FLOODED = "flooded.myshopify.com"
FLOODED_AREA = "products"
PARTITIONS_PER_AREA = 16
CROWD_SHOPS = 200
GIVE_UP_SECONDS = 30.0
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Waited:
    """Seconds from the 200 to settled of one new shop per partition of products, ascending.

    And what was still there when the last of them was settled: webhooks of the flood, partitions
    with work. With fewer busy than there are, the measurement was easier than it should be.
    """

    seconds: Sequence[float]
    flood_left: int
    busy: int
    partitions: int


def measure(flood: int, crowd: int, kinds: Sequence[Body]) -> Waited:
    """Flood one shop with products, load 200 others with `crowd` webhooks of each kind, start the
    worker, and have a new shop in each partition of products send one webhook.
    """
    system = Avnu()
    areas = {TOPICS[kind.topic].area for kind in kinds} | {FLOODED_AREA}
    newcomers = list(_newcomers())
    with fresh_redis() as server:
        backlog = fill(system, server.port, _backlog(flood, crowd, kinds))
        open_webhooks = system.open_webhooks(server.port)
        with receiver(system, server.port) as door, system.start_worker(server.port) as worker:
            wait_down_to(worker, open_webhooks, backlog - backlog // 100)
            send(door, [newcomer.request for newcomer in newcomers])
            inbox = client(server.port, INBOX_DB)
            return Waited(
                _until_settled(inbox, newcomers),
                flood_left=inbox.llen(_line_of_the_flood()),
                busy=inbox.scard(KEYS.of("work")),
                partitions=PARTITIONS_PER_AREA * len(areas),
            )


def one_shop_per_partition() -> list[str]:
    """A new shop for each partition, which is crc32(shop) % 16; the flooded one's too."""
    found: dict[int, str] = {}
    n = 0
    while len(found) < PARTITIONS_PER_AREA:
        shop = f"newcomer-{n}.myshopify.com"
        found.setdefault(crc32(shop.encode()) % PARTITIONS_PER_AREA, shop)
        n += 1
    return list(found.values())


def _newcomers() -> Iterator[Delivery]:
    for shop in one_shop_per_partition():
        yield from render(1, only(shop), f"newcomer {shop}")


def _backlog(flood: int, crowd: int, kinds: Sequence[Body]) -> Iterator[bytes]:
    for one in render(flood, only(FLOODED), "flood"):
        yield one.request
    for kind in kinds:
        for one in render(crowd, spread_over(CROWD_SHOPS), f"crowd {kind.topic}", kind):
            yield one.request


def _line_of_the_flood() -> str:
    shop, _, _ = ref(FLOODED, "").partition("/")
    return KEYS.of("line", f"{FLOODED_AREA}/{shop}")


def _until_settled(inbox: redis.Redis, newcomers: Sequence[Delivery]) -> list[float]:
    """Seconds from now until each is settled; GIVE_UP_SECONDS for those that are not by then."""
    records = {KEYS.of("record", ref(one.shop, one.webhook_id)) for one in newcomers}
    begun = time.perf_counter()
    seconds: list[float] = []
    while records and (waited := time.perf_counter() - begun) < GIVE_UP_SECONDS:
        asked = list(records)
        for key, start in zip(asked, _first_bytes(inbox, asked), strict=True):
            if start == b"=":  # so begins the record of a settled webhook
                records.discard(key)
                seconds.append(waited)
        time.sleep(POLL_SECONDS)
    return [*seconds, *(GIVE_UP_SECONDS for _ in records)]


def _first_bytes(inbox: redis.Redis, keys: Sequence[str]) -> list[bytes]:
    with inbox.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.getrange(key, 0, 0)
        return list(pipeline.execute())
