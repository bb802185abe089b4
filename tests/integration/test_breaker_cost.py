"""What a guarded call costs: nothing but memory while closed, one round trip through the guards."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from pybreaker import CircuitBreaker, CircuitRedisStorage

from avnu.breaker import Breaker
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.guards import FLUSH_S, Class, Outcome, OutcomeKind, Permit, build_guards
from avnu.settings import Settings
from tests.support.breaker_table import most_at_once
from tests.support.waiting import standing_still

pytestmark = pytest.mark.alone

CALLS = 3000


@pytest.fixture
def client(settings: Settings) -> Iterator["redis.Redis"]:
    connections = Connections(settings)
    yield connections.cache()
    connections.close()


@pytest.fixture
def breaker(settings: Settings, client: "redis.Redis") -> Iterator[Breaker]:
    made = Breaker.of_shopify(settings, client)
    yield made
    made.shutdown()


def counting(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that sent something to Redis, one per round trip."""
    senders: list[str] = []
    send = client.execute_command

    def sent(*args: Any, **kwargs: Any) -> Any:
        senders.append(threading.current_thread().name)
        return send(*args, **kwargs)

    monkeypatch.setattr(client, "execute_command", sent)
    return senders


def per_call_us(*contestants: tuple[Callable[[], object], int]) -> list[float]:
    """The best of many short runs of each, taken in turns.

    In turns, because the machine has fast and slow moments that last longer than a run: whoever
    had only slow ones would be measured against the other's fast ones.
    """
    best = [float("inf")] * len(contestants)
    for _ in range(200):
        for i, (call, calls) in enumerate(contestants):
            begun = time.perf_counter()
            for _ in range(calls):
                call()
            best[i] = min(best[i], (time.perf_counter() - begun) / calls)
    return [seconds * 1e6 for seconds in best]


def test_closed_no_call_makes_a_round_trip(
    breaker: Breaker, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker.call(int)
    senders = counting(client, monkeypatch)
    begun = time.monotonic()
    for _ in range(CALLS):
        breaker.call(int)
        with breaker.calling("one"):
            pass
    took = time.monotonic() - begun
    assert [name for name in senders if not name.startswith("breaker")] == []
    assert len(senders) <= took / 0.25 + 2, "the thread brings them, four times a second"


def test_closed_is_thirty_times_cheaper_than_pybreaker_s_redis_storage(
    breaker: Breaker, client: "redis.Redis", namespace: str
) -> None:
    theirs = CircuitBreaker(state_storage=CircuitRedisStorage("closed", client, namespace))
    ours_us, theirs_us = per_call_us(
        (lambda: breaker.call(int), 300), (lambda: theirs.call(int), 20)
    )
    print(f"\nclosed: pybreaker on Redis {theirs_us:.0f} us, Avnu {ours_us:.2f} us per call, "
          f"{theirs_us / ours_us:.0f} times cheaper")  # fmt: skip
    assert theirs_us >= 30 * ours_us


def test_threads_are_not_serialised(breaker: Breaker) -> None:
    assert most_at_once(breaker) > 1


def test_through_the_guards_a_call_is_one_round_trip(
    settings: Settings, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    guards = build_guards(settings, client, SystemClock())
    try:
        done = Outcome(
            kind=OutcomeKind.OK, actual=1, available=1999, maximum=2000, restore_rate=1000
        )
        permit = guards.acquire("one.myshopify.com", "q", 1)
        assert isinstance(permit, Permit)
        guards.outcome(permit, done)
        guards.flush()
        senders = counting(client, monkeypatch)
        begun = time.monotonic()
        for _ in range(200):
            permit = guards.acquire("one.myshopify.com", "q", 1, Class.INTERACTIVE)
            assert isinstance(permit, Permit)
            guards.outcome(permit, done)
        mine = [name for name in senders if name == threading.current_thread().name]
        assert len(mine) == 200
        # Beside them, the thread may have brought an outcome before the next call did.
        assert len(senders) <= 200 + 2 + (time.monotonic() - begun) / FLUSH_S
    finally:
        guards.close()


def test_what_no_next_call_takes_along_is_brought_within_a_second(
    settings: Settings, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    guards = build_guards(settings, client, SystemClock())
    try:
        permit = guards.acquire("one.myshopify.com", "q", 1)
        assert isinstance(permit, Permit)
        brought = threading.Event()
        exchange = guards._exchange

        def noticed(*args: Any) -> Any:
            begun_s.append(time.monotonic())
            reply = exchange(*args)
            brought.set()
            return reply

        begun_s: list[float] = []
        monkeypatch.setattr(guards, "_exchange", noticed)
        told_s = time.monotonic()
        with standing_still() as still:
            guards.outcome(permit, Outcome(kind=OutcomeKind.OK, actual=1))
            assert brought.wait(20)
        assert begun_s[0] - told_s < 1.0 + still.sum_s
    finally:
        guards.close()
