"""Several values in one go, among processes and with a Redis that fails."""

import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from avnu.cache import Cache, Loaded
from avnu.cache.counters import ENDS
from avnu.cache.kinds import PRODUCT
from avnu.cache.values import Product
from avnu.settings import Settings
from tests.support.cache import (
    LEASE_S,
    SHOP,
    ManyLoader,
    closed,
    counted,
    counts_of,
    made,
    members,
    opened,
    product,
    quick,
    read_many,
    read_many_for_ever,
    scratch,
)
from tests.support.servers import Server
from tests.support.waiting import standing_still, wait_until

HUNDRED = range(100, 200)
TIMEOUT_MS = 150


@pytest.fixture
def notes(settings: Settings) -> Any:
    with scratch(settings) as client:
        client.flushdb()
        yield client


def everything(count: int = 100) -> dict[int, Product]:
    return {number: product(number) for number in HUNDRED[:count]}


@contextmanager
def patient_pair(settings: Settings) -> Iterator[tuple[Cache, Cache]]:
    """Two processes whose leases outlast the test, as far as Redis can tell."""
    with (
        opened(settings, cache_lease_seconds=LEASE_S) as one,
        opened(settings, cache_lease_seconds=LEASE_S) as two,
    ):
        yield one, two


def ended(counts: Mapping[tuple[str, str], int]) -> int:
    return sum(n for (_, outcome), n in counts.items() if outcome in ENDS)


# ---- processes


def test_four_processes_that_want_the_same_hundred_load_each_once(
    settings: Settings, notes: Any
) -> None:
    patient = dataclasses.replace(settings, cache_lease_seconds=LEASE_S)
    with members(patient) as processes:
        for step, process in enumerate(processes):
            # Each begins with other ids, so that none may wait for another in a circle.
            process.start(read_many, [*HUNDRED[step * 25 :], *HUNDRED[: step * 25]], 4, 1.0)
        found = [process.result() for process in processes]
        counts = [process.call(counts_of) for process in processes]
    loaded = {int(number): int(n) for number, n in notes.hgetall("loaded").items()}
    each = [one.get(("product", "loaded"), 0) for one in counts]
    print(
        f"\n4 processes want the same 100 ids: {sum(loaded.values())} ids loaded, by process "
        f"{each}; each id {max(loaded.values())} time"
    )
    assert [sorted(ids) for ids in found] == [list(HUNDRED)] * 4
    assert loaded == dict.fromkeys(HUNDRED, 1)
    assert [ended(one) for one in counts] == [100] * 4
    assert sum(one.get(("product", "waited"), 0) for one in counts) >= 100


def test_a_killed_loader_delays_the_others_by_no_more_than_its_lease(
    settings: Settings, notes: Any
) -> None:
    lease_s = 3
    leased = dataclasses.replace(settings, cache_lease_seconds=lease_s)
    # Who waits would have the patience for much more.
    with (
        members(leased, 1) as (dying,),
        opened(settings, cache_lease_seconds=LEASE_S) as waiting,
    ):
        dying.start(read_many_for_ever, HUNDRED[:50])
        wait_until(lambda: notes.hlen("loaded") == 50, 20, "it has begun to load")
        load = ManyLoader()
        begun_s = time.monotonic()
        dying.kill()
        assert waiting.get_many(PRODUCT, SHOP, HUNDRED, load) == everything()
        delay_s = time.monotonic() - begun_s
        waited = counted(waiting, "waited")
    print(
        f"\na loader killed over 50 of 100 ids delayed the next by {delay_s:.2f} s; its lease is "
        f"{lease_s} s; loads of {[len(ids) for ids in load.asked]}"
    )
    assert load.asked[0] == list(HUNDRED[50:]), "what nobody else loads is not held up"
    assert sorted(number for ids in load.asked[1:] for number in ids) == list(HUNDRED[:50])
    assert delay_s < LEASE_S / 2
    assert waited == 50, "and not before it"


def test_a_loader_slower_than_its_lease_does_not_stop_the_others(settings: Settings) -> None:
    with (
        opened(settings, cache_lease_seconds=LEASE_S) as one,
        opened(settings, cache_lease_seconds=1) as two,
    ):
        begun, go_on = threading.Event(), threading.Event()

        def endless(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
            begun.set()
            go_on.wait(LEASE_S)
            return {number: Loaded(product(number)) for number in ids}

        slow = threading.Thread(target=one.get_many, args=(PRODUCT, SHOP, [5, 6], endless))
        slow.start()
        assert begun.wait(20)
        load = ManyLoader()
        assert len(two.get_many(PRODUCT, SHOP, [5, 6, 7], load)) == 3
        go_on.set()
        slow.join()
        assert load.asked == [[7], [5, 6]], "after its own longest time it loads what others do"
        assert counted(two, "waited") == 2


def test_what_another_process_is_loading_is_served_stale_if_it_may_be(settings: Settings) -> None:
    kind = quick(0.0, 60.0)
    with patient_pair(settings) as (one, two):
        one.get_many(kind, SHOP, [5, 6], ManyLoader("old"))
        begun, go_on = threading.Event(), threading.Event()

        def slow(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
            begun.set()
            go_on.wait(LEASE_S)
            return {number: Loaded(product(number, "new")) for number in ids}

        loading = threading.Thread(target=one.get_many, args=(kind, SHOP, [5, 6], slow))
        loading.start()
        assert begun.wait(20)
        load = ManyLoader("new")
        found = two.get_many(kind, SHOP, [5, 6, 7], load)
        go_on.set()
        loading.join()
        assert found == {5: product(5, "old"), 6: product(6, "old"), 7: product(7, "new")}
        assert load.asked == [[7]]
        assert (counted(two, "stale"), counted(two, "loaded")) == (2, 1)


def test_what_others_give_up_is_loaded_by_one_further_call(settings: Settings) -> None:
    with patient_pair(settings) as (one, two):
        begun, go_on = threading.Event(), threading.Event()

        def failing(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
            begun.set()
            go_on.wait(LEASE_S)
            raise ConnectionError("Shopify is out")

        def fail() -> None:
            with pytest.raises(ConnectionError):
                one.get_many(PRODUCT, SHOP, HUNDRED[:50], failing)

        other = threading.Thread(target=fail)
        other.start()
        assert begun.wait(20)
        load = ManyLoader()

        def give_up() -> None:
            go_on.set()
            # All of it: between two leases that are given back another process may ask.
            other.join()

        load.meanwhile = give_up
        assert two.get_many(PRODUCT, SHOP, HUNDRED, load) == everything()
        assert load.asked == [list(HUNDRED[50:]), list(HUNDRED[:50])]
        assert counted(one, "failed") == 50


# ---- Redis away


def settings_of(server: Server, **more: str) -> Settings:
    return Settings.load({**server.environ(), **more})


def missed(cache: Cache) -> ManyLoader:
    """Asks for a hundred that are nowhere."""
    load = ManyLoader()
    assert cache.get_many(PRODUCT, SHOP, HUNDRED, load) == everything()
    return load


def test_with_redis_killed_there_is_one_load_and_no_exception(tmp_path: Path) -> None:
    with Server(tmp_path) as server, opened(settings_of(server, CACHE_REST_MS="60000")) as cache:
        load = ManyLoader()
        load.meanwhile = server.kill
        assert cache.get_many(PRODUCT, SHOP, HUNDRED, load) == everything(), "while it loaded"
        assert load.calls == 1
        for _ in range(2):
            assert missed(cache).asked == [list(HUNDRED)]
        assert cache.stats().resting
        counts = counts_of(cache)
    assert ended(counts) == 300
    assert counts["product", "loaded"] == 300


@pytest.mark.alone
def test_with_redis_hung_there_is_one_load_after_one_timeout(tmp_path: Path) -> None:
    with (
        Server(tmp_path) as server,
        opened(settings_of(server, CACHE_TIMEOUT_MS=str(TIMEOUT_MS))) as cache,
    ):
        server.freeze()
        try:
            begun_s = time.monotonic()
            with standing_still() as still:
                assert missed(cache).calls == 1
            took_s = time.monotonic() - begun_s
        finally:
            server.thaw()
    print(f"\nRedis hung: 100 ids in {took_s * 1e3:.0f} ms, its time limit is {TIMEOUT_MS} ms")
    assert took_s < 3 * TIMEOUT_MS / 1000 + 0.25 + still.sum_s


def test_scripts_that_the_server_forgot_are_sent_again(tmp_path: Path) -> None:
    with Server(tmp_path) as server, opened(settings_of(server)) as cache:
        with server.client() as db:
            load = ManyLoader()
            load.meanwhile = db.script_flush
            cache.get_many(PRODUCT, SHOP, HUNDRED, load)
            db.script_flush()
        cache._enter().local.drop(SHOP)
        assert cache.get_many(PRODUCT, SHOP, HUNDRED, load) == everything()
        assert load.calls == 1


def test_a_server_that_refuses_is_no_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server, server.client() as db:
        db.acl_setuser("poor", enabled=True, passwords=["+pw"], commands=["+ping", "+client"])
        environ = {**server.environ(), "REDIS_USERNAME": "poor", "REDIS_PASSWORD": "pw"}
        cache = made(Settings.load(environ))
        assert missed(cache).calls == 1
        assert counted(cache, "refused") == 100
        closed(cache)


def test_what_the_server_refuses_alone_is_loaded_with_the_rest(tmp_path: Path) -> None:
    """Full: what is there is read, leases and marks are refused."""
    with (
        Server(tmp_path, extra=["--maxmemory", "20mb"]) as server,
        server.client() as db,
        opened(Settings.load(server.environ())) as cache,
    ):
        cache.get_many(PRODUCT, SHOP, HUNDRED[:50], ManyLoader())
        cache._enter().local.drop(SHOP)
        db.config_set("maxmemory", "1mb")
        load = ManyLoader()
        assert cache.get_many(PRODUCT, SHOP, HUNDRED, load) == everything()
        assert load.asked == [list(HUNDRED[50:])]
        assert (counted(cache, "shared"), counted(cache, "refused")) == (50, 50)
