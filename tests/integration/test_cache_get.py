"""What one process gets from the cache: hits, misses, lifetimes, versions, failures."""

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis

from avnu.cache import Cache, Loaded
from avnu.cache.entry import Entry, unpack
from avnu.cache.kinds import PRODUCT
from avnu.cache.kinds import SHOP as SHOP_KIND
from avnu.cache.values import Product, ShopProfile
from avnu.keys import Keys
from avnu.settings import Settings
from tests.support.cache import (
    OTHER,
    SHOP,
    Loader,
    at,
    closed,
    counted,
    hearing,
    made,
    opened,
    product,
    quick,
)
from tests.support.moved_clock import MovedClock
from tests.support.servers import Server
from tests.support.waiting import wait_until


@pytest.fixture
def cache(settings: Settings) -> Iterator[Cache]:
    with opened(settings) as one:
        yield one


@pytest.fixture
def second(settings: Settings) -> Iterator[Cache]:
    """Another process' cache, as far as Redis can tell."""
    with opened(settings) as one:
        yield one


@pytest.fixture
def db(server: Server) -> Iterator[Any]:
    with server.client() as client:
        yield client


def entry_of(db: "redis.Redis", settings: Settings, where: str = "") -> Entry | None:
    raw: Any = db.get(Keys(settings.avnu_namespace).of("cache_entry", where or at()))
    return None if raw is None else unpack(raw)


def test_loaded_once_then_from_the_process_then_from_redis(cache: Cache, second: Cache) -> None:
    load = Loader()
    first = cache.get(PRODUCT, SHOP, 5, load)
    assert first == product()
    assert cache.get(PRODUCT, SHOP, "5", load) is first, "a number and its text are one id"
    assert second.get(PRODUCT, SHOP, 5, load) == first
    assert load.calls == 1
    ends = [counted(cache, end) for end in ("loaded", "local")] + [counted(second, "shared")]
    assert ends == [1, 1, 1]


def test_shops_kinds_and_ids_do_not_mix(cache: Cache) -> None:
    profile = ShopProfile(name="One", plan="basic", currency="EUR", timezone="UTC")
    assert cache.get(SHOP_KIND, SHOP, "", lambda: Loaded(profile)) == profile
    assert cache.get(PRODUCT, SHOP, 5, Loader(product(5, "a"))) == product(5, "a")
    assert cache.get(PRODUCT, SHOP, 6, Loader(product(6, "b"))) == product(6, "b")
    assert cache.get(PRODUCT, OTHER, 5, Loader(product(5, "c"))) == product(5, "c")
    assert cache.get(PRODUCT, SHOP, 5, Loader()) == product(5, "a")


@pytest.mark.parametrize("bad", ["a b", "a\nb", "a\tb", "x" * 201])
def test_an_id_that_cannot_be_part_of_a_key_is_the_callers_fault(cache: Cache, bad: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        cache.get(PRODUCT, SHOP, bad, Loader())
    with pytest.raises(ValueError, match="tag"):
        cache.invalidate(SHOP, [bad])


def test_values_above_2_kb_are_deflated_on_redis(
    cache: Cache, second: Cache, db: Any, settings: Settings
) -> None:
    wide = product(title=" ".join(str(number) for number in range(10**12, 10**12 + 1000)))
    assert cache.get(PRODUCT, SHOP, 5, Loader(wide)) == wide
    stored = entry_of(db, settings)
    assert stored is not None
    assert stored.form == "z"
    assert len(stored.data) < len(msgspec.msgpack.encode(wide)) / 2
    assert second.get(PRODUCT, SHOP, 5, Loader()) == wide


def test_too_large_a_value_is_returned_and_not_kept(settings: Settings, db: Any) -> None:
    with opened(settings, cache_value_bytes=1024) as cache:
        load = Loader(product(title="".join(chr(33 + n * n % 1777) for n in range(1900))))
        for _ in range(2):
            assert cache.get(PRODUCT, SHOP, 5, load) == load.value
        assert load.calls == 2
        assert counted(cache, "too_large") == 2
        assert entry_of(db, settings) is None


# ---- what does not exist


def test_that_something_does_not_exist_is_remembered_for_a_time_of_its_own(
    settings: Settings, db: Any
) -> None:
    with opened(settings, cache_negative_seconds=60) as cache:
        load = Loader()
        load.value = None
        assert [cache.get(PRODUCT, SHOP, 5, load) for _ in range(3)] == [None] * 3
        assert load.calls == 1
        stored = entry_of(db, settings)
        assert stored is not None
        assert 54_000 <= stored.fresh_ms == stored.keep_ms <= 66_000
        assert cache.invalidate(SHOP)
    with opened(settings, cache_negative_seconds=0.2) as cache:
        load = Loader()
        load.value = None
        assert cache.get(PRODUCT, SHOP, 5, load) is None
        load.value = product()
        wait_until(lambda: cache.get(PRODUCT, SHOP, 5, load) is not None, 10, "it is asked again")
        assert load.calls == 2


def test_nothing_is_not_served_in_place_of_what_cannot_be_loaded(settings: Settings) -> None:
    with opened(settings, cache_negative_seconds=0.2) as cache:
        load = Loader()
        load.value = None
        cache.get(PRODUCT, SHOP, 5, load)
        load.error = ConnectionError("Shopify is out")

        def raised() -> bool:
            try:
                return cache.get(PRODUCT, SHOP, 5, load) is not None
            except ConnectionError:
                return True

        wait_until(raised, 10, "the error comes through once the nothing has ended")


# ---- versions


def test_an_older_version_than_asked_for_is_a_miss(cache: Cache, second: Cache) -> None:
    load = Loader(product(title="old"), version=10)
    cache.get(PRODUCT, SHOP, 5, load)
    second.get(PRODUCT, SHOP, 5, load)
    assert load.calls == 1
    load.value, load.version = product(title="new"), 11
    found = second.get(PRODUCT, SHOP, 5, load, at_least=11)
    assert found == product(title="new")
    assert cache.get(PRODUCT, SHOP, 5, load, at_least=11) == found
    assert load.calls == 2, "the second found the newer one on Redis"
    assert cache.get(PRODUCT, SHOP, 5, load, at_least=10) == found


def test_an_answer_that_is_behind_is_returned_and_asked_for_again(cache: Cache) -> None:
    load = Loader(version=10)
    for _ in range(2):
        assert cache.get(PRODUCT, SHOP, 5, load, at_least=11) == product()
    assert (load.calls, counted(cache, "behind")) == (2, 2)
    assert cache.get(PRODUCT, SHOP, 5, load) == product()
    assert load.calls == 2


def test_an_older_answer_does_not_replace_a_newer_entry(
    cache: Cache, second: Cache, db: Any, settings: Settings
) -> None:
    """Two loads at once, and the one that read first stores last."""
    stored_newer = threading.Event()
    newer = Loader(product(title="new"), version=11)

    def slow() -> Loaded[Any]:
        second.get(PRODUCT, SHOP, 5, newer, at_least=11)
        stored_newer.set()
        return Loaded(product(title="old"), 10)

    # The second waits for the first's lease; it is shorter here than the load.
    with opened(settings, cache_lease_seconds=0.4) as first:
        assert first.get(PRODUCT, SHOP, 5, slow) == product(title="old")
        assert stored_newer.is_set()
        assert counted(first, "older") == 1
        stored = entry_of(db, settings)
        assert stored is not None
        assert stored.version == 11
        assert first.get(PRODUCT, SHOP, 5, Loader()) == product(title="new")


# ---- lifetimes


def test_lifetimes_are_spread_by_the_jitter(cache: Cache, db: Any, settings: Settings) -> None:
    lengths = set()
    for number in range(40):
        cache.get(PRODUCT, SHOP, number, Loader())
        stored = entry_of(db, settings, at(number))
        assert stored is not None
        lengths.add(stored.fresh_ms)
        assert 0.9 * PRODUCT.fresh_s * 1000 <= stored.fresh_ms <= 1.1 * PRODUCT.fresh_s * 1000
        assert stored.keep_ms == PRODUCT.keep_s * 1000
    assert len(lengths) > 30
    assert max(lengths) - min(lengths) > 0.1 * PRODUCT.fresh_s * 1000


def test_a_caller_may_want_it_fresher(cache: Cache, second: Cache) -> None:
    load = Loader()
    cache.get(PRODUCT, SHOP, 5, load)
    assert cache.get(PRODUCT, SHOP, 5, load, ttl_s=60) == product()
    assert load.calls == 1
    for calls, reader in ((2, cache), (3, second)):
        # It is no older than the end of its load tells, however long that took.
        loaded_s = time.monotonic()
        wait_until(
            lambda since_s=loaded_s: time.monotonic() > since_s + 0.06,  # type: ignore[misc]
            5,
            "it is older than 50 ms",
        )
        reader.get(PRODUCT, SHOP, 5, load, ttl_s=0.05)
        assert load.calls == calls


def test_a_process_asks_redis_again_after_its_own_longest_time(settings: Settings) -> None:
    with opened(settings, cache_local_seconds=0.2) as cache:
        load = Loader()
        cache.get(PRODUCT, SHOP, 5, load)

        def asked_redis() -> bool:
            cache.get(PRODUCT, SHOP, 5, load)
            return counted(cache, "shared") == 1

        wait_until(asked_redis, 10, "it comes from Redis once more")
        assert load.calls == 1


@pytest.mark.parametrize(
    ("takes_s", "drawn", "early"), [(4.0, 10.0, 1), (4.0, 1.0, 0), (0.1, 10.0, 0)]
)
def test_some_load_early_and_more_so_the_longer_a_load_takes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, takes_s: float, drawn: float, early: int
) -> None:
    """XFetch: by the lot that a caller draws, times what the load took; the lot is given here."""
    kind, load, clock = quick(30.0, 60.0), Loader(), MovedClock(time.monotonic())

    def slow() -> Loaded[Product]:
        clock.sleep(takes_s)
        return load()

    with opened(settings, cache_jitter_percent=0) as cache:
        fetching = cache._enter().loading._fetching
        monkeypatch.setattr(fetching._calling, "_clock", clock)
        cache.get(kind, SHOP, 5, slow)
        monkeypatch.setattr(fetching, "_draw", lambda: drawn)
        cache.get(kind, SHOP, 5, slow)
        assert counted(cache, "early") == 0, "a hit in the process draws none"
        cache._enter().local.drop(SHOP)  # this process forgets; Redis does not
        cache.get(kind, SHOP, 5, slow)
        assert counted(cache, "early") == early
        assert load.calls == 1 + early


def test_quick_loads_are_not_repeated_early(cache: Cache) -> None:
    load = Loader()
    for _ in range(300):
        cache._enter().local.drop(SHOP)
        cache.get(PRODUCT, SHOP, 5, load)
    assert load.calls == 1


# ---- loads that fail


def test_an_error_passes_through_when_there_is_nothing_to_serve(cache: Cache) -> None:
    load = Loader()
    load.error = LookupError("no")
    for _ in range(2):
        with pytest.raises(LookupError):
            cache.get(PRODUCT, SHOP, 5, load)
    assert load.calls == 2, "the lease was given back"
    load.error = None
    assert cache.get(PRODUCT, SHOP, 5, load) == product()


def test_a_failing_loader_serves_what_was_and_is_asked_once_per_throttle_time(
    settings: Settings,
) -> None:
    kind = quick(0.1, 60.0)
    with (
        opened(settings, cache_throttle_seconds=1, cache_jitter_percent=0) as one,
        opened(settings, cache_throttle_seconds=1, cache_jitter_percent=0) as two,
    ):
        load = Loader()
        one.get(kind, SHOP, 5, load)
        load.error = ConnectionError("Shopify is out")
        served = 0

        def asked_three_times() -> bool:
            nonlocal served
            for cache in (one, two):
                assert cache.get(kind, SHOP, 5, load) == product()
                served += 1
            return load.calls == 4  # the first was the one that worked

        wait_until(asked_three_times, 30, "it is tried again and again")
        asked_s = load.asked_s[1:]
        gaps = [after - before for before, after in itertools.pairwise(asked_s)]
        stale = counted(one, "stale") + counted(two, "stale")
    print(
        f"\na failing loader, two caches: {served} served in {asked_s[-1] - asked_s[0]:.1f} s, "
        f"asked {len(asked_s)} times, {min(gaps):.2f} s apart"
    )
    assert served > 10 * len(asked_s)
    assert min(gaps) > 0.99
    assert stale > 0


def test_a_failing_loader_serves_what_was_no_longer_than_it_is_kept(settings: Settings) -> None:
    kind = quick(0.1, 1.0)
    begun_s = time.monotonic()
    with opened(settings, cache_throttle_seconds=1) as cache:
        load = Loader()
        cache.get(kind, SHOP, 5, load)
        load.error = ConnectionError("Shopify is out")

        def ended_s() -> float:
            try:
                assert cache.get(kind, SHOP, 5, load) == product()
            except ConnectionError:
                return time.monotonic() - begun_s
            return 0.0

        assert wait_until(ended_s, 20, "the error comes through") >= kind.keep_s


def test_some_errors_are_never_hidden_by_a_stale_value(settings: Settings) -> None:
    class TimeIsOver(Exception):
        """As Celery's soft time limit, raised inside the load by a signal."""

    kind = quick(0.0, 60.0)
    cache = made(settings)
    cache._passing = (TimeIsOver,)
    hearing(cache)
    try:
        load = Loader()
        cache.get(kind, SHOP, 5, load)
        for error in (TimeIsOver(), KeyboardInterrupt()):
            load.error = error
            with pytest.raises(type(error)):
                cache.get(kind, SHOP, 5, load)
        load.error = None
        load.value = product(title="new")
        assert cache.get(kind, SHOP, 5, load) == product(title="new"), "the lease was given back"
    finally:
        closed(cache)


def test_while_another_loads_the_last_value_is_served_at_once(cache: Cache, second: Cache) -> None:
    kind = quick(0.0, 60.0)
    cache.get(kind, SHOP, 5, Loader())
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Loaded[Product]:
        begun.set()
        go_on.wait(20)
        return Loaded(product(title="new"))

    loading = threading.Thread(target=cache.get, args=(kind, SHOP, 5, slow))
    loading.start()
    assert begun.wait(5)
    assert second.get(kind, SHOP, 5, Loader(product(title="never"))) == product()
    assert counted(second, "stale") == 1
    go_on.set()
    loading.join()


# ---- entries nobody can read


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x00" * 50])
def test_what_cannot_be_read_is_loaded_anew(
    cache: Cache, second: Cache, db: Any, settings: Settings, junk: bytes
) -> None:
    load = Loader()
    cache.get(PRODUCT, SHOP, 5, load)
    db.set(Keys(settings.avnu_namespace).of("cache_entry", at()), junk)
    assert second.get(PRODUCT, SHOP, 5, load) == product()
    assert load.calls == 2


def test_an_entry_of_another_type_is_replaced(
    cache: Cache, second: Cache, db: Any, settings: Settings
) -> None:
    load = Loader()
    cache.get(PRODUCT, SHOP, 5, load)
    stored = entry_of(db, settings)
    assert stored is not None
    odd = msgspec.structs.replace(stored, data=msgspec.msgpack.encode(["another", "type"]))
    db.set(Keys(settings.avnu_namespace).of("cache_entry", at()), odd.pack(), px=60_000)
    assert second.get(PRODUCT, SHOP, 5, load) == product()
    assert (load.calls, counted(second, "unreadable")) == (2, 1)
    fixed = entry_of(db, settings)
    assert fixed is not None
    assert fixed.data == stored.data


def test_a_newer_schema_does_not_read_older_entries(cache: Cache) -> None:
    load = Loader()
    cache.get(PRODUCT, SHOP, 5, load)
    cache._enter().local.drop(SHOP)
    cache.get(msgspec.structs.replace(PRODUCT, schema=PRODUCT.schema + 1), SHOP, 5, load)
    assert load.calls == 2


# ---- room on the server


def test_a_full_server_is_left_to_the_inbox(tmp_path: Any) -> None:
    with Server(tmp_path, extra=["--maxmemory", "20mb"]) as server, server.client(0) as db:
        settings = Settings.load(server.environ())
        fill(db, 85)
        with opened(settings) as cache:
            load = Loader()
            for _ in range(2):
                assert cache.get(PRODUCT, SHOP, 5, load) == product()
            assert (load.calls, counted(cache, "server_full")) == (2, 2)
            assert entry_of(db, settings) is None
            db.config_set("maxmemory", "10mb")
            # Beyond its limit it refuses leases too; then loads are direct, and invalidations work.
            assert cache.get(PRODUCT, SHOP, 6, load) == product()
            assert counted(cache, "refused") >= 1
            assert cache.invalidate(SHOP, ["product:5"])


def test_a_server_of_its_own_may_be_filled(tmp_path: Any) -> None:
    with Server(tmp_path, extra=["--maxmemory", "20mb"]) as server, server.client(0) as db:
        own = {"REDIS_CACHE_HOST": server.host, "REDIS_CACHE_PORT": str(server.port)}
        fill(db, 85)
        with opened(Settings.load(own)) as cache:
            load = Loader()
            for _ in range(2):
                cache.get(PRODUCT, SHOP, 7, load)
            assert load.calls == 1


def fill(db: Any, percent: int) -> None:
    """Until the server's memory is full to ``percent``."""
    for number in range(1000):
        memory = db.info("memory")
        if memory["used_memory"] * 100 >= memory["maxmemory"] * percent:
            return
        db.set(f"filling-{number}", b"x" * 100_000)
    pytest.fail("the server never became full")
