"""One leaky bucket per shop, with Shopify's rules.

Facts (Shopify's documentation of the GraphQL Admin API's rate limits, 2026-07): a bucket belongs to
one app in one shop; the requested cost must fit when a call arrives and is taken; when the call
ends, what was not used is given back; the plan decides how fast the bucket fills. Sizes are not
printed: they are what answers show (20 seconds of the rate).
"""

import threading
from collections.abc import Mapping
from types import MappingProxyType

from avnu.clock import Clock

#: (points that the bucket holds, points restored per second) of each plan.
LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "basic": (2_000.0, 100.0),
        "advanced": (4_000.0, 200.0),
        "plus": (20_000.0, 1_000.0),
        "enterprise": (40_000.0, 2_000.0),
    }
)


class Bucket:
    """The bucket of one shop; hold ``lock`` while calling a method or reading several values.

    ``flying``: points taken by calls that have not ended. ``spent``: points that calls have used.
    ``foreign``: points that a stranger took. ``calls`` and ``throttled`` count what asked.
    """

    def __init__(self, capacity: float, rate: float, clock: Clock) -> None:
        self.lock = threading.Lock()
        self.capacity = capacity  # points
        self.rate = rate  # points per second
        self.available = capacity
        self.flying = 0.0
        self.spent = 0.0
        self.foreign = 0.0
        self.calls = 0
        self.throttled = 0
        self._clock = clock
        self._at = clock.monotonic()

    def refill(self) -> None:
        """Bring ``available`` up to now."""
        now = self._clock.monotonic()
        self.available = min(self.capacity, self.available + (now - self._at) * self.rate)
        self._at = now

    def resize(self, capacity: float, rate: float) -> None:
        """The shop changed its plan: what is in the bucket stays, up to the new size."""
        self.refill()
        self.capacity, self.rate = capacity, rate
        self.available = min(capacity, self.available)

    def take(self, cost: float) -> bool:
        """Whether ``cost`` points were there; they are gone if so."""
        self.refill()
        self.calls += 1
        if cost > self.available:
            self.throttled += 1
            return False
        self.available -= cost
        self.flying += cost
        return True

    def give_back(self, cost: float, actual: float) -> None:
        """End a call that took ``cost`` points and used ``actual``."""
        self.refill()
        self.available = min(self.capacity, self.available + cost - actual)
        self.flying -= cost
        self.spent += actual

    def take_for_a_stranger(self, cost: float) -> None:
        """Let the same app outside Avnu take ``cost`` points, or what is there."""
        self.refill()
        taken = min(self.available, cost)
        self.available -= taken
        self.foreign += taken

    def status(self) -> dict[str, float]:
        """``throttleStatus`` as of the last call of another method."""
        return {
            "maximumAvailable": self.capacity,
            "currentlyAvailable": int(self.available),
            "restoreRate": self.rate,
        }
