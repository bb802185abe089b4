"""Messages of the queue are lost and doubled at random under load; doubled ones die out."""

import random
import threading
from collections import Counter
from typing import Self

import pytest
import redis

from tests.support.programs import until
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until


@pytest.mark.parametrize("seconds", [4.0, pytest.param(10.0, marks=pytest.mark.soak)])
def test_wakeups_lost_and_doubled(stack: Stack, seconds: float) -> None:
    stack.worker().start()
    with stack.load(per_s=250), _Saboteur(stack) as saboteur:
        until(now_s() + seconds)
        wait_until(lambda: min(saboteur.did[name] for name in ("lost", "doubled")) > 20, 40, "harm")
    stack.assert_whole()


def test_five_copies_of_each_wakeup_die_out(stack: Stack) -> None:
    stack.accept(*stack.maker.some(400, shops=60, acts={"done": 1}))
    wakeups = stack.wakeups()
    with stack.server.client(stack.settings.redis_queue_db) as queue:
        for name in stack.queues():
            messages = queue.lrange(name, 0, -1)
            for message in messages * 5:
                queue.lpush(name, message)
    assert stack.wakeups() == 6 * wakeups
    stack.worker().start()
    with stack.load(per_s=300, shops=60, acts={"done": 1}) as load:
        wait_until(lambda: load.sent > 300, 20, "new work comes while the copies are drained")
    stack.assert_whole()


class _Saboteur:
    """Takes messages away from the queues, and pushes copies of others."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._chance = random.Random(stack.chance.random())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saboteur")
        self.did: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        with self._stack.server.client(self._stack.settings.redis_queue_db) as queue:
            while not self._ending.wait(0.005):
                self._meddle(queue, self._chance.choice(self._stack.queues()))

    def _meddle(self, queue: "redis.Redis", name: str) -> None:
        if self._chance.random() < 0.5:
            self.did["lost"] += queue.rpop(name) is not None
            return
        messages = queue.lrange(name, 0, 0)
        for message in messages * self._chance.randint(1, 3):
            queue.lpush(name, message)
            self.did["doubled"] += 1
