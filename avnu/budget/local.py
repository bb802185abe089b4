"""A process's own share of the shops' budgets, for as long as Redis does not answer."""

from collections import OrderedDict

import msgspec

from avnu.budget import BLIND_CAPACITY, BLIND_RATE, BudgetPolicy, Class

_MOST_SHOPS = 5000


class _Bucket(msgspec.Struct):
    points: float
    capacity: float
    rate: float
    at: float


class LocalBudget:
    """Capacity and rate of the last answer, divided by the processes of one worker.

    Begins half empty: what the others spend at this moment is not known. Not safe between threads;
    ``now`` is monotonic seconds.
    """

    def __init__(self, policy: BudgetPolicy) -> None:
        self.policy = policy
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def remember(self, shop: str, capacity: float | None, rate: float | None) -> bool:
        """What an answer said of the shop's bucket; answers whether that is new here."""
        if not capacity or not rate or self._known.get(shop) == (capacity, rate):
            return False
        self._known[shop] = (capacity, rate)
        if len(self._known) > _MOST_SHOPS:
            self._known.popitem(last=False)
        return True

    def begin(self) -> None:
        """Redis has just stopped answering: forget what was left of an earlier outage."""
        self._buckets.clear()

    def reserve(self, shop: str, hint: float, cls: Class, now: float) -> tuple[bool, float, float]:
        """Granted?, seconds to wait (before sending; or before asking again), points reserved."""
        bucket = self._bucket(shop, now)
        cost = min(hint or self.policy.first_cost, bucket.capacity)
        floor = bucket.capacity * self.policy.floor_percent / 100 if cls is Class.BULK else 0.0
        floor = min(floor, bucket.capacity - cost)
        wait_s = max(0.0, cost + floor - bucket.points) / bucket.rate
        ahead_s = self.policy.ahead_ms(cls) / 1000
        if wait_s > ahead_s:
            return False, wait_s - ahead_s, cost
        bucket.points -= cost
        return True, wait_s, cost

    def settle(
        self, shop: str, reserved: float, actual: float | None, available: float | None, now: float
    ) -> None:
        """Refund what was not used; never believe in more than this share of what is there."""
        bucket = self._bucket(shop, now)
        bucket.points += reserved - (reserved if actual is None else actual)
        if available is not None:
            bucket.points = min(bucket.points, available / self.policy.shares)
        bucket.points = min(bucket.points, bucket.capacity)

    def _bucket(self, shop: str, now: float) -> _Bucket:
        bucket = self._buckets.get(shop)
        if bucket is None:
            capacity, rate = self._known.get(shop, (BLIND_CAPACITY, BLIND_RATE))
            capacity, rate = capacity / self.policy.shares, rate / self.policy.shares
            bucket = self._buckets[shop] = _Bucket(capacity / 2, capacity, rate, now)
            if len(self._buckets) > _MOST_SHOPS:
                self._buckets.popitem(last=False)
        bucket.points = min(bucket.capacity, bucket.points + (now - bucket.at) * bucket.rate)
        bucket.at = now
        return bucket
