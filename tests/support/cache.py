"""Caches for tests: one in this process, and processes of their own that do what they are told."""

import dataclasses
import functools
import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Self
from unittest import mock

import redis
from redis.connection import AbstractConnection

from avnu.cache import Cache, CachedKind, Loaded, channel
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

# A stop is noticed within it, and tests close a cache each.
channel.LISTEN_S = 0.02
# A machine that stands still for as long as the real one would empty every process's memory.
REALLY_DEAF_S, channel.DEAF_S = channel.DEAF_S, 30.0
# Nor must a lease lapse in a test that is not about that.
LEASE_S = 60

# Members are forks of a process that has imported everything: a spawned one takes 0.5 s for that.
_MEMBERS = multiprocessing.get_context("forkserver")
_MEMBERS.set_forkserver_preload(["tests.support.cache"])


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
    wait_until(lambda: cache.stats().hears, 20, "invalidations are heard")


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


def quick(fresh_s: float, keep_s: float) -> CachedKind[Product]:
    """Products that live shorter than real ones."""
    return CachedKind("product", Product, fresh_s, keep_s, schema=PRODUCT.schema)


def at(number: int = 5) -> str:
    """The end of a product's keys on Redis."""
    return f"product.{PRODUCT.schema}/one-shop/{number}"


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


class ManyLoader:
    """Stands for one query after several products: ``asked`` are the ids of each call."""

    def __init__(self, title: str = "Shirt") -> None:
        self.title = title
        self.version = 1
        self.asked: list[list[int]] = []
        self.error: BaseException | None = None
        self.missing: set[int] = set()
        self.meanwhile: Callable[[], Any] = lambda: None

    @property
    def calls(self) -> int:
        return len(self.asked)

    def __call__(self, ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
        self.asked.append(list(ids))
        title, version = self.title, self.version
        self.meanwhile()
        if self.error is not None:
            raise self.error
        found = set(ids) - self.missing
        return {number: Loaded(product(number, title), version) for number in found}


@contextmanager
def round_trips() -> Iterator[list[Any]]:
    """What this thread sends to Redis: each time that it would wait for an answer."""
    me = threading.get_ident()
    sent: list[Any] = []
    really: Any = AbstractConnection.send_packed_command

    def noting(connection: Any, command: Any, *arguments: Any, **options: Any) -> None:
        if threading.get_ident() == me:
            sent.append(command)
        really(connection, command, *arguments, **options)

    with mock.patch.object(AbstractConnection, "send_packed_command", noting):
        yield sent


# ---- processes


class Member:
    """A process with a cache. ``call`` runs a function of this module's kind there: f(cache, …)."""

    def __init__(self, settings: Settings) -> None:
        self._ours, theirs = _MEMBERS.Pipe()
        self._process = _MEMBERS.Process(
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
        lambda: read(cache) and cache._enter().local.find(("product", SHOP, "5")), 20, "it is kept"
    )
    found: str = read(cache).title
    return found


def read_in_threads(cache: Cache, threads: int, together: int, takes_s: float) -> list[str]:
    """``threads`` threads miss the same key; a load lasts until ``together`` have asked, and then
    ``takes_s`` more.
    """
    titles: list[str] = []
    notes = _notes(cache)

    def load() -> Loaded[Product]:
        notes.incr("loads")
        wait_until(lambda: int(notes.get("asking")) == together, 20, "all have asked")
        time.sleep(takes_s)
        return Loaded(product())

    def one() -> None:
        notes.incr("asking")
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


def read_many(
    cache: Cache, numbers: Sequence[int], together: int, takes_s: float = 0.0
) -> list[int]:
    """Ids of products that it got by one ``get_many``. Notes each id that it loads; a load lasts
    until ``together`` processes have asked, and then ``takes_s`` more.
    """
    notes = _notes(cache)

    def load(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
        for number in ids:
            notes.hincrby("loaded", number, 1)
        wait_until(lambda: int(notes.get("asking")) == together, 20, "all have asked")
        time.sleep(takes_s)
        return {number: Loaded(product(number)) for number in ids}

    notes.incr("asking")
    found = cache.get_many(PRODUCT, SHOP, numbers, load)
    return [one.id for one in found.values() if one is not None]


def read_many_for_ever(cache: Cache, numbers: Sequence[int]) -> None:
    """Begins to load and never ends: to be killed."""
    read_many(cache, numbers, -1)


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


def _notes(cache: Cache) -> Any:
    return _kept_scratch(cache._settings)


@functools.cache
def _kept_scratch(settings: Settings) -> redis.Redis:
    return scratch(settings)


def _noted(cache: Cache, takes_s: float) -> Callable[[], Loaded[Product]]:
    notes = _notes(cache)

    def load() -> Loaded[Product]:
        notes.incr("loads")
        title = (notes.get("title") or b"Shirt").decode()
        version = int(notes.get("version") or 1)
        if takes_s:
            time.sleep(takes_s)
        return Loaded(product(title=title), version)

    return load
