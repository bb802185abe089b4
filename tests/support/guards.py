"""Guards on a real server, with time that a test moves by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import redis

from avnu import lua
from avnu.breaker import Breaker
from avnu.breaker.control import BreakerControl, BreakerState
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.budget import Budget, BudgetPolicy, BudgetState
from avnu.guards import Class, Guards, Outcome, OutcomeKind, Permit, Refused, build_guards
from avnu.keys import Keys
from avnu.settings import Settings
from tests.support.moved_clock import MovedClock

_OFFSET = "tonumber(call('GET', K.guards_offset) or 0)"


class World:
    """One deployment: several processes' guards (without threads), one time for all and Redis.

    Made within ``standing_time``.
    """

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self.settings = settings
        self.client: Any = client
        self.clock = MovedClock(1000.0)
        self.keys = Keys(settings.avnu_namespace)
        self.control = BreakerControl(client, self.keys, BreakerPolicy.of(settings))

    def guards(self) -> Guards:
        """What one more process has."""
        return build_guards(self.settings, self.client, self.clock, background=False)

    def breaker(self, **options: Any) -> Breaker:
        """Shopify's breaker as one more process has it, used alone."""
        return Breaker.of_shopify(
            self.settings, self.client, self.clock, background=False, **options
        )

    def pass_time(self, seconds: float) -> None:
        """Time passes for processes and Redis alike."""
        self.clock.now += seconds
        self.client.incrby(self.keys.of("guards_offset"), int(seconds * 1000))

    def state(self) -> BreakerState:
        return self.control.show(SHOPIFY)

    def budget(self, shop: str) -> BudgetState:
        return Budget(self.client, self.keys, BudgetPolicy.of(self.settings)).show(shop)


@contextmanager
def standing_time(now_ms: int = 1_795_300_000_000) -> Iterator[None]:
    """Of scripts that are rendered meanwhile: time stands still on Redis too, but for the offset.

    Else a machine that stands still for a second has let a breaker's time run out.
    """
    read = lua._read

    def still(name: str) -> str:
        return (
            f"local call = redis.call\nlocal now = {now_ms} + {_OFFSET}\n"
            if name == "_now"
            else read(name)
        )

    assert _OFFSET in read("_now")
    with mock.patch.object(lua, "_read", still):
        yield


def shop(number: int) -> str:
    return f"shop-{number}.myshopify.com"


def granted(
    guards: Guards, shop: str, query: str = "q", hint: float = 1, cls: Class = Class.BULK
) -> Permit:
    permit = guards.acquire(shop, query, hint, cls)
    assert isinstance(permit, Permit), permit
    return permit


def refused(
    guards: Guards, shop: str, query: str = "q", hint: float = 1, cls: Class = Class.BULK
) -> Refused:
    refusal = guards.acquire(shop, query, hint, cls)
    assert isinstance(refusal, Refused), refusal
    return refusal


def answer(
    guards: Guards, permit: Permit, *, kind: OutcomeKind = OutcomeKind.OK, actual: float | None = 1,
    available: float | None = 1999, requested: float | None = None, throttled: bool = False,
    maximum: float | None = 2000, rate: float | None = 100, duration_ms: float = 50,
) -> None:  # fmt: skip
    """The answer comes, and is brought to Redis at once."""
    guards.outcome(
        permit,
        Outcome(
            kind=kind, requested=requested, actual=actual, available=available, maximum=maximum,
            restore_rate=rate, duration_ms=duration_ms, throttled=throttled,
        ),
    )  # fmt: skip
    guards.flush()


def fail(guards: Guards, shop: str, times: int = 1) -> None:
    """Calls of ``shop`` end as the platform's fault; what is refused is left out."""
    for _ in range(times):
        permit = guards.acquire(shop, "q", 1, Class.INTERACTIVE)
        if isinstance(permit, Permit):
            answer(
                guards,
                permit,
                kind=OutcomeKind.PLATFORM_FAULT,
                actual=None,
                available=None,
                maximum=None,
                rate=None,
            )
