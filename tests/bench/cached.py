"""Bytes of Redis for each cached value: every kind, and pages of several sizes."""

import dataclasses
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from avnu.cache import Cache, CachedKind, Loaded, kinds
from avnu.cache.values import Location, Page, Product, ShopProfile, Subscription, Variant
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.settings import Settings
from avnu.shopify.topics import TOPICS
from tests.bench import bodies
from tests.bench.backlog import fresh_redis
from tests.bench.deliveries import FIRST_NUMBER, spread_over
from tests.bench.system import client

PAGE_SIZES = (1_000, 3_000, 10_000, 50_000)
SHOPS = 200
VALUES, PAGES = 5_000, 1_000
QUIET_SECONDS = 1.0


@dataclass(frozen=True)
class Cached:
    """One kind; ``stored_bytes`` of used_memory for each value, its key and expiry included."""

    kind: str
    loaded_bytes: int  # of a page before it is packed; 0 for what has always about one size
    stored_bytes: float


def measure() -> list[Cached]:
    """Weigh every kind, then pages as Shopify answers them, of each size."""
    values: list[tuple[CachedKind[Any], Callable[[int], Any]]] = [
        (kinds.SHOP, _profile),
        (kinds.LOCATIONS, _locations),
        (kinds.PRODUCT, _product),
        (kinds.VARIANT, _variant),
        (kinds.SUBSCRIPTIONS, _subscriptions),
    ]
    found = [Cached(kind.name, 0, _weigh(kind, VALUES, value)) for kind, value in values]
    for size in PAGE_SIZES:
        pages = _Pages(size)
        found.append(Cached(kinds.PAGE.name, size, _weigh(kinds.PAGE, PAGES, pages.page)))
    return found


def _weigh(kind: CachedKind[Any], count: int, value: Callable[[int], Any]) -> float:
    """Of each shop there are several, as what the cache keeps of a shop itself weighs little."""
    with fresh_redis() as redis:
        environ = {"REDIS_HOST": redis.host, "REDIS_PORT": str(redis.port)}
        settings = dataclasses.replace(Settings.load(environ), cache_timeout_ms=10_000)
        connections = Connections(settings)
        cache = Cache(settings, connections.entries(), SystemClock(), random.Random(1))
        shop = spread_over(SHOPS)
        try:
            for n in range(SHOPS):
                cache.get(kind, shop(n), "warm-up", partial(_loaded, value, 0))
            empty = _used_memory(redis.port)
            for n in range(count):
                cache.get(kind, shop(n), FIRST_NUMBER + n, partial(_loaded, value, n))
            full = _used_memory(redis.port)
        finally:
            cache.close()
            connections.close()
    return (full - empty) / count


def _loaded(value: Callable[[int], Any], n: int) -> Loaded[Any]:
    return Loaded(value(n))


def _used_memory(redis_port: int) -> int:
    time.sleep(QUIET_SECONDS)
    return int(client(redis_port, db=0).info("memory")["used_memory"])


# ---- values as shops have them


def _profile(n: int) -> ShopProfile:
    return ShopProfile(
        name=f"Shop number {n}",
        plan="basic",
        currency="USD",
        timezone="America/New_York",
        country="US",
        primary_domain=f"shop-{n}.example.com",
    )


def _locations(n: int) -> tuple[Location, ...]:
    return tuple(Location(id=FIRST_NUMBER + n + at, name=f"Warehouse {at}") for at in range(3))


def _product(n: int) -> Product:
    number = FIRST_NUMBER + n
    return Product(
        id=number,
        title="Heavy shirt",
        handle=f"heavy-shirt-{number}",
        status="ACTIVE",
        vendor="Acme",
        product_type="Shirts",
        updated_at="2026-11-20T22:42:31Z",
    )


def _variant(n: int) -> Variant:
    number = FIRST_NUMBER + n
    return Variant(
        id=number * 10,
        product_id=number,
        title="Size 1",
        sku=f"HS-{number}",
        price="199.00",
        inventory_item_id=number * 100,
        inventory_quantity=75,
        updated_at="2026-11-20T22:42:31Z",
    )


def _subscriptions(n: int) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(
            id=FIRST_NUMBER + n + at,
            topic=topic.upper().replace("/", "_"),
            address="https://webhooks.example.com/webhooks/shopify",
            api_version="2026-07",
        )
        for at, topic in enumerate(TOPICS)
    )


class _Pages:
    """Products one after the other, cut to a size: as compressible as what Shopify answers.

    Their texts are of a few thousand words, each as long as words are, and no two are alike.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._random = random.Random(size)
        self._words = [
            "".join(self._random.choices("etaoinshrdlucmfwyp", k=self._random.randint(2, 10)))
            for _ in range(3_000)
        ]

    def page(self, n: int) -> Page:
        content = b""
        while len(content) < self._size:
            product = bodies.product().render("", FIRST_NUMBER + n * 100 + len(content))
            text = " ".join(self._random.choices(self._words, k=200))
            content += product.replace(b"A shirt of heavy cotton", text.encode())
        return Page(content=content[: self._size])
