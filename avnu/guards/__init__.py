"""Breaker and budget before every API call: one round trip, which also carries the last outcomes.

    permit = guards.acquire(shop, "product", 12, Class.BULK)
    if isinstance(permit, Refused):
        raise Park(permit.cause, permit.wait_ms / 1000)
    … the call …
    guards.outcome(permit, Outcome(kind=OutcomeKind.OK, actual=…, available=…, …))

While the breaker is open nobody asks Redis more than four times a second. While Redis is down every
process goes on with a breaker and a share of the budget of its own.
"""

import logging
import threading
from collections import deque
from contextlib import suppress
from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import RedisError

from avnu import keys
from avnu.background import Background
from avnu.breaker import Breaker
from avnu.breaker.standing import Ticket
from avnu.budget import BudgetPolicy, Class
from avnu.budget.local import LocalBudget
from avnu.clock import Clock
from avnu.guards.outcome import Carried, Outcome, OutcomeKind, Permit, Refused, sign_of
from avnu.keys import Keys
from avnu.lua import Scripts
from avnu.per_process import PerProcess
from avnu.redis_rest import as_texts, ask_twice
from avnu.settings import Settings

__all__ = ["Class", "Guards", "Outcome", "OutcomeKind", "Permit", "Refused", "build_guards"]

FLUSH_S = 0.25
# Outcomes taken along by one request; what is over goes with the next, or with the flush.
_MOST_CARRIED = 64
_MOST_KEPT = 2000
_log = logging.getLogger(__name__)


class _Process:
    """What one process has not brought to Redis yet, and what it does without Redis."""

    def __init__(self, policy: BudgetPolicy, flush: Any) -> None:
        self.lock = threading.Lock()
        # Of more than this the oldest are dropped: their reservations lapse.
        self.carried: deque[Carried] = deque(maxlen=_MOST_KEPT)
        self.local = LocalBudget(policy)
        self.background = Background("guards", flush, FLUSH_S)


class Guards:
    """The guards of all API calls of this deployment. Making them asks Redis nothing.

    Safe between threads and across a fork. ``client`` is on DB 0.
    """

    def __init__(
        self,
        breaker: Breaker,
        policy: BudgetPolicy,
        client: "redis.Redis",
        names: Keys,
        clock: Clock,
        *,
        background: bool = True,
    ) -> None:
        self.breaker = breaker
        self.policy = policy
        self._client = client
        self._clock = clock
        self._background = background
        constants = breaker.policy.constants() | policy.constants()
        self._scripts = Scripts(names, constants, names=("guards",))
        self._processes = PerProcess(lambda: _Process(policy, self._flush_step))

    # ---- before the call

    def acquire(
        self, shop: str, query: str, cost_hint: float = 0.0, cls: Class = Class.BULK
    ) -> Permit | Refused:
        """A permit for one call, or why not and for how long. ``query``: its name, one per shape.

        ``cost_hint``: points it will ask for, 0 if unknown; what answers have taught is believed
        before it. Sleeps up to BUDGET_AHEAD_*_MS when the points are granted but not there yet.
        A permit must be answered with ``outcome``; of a process that dies it lapses.
        """
        storage = self.breaker.storage
        if storage.away():
            return self._acquire_locally(shop, query, cost_hint, cls)
        wait_s = storage.shut_for()
        if wait_s is not None:
            return Refused("breaker", _ms(wait_s))
        token = uuid4().hex
        bulk = "1" if cls is Class.BULK else "0"
        asking = (keys.short(shop), query, f"{cost_hint:g}", bulk)
        try:
            reply = self._exchange(token, asking)
        except (RedisError, OSError):
            return self._acquire_locally(shop, query, cost_hint, cls)
        verdict, wait_ms = reply[5], int(reply[6])
        if verdict == "G":
            permit = Permit(token, shop, query, int(reply[1]), float(reply[7]), wait_ms)
            return self._when_points_are_there(permit)
        if verdict == "B":
            return Refused("budget", max(1, wait_ms))
        if reply[0] != "open":
            storage.refused()
        return Refused("breaker", max(1, wait_ms))

    def _when_points_are_there(self, permit: Permit) -> Permit:
        if permit.waited_ms:
            try:
                self._clock.sleep(permit.waited_ms / 1000)
            except BaseException:
                # A time limit or a signal ended the wait: the points were not spent.
                self.outcome(permit, Outcome(kind=OutcomeKind.IGNORED, actual=0))
                raise
        return permit

    # ---- after the call

    def outcome(self, permit: Permit, outcome: Outcome) -> None:
        """What came of the call. Asks Redis nothing itself.

        Travels with the next acquire, or within 250 ms; at once if it failed, was THROTTLED, or
        says how large a bucket is that this process did not know.
        """
        process = self._processes.get()
        now = self._clock.monotonic()
        sign = sign_of(outcome, self.breaker.policy.slow_ms)
        if permit.local:
            self._settle_locally(process, permit, outcome, sign, now)
            return
        with process.lock:
            news = process.local.remember(permit.shop, outcome.maximum, outcome.restore_rate)
            process.carried.append(Carried(permit, outcome, sign, now))
        if self._background:
            # Until Redis knows a shop's bucket, other processes' calls wait for this one's answer.
            if outcome.throttled or sign == "-" or news:
                process.background.at_once()
            else:
                process.background.soon()

    def flush(self) -> None:
        """Bring to Redis what no other thread is bringing just now. Raises what redis-py raises."""
        while self._processes.get().carried:
            self._exchange(uuid4().hex, ())

    def close(self) -> None:
        """Bring what is left to Redis, if it answers, and end the threads."""
        self._processes.get().background.stop()
        if not self.breaker.storage.away():
            try:
                self.flush()
            except (RedisError, OSError) as fault:
                _log.warning("outcomes of API calls are lost, their points lapse: %s", fault)
        self.breaker.shutdown()

    def _flush_step(self) -> bool:
        """For the background thread, which has nothing left to do then, whatever came of it."""
        if not self.breaker.storage.away():
            with suppress(RedisError, OSError):  # noted where it happened; Redis is away now
                self.flush()
        return False

    # ---- Redis

    def _exchange(self, token: str, asking: tuple[str, ...]) -> list[Any]:
        """One round trip: outcomes there, standing and verdict back. Asked again only by token."""
        process, storage = self._processes.get(), self.breaker.storage
        with process.lock:
            count = min(len(process.carried), _MOST_CARRIED)
            carried = [process.carried.popleft() for _ in range(count)]
        asked = self._clock.monotonic()
        argv: list[str | int] = [storage.name, token, storage.known_ms(), len(carried)]
        for one in carried:
            argv += one.row(asked)
        argv += asking
        try:
            reply = ask_twice(lambda: as_texts(self._scripts.run(self._client, "guards", *argv)))
        except (RedisError, OSError) as fault:
            self._lose(process, fault)
            raise
        storage.note(reply, asked)
        return reply

    # ---- without Redis

    def _lose(self, process: _Process, fault: Exception) -> None:
        with process.lock:
            # What they would say is old when Redis is back, and their reservations have lapsed.
            process.carried.clear()
            if not self.breaker.storage.away():
                process.local.begin()
        self.breaker.storage.lost(fault)

    def _acquire_locally(
        self, shop: str, query: str, cost_hint: float, cls: Class
    ) -> Permit | Refused:
        process = self._processes.get()
        with process.lock:
            now = self._clock.monotonic()
            granted, wait_s, cost = process.local.reserve(shop, cost_hint, cls, now)
        if not granted:
            return Refused("budget", _ms(wait_s))
        admitted = self.breaker.storage.admit_locally(keys.short(shop))
        if isinstance(admitted, Ticket):
            permit = Permit(uuid4().hex, shop, query, admitted.generation, cost, _ms(wait_s), True)
            return self._when_points_are_there(permit)
        with process.lock:
            process.local.settle(shop, cost, 0.0, None, now)
        return Refused("breaker", _ms(admitted))

    def _settle_locally(
        self, process: _Process, permit: Permit, outcome: Outcome, sign: str, now: float
    ) -> None:
        actual = 0.0 if outcome.throttled else outcome.actual
        with process.lock:
            process.local.remember(permit.shop, outcome.maximum, outcome.restore_rate)
            process.local.settle(permit.shop, permit.reserved, actual, outcome.available, now)
        self.breaker.storage.settle_locally(permit.generation, keys.short(permit.shop), sign)


def build_guards(settings: Settings, client: "redis.Redis", clock: Clock, **options: Any) -> Guards:
    """The guards that the settings say; ``client`` is on DB 0. Asks Redis nothing."""
    breaker = Breaker.of_shopify(settings, client, clock, **options)
    policy, names = BudgetPolicy.of(settings), Keys(settings.avnu_namespace)
    background = bool(options.get("background", True))
    return Guards(breaker, policy, client, names, clock, background=background)


def _ms(seconds: float) -> int:
    """Rounded up: who asks again after it is not too early."""
    return max(0, -int(-seconds * 1000 // 1))
