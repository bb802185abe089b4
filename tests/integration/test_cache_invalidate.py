"""Invalidation: what it reaches, what was under way, and what becomes of it when Redis is away."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from avnu.cache import Cache, Loaded, channel
from avnu.cache.kinds import LOCATIONS, PRODUCT, VARIANT
from avnu.cache.local import Held
from avnu.cache.peek import peek
from avnu.cache.values import Location, Product, Variant
from avnu.keys import Keys
from avnu.settings import Settings
from tests.support.cache import (
    LEASE_S,
    OTHER,
    REALLY_DEAF_S,
    SHOP,
    Loader,
    at,
    closed,
    counted,
    hearing,
    made,
    members,
    opened,
    product,
    quick,
    read_into_memory,
    scratch,
    title_changes_at,
)
from tests.support.servers import Server
from tests.support.waiting import wait_until

TRIALS = 200
REACH_S = 0.1


@pytest.fixture
def one(settings: Settings) -> Iterator[Cache]:
    with opened(settings) as cache:
        yield cache


@pytest.fixture
def two(settings: Settings) -> Iterator[Cache]:
    """Another process, as far as Redis and the messages can tell."""
    with opened(settings) as cache:
        yield cache


@pytest.fixture
def db(server: Server) -> Iterator[Any]:
    with server.client() as client:
        yield client


def both_hold(one: Cache, two: Cache, load: Loader) -> None:
    def held(cache: Cache) -> bool:
        cache.get(PRODUCT, SHOP, 5, load)
        return counted(cache, "local") >= 1

    # Where Redis is given little time, it may not have answered the first.
    assert wait_until(lambda: held(one) and held(two), 20, "both hold it")


@pytest.mark.parametrize("tags", [["product:5"], ["product"], [], ["variant:1", "product:5"]])
def test_it_reaches_the_caller_at_once_and_the_others_soon(
    one: Cache, two: Cache, tags: list[str]
) -> None:
    load = Loader()
    both_hold(one, two, load)
    load.value = product(title="new")
    assert one.invalidate(SHOP, tags)
    assert one.get(PRODUCT, SHOP, 5, load) == product(title="new")

    def new() -> bool:
        return two.get(PRODUCT, SHOP, 5, load) == product(title="new")

    wait_until(new, 10, "the other has heard")
    assert load.calls == 2


def test_other_things_and_other_shops_stay(one: Cache) -> None:
    load = Loader()
    for shop, number in ((SHOP, 5), (SHOP, 6), (OTHER, 5)):
        one.get(PRODUCT, shop, number, load)
    one.get(LOCATIONS, SHOP, "", lambda: Loaded((Location(id=1, name="x"),)))
    one.invalidate(SHOP, ["product:5"])
    one._enter().local.drop("")  # so that Redis is asked
    for shop, number in ((SHOP, 6), (OTHER, 5)):
        one.get(PRODUCT, shop, number, load)
    one.get(LOCATIONS, SHOP, "", lambda: pytest.fail("the locations were not invalidated"))
    assert load.calls == 3


def test_a_product_takes_its_variants_along(one: Cache, two: Cache) -> None:
    calls = 0

    def load() -> Loaded[Variant]:
        nonlocal calls
        calls += 1
        return Loaded(Variant(id=9, product_id=5, title=f"{calls}"))

    one.get(VARIANT, SHOP, 9, load)
    two.get(VARIANT, SHOP, 9, load)
    assert calls == 1
    one.invalidate(SHOP, [PRODUCT.tag(5)])

    def again() -> bool:
        found = two.get(VARIANT, SHOP, 9, load)
        return found is not None and found.title == "2"

    wait_until(again, 10, "the variant is loaded anew")


# ---- what was under way


@pytest.mark.parametrize("by_another", [False, True])
@pytest.mark.parametrize("tags", [["product:5"], []])
def test_a_value_whose_load_began_before_an_invalidation_is_not_stored(
    one: Cache, two: Cache, settings: Settings, tags: list[str], by_another: bool
) -> None:
    load = Loader(product(title="old"))

    def overtaken() -> Loaded[Product]:
        answer = load()
        (two if by_another else one).invalidate(SHOP, tags)
        load.value = product(title="new")
        return answer

    assert one.get(PRODUCT, SHOP, 5, overtaken) == product(title="old"), "it asked before"
    assert counted(one, "outdated") == 1
    with opened(settings) as third:
        assert peek(third._client, third._enter().shared.keys, PRODUCT, SHOP, "5") is None
    for cache in (one, two):
        assert cache.get(PRODUCT, SHOP, 5, load) == product(title="new")
    assert load.calls == 2


def test_who_asks_after_an_invalidation_waits_for_no_load_from_before_it(
    settings: Settings,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Loaded[Product]:
        begun.set()
        go_on.wait(LEASE_S)
        return Loaded(product(title="old"))

    with (
        opened(settings, cache_lease_seconds=LEASE_S) as one,
        opened(settings, cache_lease_seconds=LEASE_S) as two,
    ):
        loading = threading.Thread(target=one.get, args=(PRODUCT, SHOP, 5, slow))
        loading.start()
        assert begun.wait(20)
        one.invalidate(SHOP, ["product:5"])
        new = Loader(product(title="new"))
        asked_s = time.monotonic()
        for cache in (one, two):
            assert cache.get(PRODUCT, SHOP, 5, new) == product(title="new")
        assert time.monotonic() - asked_s < LEASE_S / 2
        go_on.set()
        loading.join()
        for cache in (one, two):
            assert cache.get(PRODUCT, SHOP, 5, new) == product(title="new")
        assert new.calls == 1


def test_nor_for_one_whose_tags_only_the_value_tells(one: Cache) -> None:
    """A variant's product is known once it is loaded, too late to keep others from joining."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Loaded[Variant]:
        begun.set()
        go_on.wait(20)
        return Loaded(Variant(id=9, product_id=5, title="old"))

    found: list[Variant | None] = []

    def ask() -> None:
        new = Loaded(Variant(id=9, product_id=5, title="new"))
        found.append(one.get(VARIANT, SHOP, 9, lambda: new))

    loading = threading.Thread(target=one.get, args=(VARIANT, SHOP, 9, slow))
    loading.start()
    assert begun.wait(20)
    one.invalidate(SHOP, [PRODUCT.tag(5)])
    asking = threading.Thread(target=ask)
    asking.start()
    go_on.set()
    for thread in (loading, asking):
        thread.join()
    assert [variant.title for variant in found if variant] == ["new"]


def test_never_an_older_value_than_the_last_invalidation_the_process_made(
    settings: Settings,
) -> None:
    """A race: writers commit, invalidate and compare, while readers fill both processes."""
    with opened(settings) as one, opened(settings) as two:
        committed = 0
        wrong: list[str] = []
        raced = threading.Event()
        lock = threading.Lock()

        def load() -> Loaded[Product]:
            seen = committed
            time.sleep(0.001)
            return Loaded(product(title=str(seen)))

        def writer(cache: Cache) -> None:
            nonlocal committed
            while not raced.is_set():
                with lock:
                    committed += 1
                    mine = committed
                cache.invalidate(SHOP, ["product:5"])
                found = cache.get(PRODUCT, SHOP, 5, load)
                assert found is not None
                if int(found.title) < mine:
                    wrong.append(f"{found.title} after {mine}")

        def reader(cache: Cache) -> None:
            while not raced.is_set():
                cache.get(PRODUCT, SHOP, 5, load)

        threads = [threading.Thread(target=writer, args=(cache,)) for cache in (one, two)]
        threads += [threading.Thread(target=reader, args=(cache,)) for cache in (one, two) * 2]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: committed > 200, 60, "enough invalidations under reading")
        finally:
            raced.set()
            for thread in threads:
                thread.join()
        assert not wrong, wrong[:5]
        outdated = counted(one, "outdated") + counted(two, "outdated")
        print(f"\n{committed} invalidations under reading, {outdated} loads overtaken, 0 wrong")

        def settled() -> bool:
            found = [cache.get(PRODUCT, SHOP, 5, load) for cache in (one, two)]
            return all(value is not None and value.title == str(committed) for value in found)

        wait_until(settled, 10, "both have the last one")


# ---- marks


def test_marks_that_are_lost_make_everything_outdated_and_nothing_valid(
    one: Cache, two: Cache, db: Any, settings: Settings
) -> None:
    load = Loader()
    one.get(PRODUCT, SHOP, 5, load)
    one.invalidate(SHOP, ["product:6"])
    db.delete(Keys(settings.avnu_namespace).of("cache_marks", "one-shop"))  # as an eviction would
    two.get(PRODUCT, SHOP, 5, load)
    assert load.calls == 2


def test_many_invalidations_of_one_shop_take_no_more_than_so_much_memory(
    settings: Settings, db: Any
) -> None:
    marks = Keys(settings.avnu_namespace).of("cache_marks", "one-shop")
    with (
        opened(settings, cache_tags_per_shop=64) as one,
        opened(settings, cache_tags_per_shop=64) as two,
    ):
        load = Loader()
        both_hold(one, two, load)
        for number in range(100, 160):
            one.invalidate(SHOP, [f"product:{number}"])
        assert two.get(PRODUCT, SHOP, 5, load) == product()
        assert load.calls == 1
        for number in range(160, 180):
            one.invalidate(SHOP, [f"product:{number}"])
        assert db.hlen(marks) <= 64
        load.value = product(title="new")
        for cache in (one, two):
            wait_until(
                lambda cache=cache: cache.get(PRODUCT, SHOP, 5, load) == load.value,  # type: ignore[misc]
                10,
                "all of the shop was forgotten, in both",
            )


def test_marks_outlive_what_they_speak_of(one: Cache, db: Any, settings: Settings) -> None:
    names = Keys(settings.avnu_namespace)
    long = quick(10 * 86400.0, 20 * 86400.0)
    one.get(long, SHOP, 5, Loader())
    entry_ms = db.pttl(names.of("cache_entry", at()))
    assert db.pttl(names.of("cache_marks", "one-shop")) > entry_ms > 86400_000


def test_everything_is_dropped_everywhere(one: Cache, two: Cache) -> None:
    load = Loader()
    both_hold(one, two, load)
    one.get(PRODUCT, OTHER, 5, load)
    assert one.invalidate_everything()
    one.get(PRODUCT, SHOP, 5, load)
    one.get(PRODUCT, OTHER, 5, load)
    assert load.calls == 4
    wait_until(lambda: two.stats().values == 0, 10, "the other has heard")


# ---- Redis is away


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_an_invalidation_that_redis_did_not_hear_is_told_later(tmp_path: Any, how: str) -> None:
    with Server(tmp_path) as server:
        short = {"CACHE_REST_MS": "100"} | ({"CACHE_TIMEOUT_MS": "500"} if how == "hung" else {})
        settings = Settings.load({**server.environ(), **short})
        with opened(settings) as one, opened(settings) as two:
            load = Loader()
            both_hold(one, two, load)
            away, back = (
                (server.freeze, server.thaw) if how == "hung" else (server.kill, server.start)
            )
            away()
            try:
                load.value = product(title="new")
                assert not one.invalidate(SHOP, ["product:5"])
                assert one.get(PRODUCT, SHOP, 5, load) == load.value
            finally:
                back()
            one._enter().shared.rest.answered()  # so that it is asked at once
            # The old entry is still on Redis; whoever invalidated it does not read it again.
            assert one.get(PRODUCT, SHOP, 5, load) == load.value
            wait_until(
                lambda: two.get(PRODUCT, SHOP, 5, load) == load.value, 20, "the others are told"
            )
            wait_until(lambda: not one.stats().resting, 20, "Redis is used again")

            def kept() -> bool:
                calls = load.calls
                one.get(PRODUCT, SHOP, 5, load)
                return load.calls == calls

            wait_until(kept, 20, "it keeps values again")


@pytest.mark.parametrize("how", ["killed", "cut"])
def test_the_process_forgets_everything_when_it_could_not_hear(tmp_path: Any, how: str) -> None:
    with Server(tmp_path) as server:
        settings = Settings.load({**server.environ(), "CACHE_REST_MS": "100"})
        with opened(settings) as one:
            load = Loader()
            one.get(PRODUCT, SHOP, 5, load)
            assert one.stats().values == 1
            load.value = product(title="new")
            if how == "killed":
                server.restart(killed=True)
            with server.client() as db:
                # Behind its back: marks are gone, and nobody published anything.
                db.flushdb()
                if how == "cut":
                    db.client_kill_filter(_type="pubsub")
            wait_until(lambda: counted(one, "gap") >= 1, 20, "it noticed the gap")
            assert one.get(PRODUCT, SHOP, 5, load) == load.value
            wait_until(lambda: one.stats().hears, 20, "it hears again")

            def from_memory() -> bool:
                one.get(PRODUCT, SHOP, 5, load)
                return one.stats().values == 1

            wait_until(from_memory, 20, "it keeps values again")


def test_what_was_read_before_the_process_heard_is_not_kept(settings: Settings) -> None:
    cache = made(settings)
    local = cache._enter().local
    ticket = local.ticket()  # here it reads from Redis, and somebody invalidates that
    hearing(cache)
    forever_s = time.monotonic() + 3600
    held = Held(product(), 1, ("product", "product:5"), 0.0, forever_s, 1000)
    assert not local.keep(ticket, ("product", SHOP, "5"), held)
    assert local.keep(local.ticket(), ("product", SHOP, "5"), held)
    closed(cache)


def test_a_silent_channel_is_noticed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is cut off sees no error; only the missing answer tells."""
    monkeypatch.setattr(channel, "DEAF_S", REALLY_DEAF_S)
    with Server(tmp_path) as server, opened(Settings.load(server.environ())) as one:
        load = Loader()
        one.get(PRODUCT, SHOP, 5, load)
        server.freeze()
        begun_s = time.monotonic()
        try:
            wait_until(lambda: not one.stats().hears, 10, "it trusts its memory no more")
            noticed_s = time.monotonic() - begun_s
            wait_until(lambda: one.stats().values == 0, 20, "it has dropped everything")
        finally:
            server.thaw()
        print(f"\na frozen channel was noticed after {noticed_s:.2f} s")
        wait_until(lambda: one.stats().hears, 20, "it hears again")


def test_a_message_that_nobody_understands_drops_everything(
    one: Cache, db: Any, settings: Settings
) -> None:
    one.get(PRODUCT, SHOP, 5, Loader())
    assert one.stats().values == 1
    db.publish(Keys(settings.avnu_namespace).of("cache_channel"), b"from another release")
    wait_until(lambda: one.stats().values == 0, 10, "all is dropped")


# ---- how soon


@pytest.mark.alone
def test_it_reaches_four_processes_within_100_ms(settings: Settings) -> None:
    notes: Any = scratch(settings)
    notes.flushdb()
    writer = made(settings)
    delays: list[float] = []
    try:
        with members(settings) as processes:
            for trial in range(TRIALS):
                old, new = f"title {trial}", f"title {trial + 1}"
                notes.set("title", old)
                for process in processes:
                    process.start(read_into_memory)
                assert [process.result() for process in processes] == [old] * 4
                notes.set("title", new)
                for process in processes:
                    process.start(title_changes_at, new, 5.0)
                begun_s = time.monotonic()
                writer.invalidate(SHOP, ["product:5"])
                # The monotonic clock is the machine's: one for all processes.
                delays.append(max(process.result() for process in processes) - begun_s)
    finally:
        closed(writer)
        notes.close()
    delays.sort()
    p95 = delays[int(TRIALS * 0.95) - 1]
    print(
        f"\ninvalidation to the last of 4 processes, {TRIALS} trials: "
        f"median {delays[TRIALS // 2] * 1e3:.1f} ms, p95 {p95 * 1e3:.1f} ms, "
        f"longest {delays[-1] * 1e3:.1f} ms"
    )
    assert p95 <= REACH_S
