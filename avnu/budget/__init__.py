"""The budget of API points that Shopify gives each shop: reserve, settle, clamp.

A call reserves what its query asks for, and settles when the answer is there; the answer's
``throttleStatus`` clamps the estimate to what Shopify proved. One hash per shop on DB 0 for all
processes together. The rules are in ``lua/_budget.lua``; ``tests/integration/test_budget_load.py``
shows what they are worth. Asked through ``avnu.guards``.
"""

import enum
import math
from typing import Any, Self

import msgspec
import redis

from avnu import keys
from avnu.keys import Keys
from avnu.lua import Scripts
from avnu.settings import Settings

MOST_POINTS = 1000
"""No query may ask for more, on any plan (shopify.dev, API limits)."""

# Where answers carry no throttleStatus: the smallest bucket Shopify ever gave, and its rate.
BLIND_CAPACITY = 1000
BLIND_RATE = 50

SCRIPTS = ("budget_show",)
_KEEP_MS = 24 * 3600 * 1000
_SCOUT_MS = 5000
_SCOUT_WAIT_MS = 100
_CLAIM_MS = 1500
_LARGEST = 1e9


class Class(enum.StrEnum):
    """Who waits for a call: a person, or nobody."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class BudgetPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """See BUDGET_* in ``avnu/settings/guards.py``. ``shares``: processes that share while Redis is
    down, as far as this one knows.
    """

    floor_percent: int = 30
    ahead_interactive_ms: int = 900
    ahead_bulk_ms: int = 400
    first_cost: int = 100
    lease_s: int = 10
    shares: int = 3

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The policy that the settings say."""
        return cls(
            floor_percent=settings.budget_bulk_floor_percent,
            ahead_interactive_ms=settings.budget_ahead_interactive_ms,
            ahead_bulk_ms=settings.budget_ahead_bulk_ms,
            first_cost=settings.budget_first_cost,
            lease_s=settings.budget_lease_seconds,
            shares=settings.queue_concurrency,
        )

    def ahead_ms(self, cls: Class) -> int:
        """How long a call of this class may wait for points that it is granted already."""
        return self.ahead_bulk_ms if cls is Class.BULK else self.ahead_interactive_ms

    def constants(self) -> dict[str, int]:
        """What the scripts know it by."""
        return {
            "floor_percent": self.floor_percent,
            "ahead_interactive_ms": self.ahead_interactive_ms,
            "ahead_bulk_ms": self.ahead_bulk_ms,
            "first_cost": self.first_cost,
            "lease_ms": self.lease_s * 1000,
            "most_points": MOST_POINTS,
            "blind_capacity": BLIND_CAPACITY,
            "blind_rate": BLIND_RATE,
            "budget_keep_ms": _KEEP_MS,
            "scout_ms": _SCOUT_MS,
            "scout_wait_ms": _SCOUT_WAIT_MS,
            "claim_ms": _CLAIM_MS,
        }


class BudgetState(msgspec.Struct, frozen=True):
    """A shop's budget at one moment, in points. ``known`` is False before the first answer."""

    shop: str
    known: bool
    available: float
    capacity: float
    restore_rate: float
    reserved: float
    reservations: int
    trust: float
    awaited: float


class Budget:
    """What is not part of a call. ``client`` is on DB 0."""

    def __init__(self, client: "redis.Redis", names: Keys, policy: BudgetPolicy) -> None:
        self._client = client
        self._names = names
        self._scripts = Scripts(names, policy.constants(), names=SCRIPTS)

    def show(self, shop: str) -> BudgetState:
        """The budget of one shop now. Raises what redis-py raises."""
        reply: list[Any] = self._scripts.run(self._client, "budget_show", keys.short(shop))
        points, capacity, rate, out, trust, want = (float(text or 0) for text in reply[:6])
        return BudgetState(
            shop=keys.domain(keys.short(shop)),
            known=bool(reply[1]),
            available=points,
            capacity=capacity,
            restore_rate=rate,
            reserved=out,
            reservations=int(reply[6]),
            trust=trust,
            awaited=want,
        )

    def forget(self, shop: str) -> None:
        """Nothing is known of the shop's points any more. Raises what redis-py raises."""
        families = ("budget", "budget_leases")
        self._client.delete(*(self._names.of(name, keys.short(shop)) for name in families))


def points(value: float | None) -> str:
    """A number of an answer as scripts take it; empty for what is missing, or can be no number."""
    if value is None or not math.isfinite(value) or not 0 <= value <= _LARGEST:
        return ""
    return f"{value:.6g}" if value != int(value) else str(int(value))
