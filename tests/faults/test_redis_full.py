"""Redis fills up while the workers are down, and drains once they are up, with no operator."""

from typing import Any

import pytest

from tests.faults.conftest import MakeStack
from tests.support.deliveries import Direct
from tests.support.runs import Moment
from tests.support.stack import Stack
from tests.support.waiting import wait_until

MAXMEMORY = 40 * 1024 * 1024
BODY_BYTES = 20_000


def full(policy: str) -> dict[str, Any]:
    return {"extra": ("--maxmemory", str(MAXMEMORY), "--maxmemory-policy", policy)}


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru"])
def test_filled_while_the_workers_were_down(make_stack: MakeStack, policy: str) -> None:
    stack = make_stack(**full(policy))
    kept = _fill(stack)
    assert kept > 500
    # It is full at 85 % and down to 83 %; buffers of connections go meanwhile.
    assert 0.83 * MAXMEMORY <= _used(stack) < MAXMEMORY
    stack.worker().start()
    stack.assert_whole()
    again = [stack.maker.make()]
    wait_until(lambda: Direct(stack.inbox).send(again), 15, "there is room, and it is kept again")


def test_eviction_never_touches_what_is_not_settled(make_stack: MakeStack) -> None:
    """volatile-lru, and a cache that fills all the memory the inbox leaves, before and during."""
    stack = make_stack(**full("volatile-lru"))
    for _ in range(400):
        stack.accept(stack.maker.make(pad="x" * BODY_BYTES))
    with stack.server.client(stack.settings.redis_cache_db) as cache:
        wait_until(lambda: _cache_more(stack, cache), 20, "the server evicts")
        stack.worker().start()
        with stack.load(_Patient(stack)) as load:
            wait_until(
                lambda: _cache_more(stack, cache) and load.sent > 100, 20, "traffic while it evicts"
            )
        wait_until(lambda: stack.open() == 0, 30, "everything is settled")
    # What is settled has a TTL and may be evicted, so the counters and the runs must tell.
    counts = stack.counts()
    assert counts["done"] + counts["superseded"] == len(stack.acknowledged)
    assert stack.acknowledged <= stack.runs.refs(Moment.ENDED)


class _Patient:
    """A sender whose webhooks may be refused while the cache holds the memory."""

    def __init__(self, stack: Stack) -> None:
        self._direct = Direct(stack.inbox)
        self._stack = stack

    def send(self, arrivals: Any) -> Any:
        kept = self._direct.send(arrivals)
        if not kept:
            with self._stack.server.client(self._stack.settings.redis_cache_db) as cache:
                cache.flushdb()
            self._stack.inbox.flush_counters({})
        return kept


def _fill(stack: Stack) -> int:
    """Accept until the inbox says that it is full, much faster than any door's pulse tells it."""
    direct = Direct(stack.inbox)
    for n in range(1, 100_000):
        webhook = stack.maker.make(f"shop-{n % 20}", pad="x" * BODY_BYTES)
        if not direct.send([webhook]):
            return n - 1
        stack.acknowledge(webhook)
    raise AssertionError("it never filled up")


def _used(stack: Stack) -> int:
    return int(stack.client.info("memory")["used_memory"])


def _cache_more(stack: Stack, cache: Any) -> bool:
    for _ in range(50):
        cache.set(f"cache:{stack.chance.random()}", b"x" * 10_000, ex=3600)
    return bool(stack.client.info("stats")["evicted_keys"] > 0)
