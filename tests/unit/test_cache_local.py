"""The values in the process: bound, lifetime, invalidation, and the races around them."""

import math
import random
import threading
import time
import tracemalloc

import pytest

from avnu.cache.local import EVERY_SHOP, Held, Key, Local
from avnu.cache.values import Product
from avnu.cache.weight import OVERHEAD, weight
from tests.support.cache import SHOP
from tests.support.moved_clock import MovedClock

LARGE = 1 << 30


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(1000.0)


@pytest.fixture
def local(clock: MovedClock) -> Local:
    made = Local(100_000, clock)
    made.trust(math.inf)
    return made


def held(
    clock: MovedClock,
    value: object = "v",
    tags: tuple[str, ...] = (),
    for_s: float = 10,
    **more: int,
) -> Held:
    size, version = more.get("size", 1000), more.get("version", 1)
    return Held(value, version, tags, clock.now, clock.now + for_s, size)


def key(number: int = 5, shop: str = SHOP) -> Key:
    return ("product", shop, str(number))


def keep(local: Local, where: Key, what: Held) -> bool:
    return local.keep(local.ticket(), where, what)


def test_kept_until_its_time(local: Local, clock: MovedClock) -> None:
    assert keep(local, key(), held(clock, for_s=10))
    assert local.find(key()) is not None
    clock.now += 9.99
    assert local.find(key()) is not None
    clock.now += 0.01
    assert local.find(key()) is None


def test_an_older_version_or_an_older_value_than_asked_for_is_a_miss(
    local: Local, clock: MovedClock
) -> None:
    keep(local, key(), held(clock, version=7))
    assert local.find(key(), 7) is not None
    assert local.find(key(), 8) is None
    clock.now += 2
    assert local.find(key(), None, 2.5) is not None
    assert local.find(key(), None, 2.0) is None
    assert local.take_hits() == {"product": 2}
    assert local.take_hits() == {}


def test_no_hit_of_any_thread_is_lost_or_counted_twice(local: Local, clock: MovedClock) -> None:
    keep(local, key(), held(clock))
    taken: list[int] = []

    def hit() -> None:
        for _ in range(5000):
            assert local.find(key()) is not None

    threads = [threading.Thread(target=hit) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.append(local.take_hits().get("product", 0))
    taken.append(local.take_hits().get("product", 0))
    assert sum(taken) == 20_000


def test_the_bound_in_bytes_holds_and_the_least_recently_used_go(
    local: Local, clock: MovedClock
) -> None:
    for number in range(100):
        keep(local, key(number), held(clock))
    assert local.size() == (100, 100_000)
    clock.now += 1.1  # use is noted once a second
    local.find(key(0))
    keep(local, key(100), held(clock, size=2000))
    assert local.find(key(0)) is not None
    assert local.find(key(1)) is None
    assert local.find(key(2)) is None
    assert local.size()[1] <= 100_000


def test_what_is_larger_than_everything_together_is_not_kept(
    local: Local, clock: MovedClock
) -> None:
    assert not keep(local, key(), held(clock, size=100_001))
    assert keep(local, key(), held(clock, size=100_000))


def test_a_tag_drops_what_carries_it_in_that_shop_alone(local: Local, clock: MovedClock) -> None:
    other = "other-shop.myshopify.com"
    keep(local, key(5), held(clock, tags=("product", "product:5")))
    keep(local, key(6), held(clock, tags=("product", "product:6")))
    keep(local, key(5, other), held(clock, tags=("product", "product:5")))
    local.drop(SHOP, ("product:5",))
    assert local.find(key(5)) is None
    assert local.find(key(6)) is not None
    assert local.find(key(5, other)) is not None
    local.drop(SHOP)
    assert local.find(key(6)) is None
    assert local.find(key(5, other)) is not None
    local.drop(EVERY_SHOP)
    assert local.find(key(5, other)) is None
    assert local.size() == (0, 0)


def test_what_was_read_before_an_invalidation_is_not_kept_after_it(
    local: Local, clock: MovedClock
) -> None:
    tags = ("product", "product:5")
    before = local.ticket()
    local.drop(SHOP, ("product:6",))
    local.drop("other-shop.myshopify.com")
    assert local.keep(before, key(5), held(clock, tags=tags)), "another product, another shop"
    for drop in ((SHOP, ("product:5",)), (SHOP, ()), (EVERY_SHOP, ())):
        before = local.ticket()
        local.drop(*drop)
        assert not local.keep(before, key(5), held(clock, tags=tags)), drop
        assert keep(local, key(5), held(clock, tags=tags))


def test_a_ticket_older_than_what_is_remembered_is_not_good(
    local: Local, clock: MovedClock
) -> None:
    before = local.ticket()
    for number in range(5000):
        local.drop("other-shop.myshopify.com", (f"product:{number}",))
    assert not local.keep(before, key(), held(clock))
    assert local.touched(before, SHOP, ())
    assert keep(local, key(), held(clock))


def test_touched_looks_at_a_span(local: Local) -> None:
    first = local.ticket()
    local.drop(SHOP, ("product:5",))
    second = local.ticket()
    local.drop(SHOP, ("product:6",))
    assert local.touched(first, SHOP, ("product:5",))
    assert not local.touched(second, SHOP, ("product:5",))
    assert local.touched(first, SHOP, ("product:6",))
    assert not local.touched(first, SHOP, ("product:6",), until=second)


def test_closed_it_neither_serves_nor_keeps(local: Local, clock: MovedClock) -> None:
    keep(local, key(), held(clock))
    local.trust(clock.now + 1)
    assert local.open
    clock.now += 1
    assert not local.open
    assert local.find(key()) is None
    assert not keep(local, key(6), held(clock))
    local.trust(math.inf)
    assert local.find(key()) is not None, "everything was heard after all"
    local.distrust()
    local.trust(math.inf)
    assert local.find(key()) is None


def test_what_goes_leaves_nothing_behind(clock: MovedClock) -> None:
    """Whether it was pushed out, ended, was replaced or dropped."""
    local = Local(100_000, clock)
    local.trust(math.inf)
    shelf = local._shelf
    rng = random.Random(1)
    for step in range(20_000):
        number = rng.randrange(300)
        tags = ("product", f"product:{number}", f"vendor:{rng.randrange(5)}")
        keep(local, key(number, f"shop-{number % 7}"), held(clock, tags=tags, for_s=rng.random()))
        clock.now += 0.001
        if step % 50 == 0:
            local.drop(f"shop-{rng.randrange(7)}", (f"vendor:{rng.randrange(5)}",))
        if step % 1000 == 0:
            local.size()
            assert set(shelf.front) == set(shelf) == set().union(*shelf._tagged.values())
            assert all(shelf._tagged.values())
            assert len(shelf.front) <= 100
    clock.now += 1
    assert local.size() == (0, 0)
    assert (shelf.front, shelf._tagged) == ({}, {})


def test_threads_that_keep_and_drop_leave_nothing_invalidated(clock: MovedClock) -> None:
    """A value is newer than the last drop that came before its ticket, or it is not there."""
    local = Local(LARGE, clock)
    local.trust(math.inf)
    truth = 0
    failures: list[str] = []
    stop = time.monotonic() + 0.5

    def writer() -> None:
        nonlocal truth
        while time.monotonic() < stop:
            truth += 1
            local.drop(SHOP, ("product:5",))

    def reader() -> None:
        while time.monotonic() < stop:
            ticket = local.ticket()
            seen = truth
            time.sleep(random.random() / 10_000)
            local.keep(ticket, key(), held(clock, value=seen, tags=("product:5",)))

    threads = [threading.Thread(target=writer)]
    threads += [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = local.find(key())
    if found is not None and found.value != truth:
        failures.append(f"{found.value} of {truth}")
    assert not failures
    assert truth > 100


def test_weight_is_no_less_than_what_a_value_takes(clock: MovedClock) -> None:
    """The bound is in bytes of this process, so the reckoning may be high, and not low."""
    local = Local(LARGE, clock)
    local.trust(math.inf)
    count = 2000
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        value = Product(
            id=10**12 + number, title=f"A shirt with number {number}", handle=f"h{number}"
        )
        shop = f"shop-{number}.myshopify.com"
        tags = ("product", f"product:{number}")
        keep(local, key(number, shop), held(clock, value, tags, size=weight(value)))
    taken = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    reckoned = local.size()[1] / count
    print(
        f"\na value takes {taken:.0f} bytes and is reckoned as {reckoned:.0f} (overhead {OVERHEAD})"
    )
    assert taken <= reckoned <= 2 * taken
