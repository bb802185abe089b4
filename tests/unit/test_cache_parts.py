"""Resting, pending invalidations, flights, counters: each alone."""

import threading

import pytest

from avnu.cache import channel
from avnu.cache.channel import Hearing
from avnu.cache.counters import Counters, Outcome
from avnu.cache.flights import Flight, Flights
from avnu.cache.local import EVERY_SHOP, Held, Key, Local
from avnu.cache.pending import Pending, Telling
from avnu.clock import SystemClock
from avnu.redis_rest import RedisRest
from tests.support.cache import OTHER, REALLY_DEAF_S, SHOP
from tests.support.moved_clock import MovedClock

# ---- resting


def test_after_a_failure_one_call_per_rest_may_try() -> None:
    clock = MovedClock(1000.0)
    rest = RedisRest(clock, 1.0)
    assert rest.may_ask()
    assert rest.may_ask()
    assert rest.failed()
    assert not rest.failed(), "news only once"
    assert rest.away
    assert not rest.may_ask()
    clock.now += 1.0
    assert [rest.may_ask() for _ in range(3)] == [True, False, False]
    rest.failed()
    clock.now += 0.99
    assert not rest.may_ask()
    clock.now += 0.01
    assert rest.may_ask()
    rest.answered()
    assert not rest.away
    assert [rest.may_ask() for _ in range(3)] == [True, True, True]
    assert rest.failed(), "news again"


def test_of_threads_that_ask_at_once_after_a_rest_one_may() -> None:
    clock = MovedClock(1000.0)
    rest = RedisRest(clock, 1.0)
    together = threading.Barrier(8)
    answers: list[bool] = []

    def ask() -> None:
        for _ in range(50):
            if together.wait(5) == 0:
                rest.failed()
                clock.now += 1.0
            together.wait(5)
            answers.append(rest.may_ask())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(answers), len(answers)) == (50, 400)


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
    held = Held("old", 0, (), 0.0, 0.0, 0)
    flights.land(key, first, held)
    assert first.done.is_set()
    assert first.held is held
    assert flights.join(key, tags) == (second, False), "the old load has not ended the new one"
    flights.land(key, second, ValueError("no"))
    assert second.done.is_set()
    assert isinstance(second.error, ValueError)
    assert flights.join(key, tags)[1], "after its end the next one loads"


def test_loads_that_are_interrupted_are_given_up_but_for_those_that_have_landed() -> None:
    flights = Flights(Local(1000, SystemClock()))
    held = Held("value", 0, (), 0.0, 0.0, 0)
    mine: dict[Key, Flight] = {}
    begun = []

    def interrupted() -> None:
        with flights.landing(mine):
            for number in ("5", "6"):
                key = ("product", SHOP, number)
                mine[key], _ = flights.join(key, ())
                begun.append(mine[key])
            # Interrupted before the caller has noted that it has landed.
            flights.land(("product", SHOP, "5"), begun[0], held)
            raise SystemExit

    with pytest.raises(SystemExit):
        interrupted()
    assert all(flight.done.is_set() for flight in begun)
    assert [(flight.held, flight.error) for flight in begun] == [(held, None), (None, None)]
    assert flights.join(("product", SHOP, "6"), ())[1], "the next one loads"


# ---- counters


def test_that_something_does_not_exist_is_counted_beside_how_it_ended() -> None:
    counters = Counters()
    counters.ended("product", Outcome.LOADED, "a product")
    counters.ended("product", Outcome.SHARED, None)
    assert counters.all() == {
        ("product", "loaded"): 1, ("product", "shared"): 1, ("product", "absent"): 1,
    }  # fmt: skip


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


def test_each_answer_is_good_from_its_question_on_and_silence_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "DEAF_S", REALLY_DEAF_S)
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
