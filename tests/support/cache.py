"""Caches for tests: one in this process, and processes of their own that do what they are told."""

import dataclasses
import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Self

import redis

from avnu.cache import Cache, Kind, Loaded
from avnu.cache.kinds import PRODUCT
from avnu.cache.values import Product
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.settings import Settings
from tests.support.waiting import wait_until

SHOP = "one-shop.myshopify.com"
OTHER = "other-shop.myshopify.com"
SCRATCH_DB = 9
ANSWER_S = 30.0
PATIENCE_MS = 10_000


def made(settings: Settings, **changes: Any) -> Cache:
    """A cache with a pool of its own."""
    changed = dataclasses.replace(patient(settings), **changes)
    client = Connections(changed).entries()
    return Cache(changed, client, SystemClock(), random.Random())


def patient(settings: Settings) -> Settings:
    """More patient with Redis than a real one, unless the settings say how patient.

    A test that is not about time must not depend on how busy the machine is.
    """
    if "CACHE_TIMEOUT_MS" in settings.given:
        return settings
    return dataclasses.replace(settings, cache_timeout_ms=PATIENCE_MS)


@contextmanager
def opened(settings: Settings, **changes: Any) -> Iterator[Cache]:
    """A cache that hears invalidations."""
    cache = made(settings, **changes)
    hearing(cache)
    try:
        yield cache
    finally:
        closed(cache)


def hearing(cache: Cache) -> None:
    """Wait until its process may serve from its memory."""
    cache._enter().channel.ensure()
    wait_until(lambda: cache.stats().hears, 5, "invalidations are heard")


def closed(cache: Cache) -> None:
    cache.close()
    cache._client.close()
    cache._client.connection_pool.disconnect()


def counted(cache: Cache, outcome: str, kind: str | None = None) -> int:
    """How often ``outcome`` was counted in this process."""
    counts = cache.stats().counts
    return sum(n for name, n in counts.items() if name[1] == outcome and kind in {None, name[0]})


def product(number: int = 5, title: str = "Shirt") -> Product:
    return Product(id=number, title=title, updated_at="2026-11-01T10:00:00Z")


def quick(fresh_s: float, keep_s: float, name: str = "product") -> Kind[Product]:
    """Products that live shorter than real ones."""
    return Kind(name, Product, fresh_s, keep_s)


class Loader:
    """Stands for Shopify: what it answers may be changed, its calls are counted."""

    def __init__(self, value: Product | None = None, version: int = 1) -> None:
        self.value: Product | None = value or product()
        self.version = version
        self.asked_s: list[float] = []  # monotonic
        self.error: BaseException | None = None
        self.takes_s = 0.0

    @property
    def calls(self) -> int:
        return len(self.asked_s)

    def __call__(self) -> Loaded[Product]:
        self.asked_s.append(time.monotonic())
        value, version = self.value, self.version
        if self.takes_s:
            time.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return Loaded(value, version)


# ---- processes


class Member:
    """A process with a cache. ``call`` runs a function of this module's kind there: f(cache, …)."""

    def __init__(self, settings: Settings) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(patient(settings).to_environ(), theirs)
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def start(self, what: Callable[..., Any], *arguments: Any) -> None:
        self._ours.send((what, arguments))

    def result(self) -> Any:
        assert self._ours.poll(ANSWER_S), "the member process does not answer"
        answer = self._ours.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def call(self, what: Callable[..., Any], *arguments: Any) -> Any:
        self.start(what, *arguments)
        return self.result()

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ours.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def members(settings: Settings, count: int = 4) -> Iterator[list[Member]]:
    """Processes that all hear invalidations."""
    started = [Member(settings) for _ in range(count)]
    try:
        for member in started:
            member.call(hear)
        yield started
    finally:
        for member in started:
            member.close()


def _serve(environ: dict[str, str], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cache = made(Settings.load(environ))
    while True:
        try:
            what, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(what(cache, *arguments))
        except Exception as fault:  # noqa: BLE001 - it is told to the test
            pipe.send(fault)


def scratch(settings: Settings) -> redis.Redis:
    """A database in which processes leave notes for the test."""
    return redis.Redis(host=settings.redis_host, port=settings.redis_port, db=SCRATCH_DB)


# ---- what a member may be told


def hear(cache: Cache) -> None:
    hearing(cache)


def read(cache: Cache, number: int = 5, at_least: int | None = None) -> Any:
    """The title in the cache, or the one of Redis' scratch database, whose loads are counted."""
    return cache.get(PRODUCT, SHOP, number, _noted(cache, 0.0), at_least=at_least)


def read_into_memory(cache: Cache) -> str:
    """Reads until it is in the process's own memory; its title there."""
    wait_until(
        lambda: read(cache) and cache._enter().local.find(("product", SHOP, "5")), 5, "it is kept"
    )
    found: str = read(cache).title
    return found


def read_many(cache: Cache, threads: int, takes_s: float, at: float) -> list[str]:
    """``threads`` threads miss the same key at the same instant."""
    titles: list[str] = []
    load = _noted(cache, takes_s)

    def one() -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        found = cache.get(PRODUCT, SHOP, 5, load)
        assert found is not None
        titles.append(found.title)

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return titles


def read_for_ever(cache: Cache) -> None:
    """Begins to load and never ends: to be killed."""
    cache.get(PRODUCT, SHOP, 5, _noted(cache, 3600.0))


def title_changes_at(cache: Cache, title: str, within_s: float) -> float:
    """When the process's own memory no longer holds another title than ``title`` (monotonic s)."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        held = cache._enter().local.find(("product", SHOP, "5"))
        if held is None or held.value.title == title:
            return time.monotonic()
        time.sleep(0.0002)
    raise AssertionError(f"still another title after {within_s} s")


def counts_of(cache: Cache) -> dict[tuple[str, str], int]:
    return cache.stats().counts


def threads_named(cache: Cache, name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def _noted(cache: Cache, takes_s: float) -> Callable[[], Loaded[Product]]:
    notes: Any = scratch(cache._settings)

    def load() -> Loaded[Product]:
        notes.incr("loads")
        title = (notes.get("title") or b"Shirt").decode()
        version = int(notes.get("version") or 1)
        if takes_s:
            time.sleep(takes_s)
        return Loaded(product(title=title), version)

    return load
