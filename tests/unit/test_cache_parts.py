"""Resting, pending invalidations, flights, counters: each alone."""

import threading

import pytest

from avnu.cache.channel import Hearing
from avnu.cache.counters import Counters, Outcome
from avnu.cache.flights import Flights
from avnu.cache.local import EVERY_SHOP, Held, Local
from avnu.cache.pending import Pending, Telling
from avnu.cache.rest import Rest
from avnu.clock import SystemClock
from tests.support.cache import OTHER, SHOP
from tests.unit.test_cache_local import Hands

# ---- resting


def test_after_a_failure_one_call_per_rest_may_try() -> None:
    clock = Hands()
    rest = Rest(clock, 1.0)
    assert rest.may_ask()
    assert rest.may_ask()
    assert rest.failed()
    assert not rest.failed(), "news only once"
    assert rest.resting
    assert not rest.may_ask()
    clock.now += 1.0
    assert [rest.may_ask() for _ in range(3)] == [True, False, False]
    rest.failed()
    clock.now += 0.99
    assert not rest.may_ask()
    clock.now += 0.01
    assert rest.may_ask()
    rest.worked()
    assert not rest.resting
    assert [rest.may_ask() for _ in range(3)] == [True, True, True]


# ---- pending


def test_pending_merges_by_shop_and_hands_over_in_order() -> None:
    pending = Pending()
    assert not pending
    pending.add(SHOP, ["a"])
    pending.add(OTHER, ["x"])
    pending.add(SHOP, ["b"])
    pending.add(OTHER, [])
    pending.add(OTHER, ["y"])
    assert pending
    told: list[tuple[str, frozenset[str]]] = []
    assert pending.deliver(_noting(told))
    assert told == [(SHOP, frozenset({"a", "b"})), (OTHER, frozenset())], "no tags is the shop"
    assert not pending


def test_what_could_not_be_handed_over_stays() -> None:
    pending = Pending()
    pending.add(SHOP, ["a"])
    assert not pending.deliver(lambda *_: False)
    assert pending
    with pytest.raises(KeyboardInterrupt):
        pending.deliver(_interrupted)
    assert pending
    assert pending.deliver(lambda *_: True)
    assert not pending


def _noting(told: list[tuple[str, frozenset[str]]]) -> Telling:
    def tell(shop: str, tags: frozenset[str]) -> bool:
        told.append((shop, tags))
        return True

    return tell


def _interrupted(shop: str, tags: frozenset[str]) -> bool:
    raise KeyboardInterrupt


def test_what_comes_while_the_same_is_handed_over_is_handed_over_again() -> None:
    pending = Pending()
    pending.add(SHOP, ["a"])
    told = []

    def tell(shop: str, tags: frozenset[str]) -> bool:
        told.append(tags)
        if len(told) == 1:
            pending.add(SHOP, ["a"])
        return True

    assert pending.deliver(tell)
    assert told == [frozenset({"a"})] * 2


def test_who_asks_during_a_delivery_waits_for_it() -> None:
    pending = Pending()
    pending.add(SHOP, ["a"])
    begun, go_on = threading.Event(), threading.Event()

    def tell(shop: str, tags: frozenset[str]) -> bool:
        begun.set()
        return go_on.wait(5)

    one = threading.Thread(target=pending.deliver, args=(tell,))
    one.start()
    assert begun.wait(5)
    assert pending, "not told yet: Redis' word is not good"
    go_on.set()
    assert pending.deliver(tell)
    one.join()
    assert not pending


def test_too_many_shops_become_everything() -> None:
    pending = Pending()
    for number in range(10_001):
        pending.add(f"shop-{number}", ["a"])
    told: list[tuple[str, frozenset[str]]] = []
    pending.deliver(_noting(told))
    assert told == [(EVERY_SHOP, frozenset())]


# ---- flights


def test_the_first_loads_and_the_others_join_until_an_invalidation() -> None:
    local = Local(1000, SystemClock())
    flights = Flights(local)
    key, tags = ("product", SHOP, "5"), ("product", "product:5")
    first, mine = flights.join(key, tags)
    assert mine
    assert flights.join(key, tags) == (first, False)
    local.drop(SHOP, ("product:6",))
    assert flights.join(key, tags) == (first, False), "another product"
    local.drop(SHOP, ("product:5",))
    second, mine = flights.join(key, tags)
    assert mine, "who asks after an invalidation does not get what was loaded before it"
    with flights.landing(key, first):
        first.held = Held("old", 0, (), 0.0, 0.0, 0)
    assert flights.join(key, tags) == (second, False), "the old load has not ended the new one"
    with pytest.raises(ValueError, match="no"), flights.landing(key, second):
        raise ValueError("no")
    assert second.done.is_set()
    assert isinstance(second.error, ValueError)
    assert flights.join(key, tags)[1], "after its end the next one loads"


def test_an_interrupted_load_has_neither_value_nor_error() -> None:
    flights = Flights(Local(1000, SystemClock()))
    flight, _ = flights.join(("product", SHOP, "5"), ())
    with pytest.raises(SystemExit), flights.landing(("product", SHOP, "5"), flight):
        raise SystemExit
    assert flight.done.is_set()
    assert (flight.held, flight.error) == (None, None)


# ---- counters


def test_counters_are_handed_in_once() -> None:
    counters = Counters()
    counters.add("product", Outcome.LOADED)
    counters.add("product", Outcome.LOADED, 2)
    unsent = counters.take_unsent()
    assert unsent == {("product", "loaded"): 3}
    assert counters.take_unsent() == {}
    counters.give_back(unsent)
    counters.add("product", Outcome.LOADED)
    assert counters.take_unsent() == {("product", "loaded"): 4}
    assert counters.all() == {("product", "loaded"): 4}


# ---- hearing


def test_each_answer_is_good_from_its_question_on_and_silence_is_noticed() -> None:
    hearing = Hearing(100.0)
    assert not hearing.may_ask(100.9), "the subscription is not confirmed"
    assert not hearing.deaf(101.5)
    assert hearing.deaf(101.51)
    assert hearing.answered() == 100.0
    assert not hearing.deaf(999.0)
    assert not hearing.may_ask(100.4)
    assert hearing.may_ask(100.6)
    assert not hearing.may_ask(101.9), "one question at a time"
    assert not hearing.deaf(102.0)
    assert hearing.deaf(102.2)
    assert hearing.answered() == 100.6
