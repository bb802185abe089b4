"""Several values in one go, in one process: what is asked of Redis, of the loader, and when."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from avnu.cache import Cache, Loaded
from avnu.cache.counters import ENDS
from avnu.cache.kinds import PRODUCT, VARIANT
from avnu.cache.peek import peek
from avnu.cache.values import Product, Variant
from avnu.settings import Settings
from tests.support.cache import (
    LEASE_S,
    SHOP,
    Loader,
    ManyLoader,
    at,
    counted,
    opened,
    product,
    quick,
    round_trips,
)
from tests.support.servers import Server
from tests.support.waiting import wait_until

HUNDRED = range(100, 200)


@pytest.fixture
def cache(settings: Settings) -> Iterator[Cache]:
    with opened(settings, cache_lease_seconds=LEASE_S) as one:
        yield one


@pytest.fixture
def second(settings: Settings) -> Iterator[Cache]:
    """Another process' cache, as far as Redis can tell."""
    with opened(settings, cache_lease_seconds=LEASE_S) as one:
        yield one


def ends(cache: Cache) -> dict[str, int]:
    """How the ids that were asked for have ended."""
    found = {end.value: counted(cache, end.value) for end in ENDS}
    return {name: n for name, n in found.items() if n}


def stored(cache: Cache, number: int) -> Product | None:
    """The product on Redis, unless it is outdated."""
    found = peek(cache._client, cache._enter().shared.keys, PRODUCT, SHOP, str(number))
    value: Product | None = found.value if found is not None and not found.outdated else None
    return value


def forget(cache: Cache) -> None:
    """The process forgets; Redis does not."""
    cache._enter().local.drop(SHOP)


# ---- one load, and two round trips


def test_a_hundred_cold_ids_are_one_load_and_two_round_trips(cache: Cache, second: Cache) -> None:
    for reader in (cache, second):
        reader.get(PRODUCT, SHOP, 5, Loader())  # connections are open, scripts are there
    load = ManyLoader()
    expected = {number: product(number) for number in HUNDRED}
    trips = []
    for reader in (cache, cache, second):
        with round_trips() as sent:
            assert reader.get_many(PRODUCT, SHOP, HUNDRED, load) == expected
        trips.append(len(sent))
    print(f"\n100 ids: {trips[0]} round trips cold, {trips[1]} from the process, {trips[2]} warm")
    assert load.asked == [list(HUNDRED)]
    assert trips == [2, 0, 1]
    assert ends(cache) == {"loaded": 101, "local": 100}
    assert ends(second) == {"shared": 101}
    assert cache.get(PRODUCT, SHOP, 150, Loader()) == product(150), "each under its own key"


def test_only_what_is_missing_is_loaded(cache: Cache, second: Cache) -> None:
    load = ManyLoader()
    cache.get_many(PRODUCT, SHOP, range(100, 130), load)
    second.get_many(PRODUCT, SHOP, range(130, 150), load)
    found = cache.get_many(PRODUCT, SHOP, HUNDRED, load)
    assert list(found) == list(HUNDRED)
    assert load.asked[2:] == [list(range(150, 200))]
    assert ends(cache) == {"loaded": 30 + 50, "local": 30, "shared": 20}


def test_nothing_wanted_asks_nobody(cache: Cache) -> None:
    load = ManyLoader()
    with round_trips() as sent:
        assert cache.get_many(PRODUCT, SHOP, [], load) == {}
        assert cache.get_many(PRODUCT, SHOP, {}, load) == {}
    assert (len(sent), load.calls) == (0, 0)


def test_ids_that_come_twice_are_loaded_once(cache: Cache) -> None:
    load = ManyLoader()
    assert cache.get_many(PRODUCT, SHOP, [5, 6, 5], load) == {5: product(5), 6: product(6)}
    assert load.asked == [[5, 6]]
    assert ends(cache) == {"loaded": 2}


def test_an_id_that_cannot_be_part_of_a_key_is_the_callers_fault(cache: Cache) -> None:
    with pytest.raises(ValueError, match="tag"):
        cache.get_many(PRODUCT, SHOP, ["5", "a b"], lambda _: pytest.fail("nothing is loaded"))
    assert cache.get(PRODUCT, SHOP, 5, Loader()) == product(), "no lease was taken"


def test_what_the_loader_leaves_out_does_not_exist(cache: Cache, second: Cache) -> None:
    load = ManyLoader()
    load.missing = {6}
    for reader in (cache, cache, second):
        assert reader.get_many(PRODUCT, SHOP, [5, 6], load) == {5: product(5), 6: None}
    assert load.calls == 1
    assert cache.get(PRODUCT, SHOP, 6, Loader()) is None
    assert (counted(cache, "absent"), counted(second, "absent")) == (1, 1)


def test_each_id_has_a_least_version_of_its_own(cache: Cache, second: Cache) -> None:
    load = ManyLoader("old")
    load.version = 10
    wanted = {5: 10, 6: None, 7: 11, 8: 12}
    second.get_many(PRODUCT, SHOP, wanted, load)
    cache.get_many(PRODUCT, SHOP, wanted, load)
    assert counted(second, "behind") == 2
    assert load.asked == [[5, 6, 7, 8], [7, 8]], "an answer that is behind is asked for again"
    load.title, load.version = "new", 11
    found = cache.get_many(PRODUCT, SHOP, wanted, load)
    assert load.asked[2:] == [[7, 8]]
    titles = {number: one.title for number, one in found.items() if one is not None}
    assert titles == {5: "old", 6: "old", 7: "new", 8: "new"}


def test_a_caller_may_want_them_fresher(cache: Cache) -> None:
    load = ManyLoader()
    cache.get_many(PRODUCT, SHOP, [5, 6], load)
    cache.get_many(PRODUCT, SHOP, [5, 6], load, ttl_s=60)
    assert load.calls == 1
    cache.get_many(PRODUCT, SHOP, [5, 6], load, ttl_s=0.0)
    assert load.asked == [[5, 6], [5, 6]]


def test_what_is_due_early_is_loaded_with_the_rest(cache: Cache) -> None:
    kind = quick(3.0, 60.0)
    load = ManyLoader()
    load.meanwhile = lambda: time.sleep(0.15)
    cache.get_many(kind, SHOP, [5, 6], load)
    forget(cache)

    class Lot:
        """Draws the lot that makes a load due 4 s before its value's end."""

        random = staticmethod(lambda: 1e-12)
        getrandbits = staticmethod(lambda _: time.monotonic_ns())

    cache._enter().loading._fetching._rng = Lot()  # type: ignore[assignment]
    assert len(cache.get_many(kind, SHOP, [5, 6, 7], load)) == 3
    assert load.asked[1:] == [[5, 6, 7]]
    assert counted(cache, "early") == 2
    assert ends(cache) == {"loaded": 5}


# ---- what was under way


@pytest.mark.parametrize("by_another", [False, True])
def test_what_is_invalidated_between_reading_and_storing_is_not_stored(
    cache: Cache, second: Cache, by_another: bool
) -> None:
    load = ManyLoader("old")
    load.meanwhile = lambda: (second if by_another else cache).invalidate(SHOP, ["product:6"])
    assert cache.get_many(PRODUCT, SHOP, [5, 6, 7], load)[6] == product(6, "old")
    assert counted(cache, "outdated") == 1
    assert [stored(cache, number) for number in (5, 6, 7)] == [
        product(5, "old"), None, product(7, "old"),
    ]  # fmt: skip
    new = ManyLoader("new")
    for reader in (cache, second):
        assert reader.get_many(PRODUCT, SHOP, [5, 6, 7], new)[6] == product(6, "new")
    assert new.asked == [[6]]


def test_nor_what_is_invalidated_between_two_readings_of_one_round_trip(
    cache: Cache, second: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a shop: its epoch ends after the first reading, and begins anew with the second."""
    scripts = cache._enter().shared._scripts
    really = scripts.run_many

    def torn(client: Any, name: str, argvs: Sequence[Sequence[Any]]) -> list[Any]:
        if name != "cache_read":
            return really(client, name, argvs)
        first = really(client, name, argvs[:1])
        second.invalidate(SHOP)
        return first + really(client, name, argvs[1:])

    monkeypatch.setattr(scripts, "run_many", torn)
    load = ManyLoader("old")
    cache.get_many(PRODUCT, SHOP, [5, 6], load)
    assert [stored(cache, number) for number in (5, 6)] == [None, product(6, "old")]
    assert counted(cache, "outdated") == 1


def test_what_is_invalidated_once_it_was_read_is_not_kept_in_the_process(
    cache: Cache, second: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    second.get_many(PRODUCT, SHOP, [5, 6], ManyLoader())
    here = cache._enter()
    really = here.shared.read

    def overtaken(asked: Sequence[Any]) -> Any:
        answers = really(asked)
        here.local.drop(SHOP, ["product:5"])  # the message has come
        return answers

    monkeypatch.setattr(here.shared, "read", overtaken)
    assert len(cache.get_many(PRODUCT, SHOP, [5, 6], ManyLoader())) == 2
    assert ends(cache) == {"shared": 2}
    kept = [here.local.find(("product", SHOP, number)) is not None for number in ("5", "6")]
    assert kept == [False, True]


def test_tags_that_only_a_value_tells_are_heeded_too(cache: Cache) -> None:
    def load(ids: Sequence[int]) -> dict[int, Loaded[Variant]]:
        cache.invalidate(SHOP, [PRODUCT.tag(5)])
        return {id_: Loaded(Variant(id=id_, product_id=id_ % 10)) for id_ in ids}

    cache.get_many(VARIANT, SHOP, [15, 16], load)
    assert counted(cache, "outdated") == 1
    forget(cache)
    with pytest.raises(LookupError):
        cache.get(VARIANT, SHOP, 15, raising)
    assert cache.get(VARIANT, SHOP, 16, raising) == Variant(id=16, product_id=6)


def raising() -> Loaded[Any]:
    raise LookupError


# ---- loads that fail


def test_an_error_is_raised_where_something_has_no_spare_and_leases_are_given_back(
    cache: Cache, second: Cache
) -> None:
    kind = quick(0.0, 60.0)
    load = ManyLoader("old")
    cache.get_many(kind, SHOP, [5, 6], load)
    load.error = ConnectionError("Shopify is out")
    with pytest.raises(ConnectionError):
        cache.get_many(kind, SHOP, [5, 6, 7, 8], load)
    assert load.asked[1:] == [[5, 6, 7, 8]]
    assert ends(cache) == {"loaded": 2, "stale": 2, "failed": 2}
    assert counted(cache, "load_error") == 4
    # What has a spare is left alone for a while; the rest may be tried at once.
    new = ManyLoader("new")
    found = second.get_many(kind, SHOP, [5, 6, 7, 8], new)
    assert new.asked == [[7, 8]]
    titles = [one.title for one in found.values() if one is not None]
    assert titles == ["old", "old", "new", "new"]
    assert ends(second) == {"stale": 2, "loaded": 2}
    assert counted(second, "waited") == 0


def test_an_error_does_not_wait_for_what_another_process_is_loading(
    cache: Cache, second: Cache
) -> None:
    load, elsewhere = ManyLoader(), ManyLoader()
    load.error = ConnectionError("Shopify is out")

    def fail() -> None:
        with pytest.raises(ConnectionError):
            cache.get_many(PRODUCT, SHOP, [5, 6], load)

    elsewhere.meanwhile = fail
    second.get_many(PRODUCT, SHOP, [6], elsewhere)
    assert load.asked == [[5]]
    assert ends(cache) == {"failed": 2}


def test_with_spares_for_all_of_them_no_error_is_raised(cache: Cache) -> None:
    kind = quick(0.0, 60.0)
    load = ManyLoader("old")
    cache.get_many(kind, SHOP, [5, 6], load)
    load.error = ConnectionError("Shopify is out")
    for _ in range(3):
        found = cache.get_many(kind, SHOP, [5, 6], load)
        assert found == {5: product(5, "old"), 6: product(6, "old")}
    assert load.calls == 2, "then it is left alone"


def test_some_errors_are_never_hidden_by_a_stale_value(cache: Cache) -> None:
    class TimeIsOver(Exception):
        """As Celery's soft time limit, raised inside the load by a signal."""

    kind = quick(0.0, 60.0)
    cache._enter().loading._fetching._calling._passing = (TimeIsOver,)
    load = ManyLoader()
    cache.get_many(kind, SHOP, [5, 6], load)
    for error in (TimeIsOver(), KeyboardInterrupt()):
        load.error = error
        with pytest.raises(type(error)):
            cache.get_many(kind, SHOP, [5, 6], load)
    load.error, load.title = None, "new"
    found = cache.get_many(kind, SHOP, [5, 6], load)
    assert found == {5: product(5, "new"), 6: product(6, "new")}, "the leases were given back"
    assert ends(cache) == {"loaded": 4, "failed": 4}


# ---- entries that cannot be read, or stored


@pytest.mark.parametrize("removed", [True, False])
def test_what_cannot_be_read_is_loaded_anew(
    cache: Cache,
    second: Cache,
    server: Server,
    removed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not removed:
        monkeypatch.setattr(second._enter().shared, "remove", lambda _: None)
    load = ManyLoader()
    cache.get_many(PRODUCT, SHOP, range(10), load)
    name = cache._enter().shared.keys.of("cache_entry", at(5))
    with server.client() as client:
        raw: Any = client.get(name)
        client.set(name, raw.partition(b"\n")[0] + b"\nnonsense", px=60_000)
    assert second.get_many(PRODUCT, SHOP, range(10), load)[5] == product(5)
    assert load.asked[1:] == [[5]]
    assert counted(second, "unreadable") == (1 if removed else 2)
    assert stored(second, 5) == product(5)


def test_what_is_too_large_is_returned_and_not_kept(settings: Settings) -> None:
    with opened(settings, cache_value_bytes=1024) as cache:
        wide = product(6, "".join(chr(33 + n * n % 1777) for n in range(1900)))
        asked: list[list[int]] = []

        def load(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
            asked.append(list(ids))
            return {number: Loaded(wide if number == 6 else product(number)) for number in ids}

        for _ in range(2):
            assert cache.get_many(PRODUCT, SHOP, [5, 6, 7], load)[6] == wide
        assert asked == [[5, 6, 7], [6]]
        assert counted(cache, "too_large") == 2
        assert counted(cache, "waited") == 0, "the lease was given back"


# ---- threads of one process


def test_threads_share_what_each_loads_and_none_waits_for_another_in_a_circle(
    settings: Settings,
) -> None:
    with opened(settings, cache_lease_seconds=LEASE_S) as cache:
        loaded: Counter[int] = Counter()
        lock = threading.Lock()
        together = threading.Barrier(8)

        def load(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
            time.sleep(0.02)
            with lock:
                loaded.update(ids)
            return {number: Loaded(product(number)) for number in ids}

        wrong: list[object] = []

        def ask(number: int) -> None:
            wanted = [(number * 10 + step) % 80 for step in range(40)]
            together.wait(20)
            found = cache.get_many(PRODUCT, SHOP, wanted[:: 1 if number % 2 else -1], load)
            if found != {id_: product(id_) for id_ in wanted}:
                wrong.append(found)

        begun_s = time.monotonic()
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took_s = time.monotonic() - begun_s
        assert not wrong
        assert loaded == Counter(range(80)), "each of them once"
        assert sum(ends(cache).values()) == 8 * 40
        assert took_s < LEASE_S / 2


def test_what_has_come_is_not_held_back_by_what_another_process_is_loading(
    cache: Cache, second: Cache
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
        begun.set()
        go_on.wait(LEASE_S)
        return {number: Loaded(product(number, "slow")) for number in ids}

    elsewhere = threading.Thread(target=second.get_many, args=(PRODUCT, SHOP, [6], slow))
    elsewhere.start()
    assert begun.wait(20)
    load = ManyLoader("quick")
    waiting = threading.Thread(target=cache.get_many, args=(PRODUCT, SHOP, [5, 6], load))
    waiting.start()
    wait_until(lambda: counted(cache, "waited") == 1, 20, "one thread waits for the other process")
    wait_until(lambda: load.calls == 1, 20, "it has loaded its own")
    found = cache.get_many(PRODUCT, SHOP, [5, 7], load)
    assert not go_on.is_set()
    assert waiting.is_alive()
    go_on.set()
    waiting.join()
    elsewhere.join()
    assert found == {5: product(5, "quick"), 7: product(7, "quick")}
    assert load.asked == [[5], [7]]
    assert cache.get(PRODUCT, SHOP, 6, Loader()) == product(6, "slow")


def test_a_loader_may_ask_for_what_it_is_loading(cache: Cache) -> None:
    inner = ManyLoader("inner")
    single = Loader(product(5, "inner"))

    def outer(ids: Sequence[int]) -> Mapping[int, Loaded[Product]]:
        assert cache.get(PRODUCT, SHOP, 5, single) == single.value
        assert cache.get_many(PRODUCT, SHOP, [5, 6, 7], inner)[6] == product(6, "inner")
        return {number: Loaded(product(number, "outer")) for number in ids}

    begun_s = time.monotonic()
    assert cache.get_many(PRODUCT, SHOP, [5, 6], outer)[6] == product(6, "outer")
    assert time.monotonic() - begun_s < LEASE_S / 2, "no wait at all"
    assert (single.calls, inner.asked) == (1, [[7], [5, 6]])
