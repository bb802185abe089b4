"""One load per key among processes and threads; forks; loaders that die."""

import contextlib
import dataclasses
import itertools
import json
import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from avnu.cache import Cache, Loaded
from avnu.cache.kinds import PRODUCT
from avnu.cache.values import Product
from avnu.settings import Settings
from tests.support.cache import (
    LEASE_S,
    SHOP,
    Loader,
    Member,
    at,
    closed,
    counted,
    counts_of,
    hearing,
    made,
    members,
    opened,
    product,
    read,
    read_for_ever,
    read_in_threads,
    scratch,
    threads_named,
)
from tests.support.waiting import wait_until

THREAD = "avnu-cache"


@pytest.fixture
def notes(settings: Settings) -> Any:
    with scratch(settings) as client:
        client.flushdb()
        yield client


def test_a_hundred_misses_in_four_processes_are_one_load(settings: Settings, notes: Any) -> None:
    patient = dataclasses.replace(settings, cache_lease_seconds=LEASE_S)
    with members(patient) as processes:
        for process in processes:
            process.start(read_in_threads, 25, 100, 1.0)
        titles = [title for process in processes for title in process.result()]
        loads = int(notes.get("loads"))
        counts = [process.call(counts_of) for process in processes]
    waited = sum(found.get(("product", "waited"), 0) for found in counts)
    joined = sum(found.get(("product", "joined"), 0) for found in counts)
    print(
        f"\n100 concurrent misses in 4 processes: {loads} load; {joined} joined a thread of their "
        f"process, {waited} processes waited for the lease"
    )
    assert titles == ["Shirt"] * 100
    assert loads == 1
    # Who was held up for all of the load has found its value.
    assert waited <= 3
    assert waited + joined > 0


def test_many_misses_at_a_value_that_is_stale_are_one_load_and_hold_up_one_process(
    settings: Settings,
) -> None:
    """While one process loads, the other serves what was there; who joins the load gets its."""
    begun, may_end = threading.Event(), threading.Event()
    loads: list[Loaded[Product]] = []

    def load() -> Loaded[Product]:
        begun.set()
        assert may_end.wait(30)
        loads.append(Loaded(product(title="new"), 2))
        return loads[-1]

    def title(cache: Cache) -> str:
        found = cache.get(PRODUCT, SHOP, 5, load)
        assert found is not None
        return found.title

    with (
        opened(settings, cache_lease_seconds=LEASE_S) as one,
        opened(settings, cache_lease_seconds=LEASE_S) as two,
        ThreadPoolExecutor(40) as pool,
    ):
        one.get(PRODUCT, SHOP, 5, Loader(), ttl_s=0.0)
        loading = [pool.submit(title, one)]
        assert begun.wait(30)
        loading += [pool.submit(title, one) for _ in range(9)]
        try:
            assert [pool.submit(title, two).result(20) for _ in range(30)] == ["Shirt"] * 30
        finally:
            may_end.set()
        assert {asked.result(30) for asked in loading} == {"new"}
        wait_until(lambda: title(two) == "new", 10, "the other process has it too")
        assert len(loads) == 1
        assert counted(two, "stale") > 0


def test_a_killed_loader_delays_the_others_by_no_more_than_its_lease(
    settings: Settings, notes: Any
) -> None:
    lease_s = 3
    leased = dataclasses.replace(settings, cache_lease_seconds=lease_s)
    # Who waits would have the patience for much more.
    patient = dataclasses.replace(settings, cache_lease_seconds=LEASE_S)
    with members(leased, 1) as (dying,), members(patient, 1) as (waiting,):
        dying.start(read_for_ever)
        wait_until(lambda: notes.get("loads") == b"1", 20, "it has begun to load")
        begun_s = time.monotonic()
        waiting.start(read)
        dying.kill()
        assert waiting.result().title == "Shirt"
        delay_s = time.monotonic() - begun_s
        loads = int(notes.get("loads"))
        waited = waiting.call(counts_of).get(("product", "waited"))
    print(f"\na killed loader delayed the next by {delay_s:.2f} s; its lease is {lease_s} s")
    assert loads == 2
    assert delay_s < LEASE_S / 2
    assert waited == 1, "and not before it"


def test_a_loader_slower_than_its_lease_does_not_stop_the_others(settings: Settings) -> None:
    with (
        opened(settings, cache_lease_seconds=0.5) as one,
        opened(settings, cache_lease_seconds=0.5) as two,
    ):
        begun, go_on = threading.Event(), threading.Event()

        def endless() -> Loaded[Product]:
            begun.set()
            go_on.wait(LEASE_S)
            return Loaded(product(title="late"), 1)

        slow = threading.Thread(target=one.get, args=(PRODUCT, SHOP, 5, endless))
        slow.start()
        assert begun.wait(20)
        begun_s = time.monotonic()
        # In another process, and in another thread of its own.
        assert two.get(PRODUCT, SHOP, 5, Loader()) == product()
        assert one.get(PRODUCT, SHOP, 5, Loader()) == product()
        assert time.monotonic() - begun_s < LEASE_S / 2
        go_on.set()
        slow.join()
        two._enter().local.drop(SHOP)  # so that Redis is asked
        assert two.get(PRODUCT, SHOP, 5, Loader()) == product(), "the late one is the older one"
        assert counted(one, "older") == 1


@pytest.mark.parametrize("fails", [True, False])
def test_who_ends_late_does_not_take_the_lease_of_the_next(settings: Settings, fails: bool) -> None:
    with (
        opened(settings, cache_lease_seconds=0.4) as one,
        opened(settings, cache_lease_seconds=LEASE_S) as two,
        opened(settings) as three,
    ):
        begun, late_now, end_now = threading.Event(), threading.Event(), threading.Event()

        def late() -> Loaded[Product]:
            begun.set()
            late_now.wait(LEASE_S)
            if fails:
                raise ConnectionError("Shopify is out")
            return Loaded(product(title="late"), 1)

        def ask_one() -> None:
            with contextlib.suppress(ConnectionError):
                one.get(PRODUCT, SHOP, 5, late)

        next_one = Loader()

        def loading() -> Loaded[Product]:
            answer = next_one()
            end_now.wait(LEASE_S)
            return answer

        threads = [threading.Thread(target=ask_one)]
        threads[0].start()
        assert begun.wait(20)
        threads.append(threading.Thread(target=two.get, args=(PRODUCT, SHOP, 5, loading)))
        threads[1].start()
        wait_until(lambda: next_one.calls == 1, 20, "the lease has ended, and the next one loads")
        late_now.set()
        threads[0].join()
        names = three._enter().shared.keys
        lease: Any = three._client.get(names.of("cache_lease", at()))
        end_now.set()
        threads[1].join()
        assert lease, "the lease of the next one was not given back by the first"


def test_a_loader_may_ask_for_what_it_is_loading(settings: Settings) -> None:
    with opened(settings, cache_lease_seconds=LEASE_S) as cache:
        inner = Loader()
        begun_s = time.monotonic()

        def outer() -> Loaded[Product]:
            return Loaded(cache.get(PRODUCT, SHOP, 6, lambda: Loaded(product(6))))

        def itself() -> Loaded[Product]:
            found = cache.get(PRODUCT, SHOP, 7, inner)
            return Loaded(found)

        assert cache.get(PRODUCT, SHOP, 5, outer) == product(6)
        assert cache.get(PRODUCT, SHOP, 7, itself) == product()
        assert time.monotonic() - begun_s < LEASE_S / 2, "no wait at all"


def test_an_error_is_shared_by_those_who_waited_for_it(settings: Settings) -> None:
    with opened(settings) as cache:
        load = Loader()
        load.takes_s = 0.4
        load.error = ConnectionError("Shopify is out")
        errors: list[str] = []

        def ask() -> None:
            try:
                cache.get(PRODUCT, SHOP, 5, load)
            except ConnectionError as fault:
                errors.append(str(fault))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == ["Shopify is out"] * 20
        assert load.calls <= 3, "not one after the other"


# ---- one thread of messages per process


def test_there_is_one_thread_of_messages_however_many_ask(settings: Settings) -> None:
    cache = made(settings)
    try:
        before = threads_named(cache, THREAD)
        assert not cache._processes, "making it starts nothing"
        threads = [
            threading.Thread(target=cache.get, args=(PRODUCT, SHOP, number, Loader()))
            for number in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert threads_named(cache, THREAD) == before + 1
    finally:
        closed(cache)
    wait_until(lambda: threads_named(cache, THREAD) == before, 10, "close has ended it")


def test_threads_share_a_cache(settings: Settings) -> None:
    with opened(settings, cache_local_bytes=1024 * 1024) as cache:
        faults: list[str] = []
        stop_s = time.monotonic() + 0.8

        def work(seed: int) -> None:
            rng, rounds = random.Random(seed), itertools.count()
            while next(rounds) < 100 or time.monotonic() < stop_s:
                number = rng.randrange(2000)
                found = cache.get(PRODUCT, SHOP, number, Loader(product(number)))
                if found != product(number):
                    faults.append(f"{found} for {number}")
                if rng.random() < 0.05:
                    cache.invalidate(SHOP, [f"product:{number}"])

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = cache.stats()
        assert not faults
        assert stats.bytes <= 1024 * 1024
        asked = sum(n for (_, end), n in stats.counts.items() if end in ENDS_OF_A_GET)
        assert asked > 200
        assert counted(cache, "local") > 0


ENDS_OF_A_GET = {"local", "shared", "joined", "stale", "loaded", "failed"}


# ---- forks


def in_child(what: Callable[[], Any]) -> Any:
    """Runs ``what`` in a fork of this process, and returns what it returned (as JSON)."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Later Pythons warn of a fork beside threads; Celery's prefork is just that.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writer, json.dumps(what()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    assert os.waitpid(pid, 0)[1] == 0
    return json.loads(answer)


def test_the_child_of_a_fork_begins_anew_and_leaves_its_parent_alone(settings: Settings) -> None:
    with opened(settings) as cache:
        load = Loader()
        cache.get(PRODUCT, SHOP, 5, load)
        process = cache._enter()
        # As another thread of the parent might: whoever took these along would wait for ever.
        locks = [
            process.local._lock,
            process.counters._lock,
            process.loading._flights._lock,
            process.shared._pending._lock,
            process.shared._pending._delivering,
            process.channel._starting,
            process.shared.rest._lock,
        ]

        def child() -> dict[str, Any]:
            found = cache.get(PRODUCT, SHOP, 5, load)
            had = counted(cache, "local")
            hearing(cache)
            cache.get(PRODUCT, SHOP, 5, load)
            cache.get(PRODUCT, SHOP, 5, load)
            told = {
                "had": had,
                "title": found.title if found else None,
                "local": counted(cache, "local"),
                "threads": threads_named(cache, THREAD),
                "origin": cache._enter().origin,
                "draw": cache._enter().loading._fetching._rng.random(),
            }
            cache.invalidate(SHOP, ["product:5"])
            return told

        for lock in locks:
            lock.acquire()
        try:
            told = [in_child(child)]
        finally:
            for lock in locks:
                lock.release()
        load.value = product(title="new")

        def heard() -> bool:
            return cache.get(PRODUCT, SHOP, 5, load) == product(title="new")

        wait_until(heard, 10, "the child's invalidation has reached its parent")
        told.append(in_child(child))
        assert counted(cache, "gap") == 0, "the parent's own connection was not touched"
        assert cache.stats().hears
        for one in told:
            assert (one["had"], one["threads"]) == (0, 1), "nothing of its parent's, and one thread"
            assert one["local"] >= 1
        assert [one["title"] for one in told] == ["Shirt", "new"]
        assert len({one["origin"] for one in told} | {process.origin}) == 3
        assert len({one["draw"] for one in told}) == 2, "children of one parent draw differently"


def test_a_member_that_ends_hands_in_its_counts(settings: Settings, notes: Any) -> None:
    with Member(settings) as member:
        member.call(read)
        key = f"{settings.avnu_namespace}:cc"
        with scratch(settings) as client:
            client.select(0)

            def arrived() -> bool:
                found: Any = client.hget(key, "product loaded")
                return bool(found == b"1")

            wait_until(arrived, 20, "its counts are on Redis")
