"""1,000 product updates over 50 products in one flood: what Shopify is asked for, and how often.

Side by side with who asks for the product of each webhook, as a handler without the database's
word, batches and coalescing must, since retries carry old payloads.
"""

import random
from typing import NamedTuple

import pytest

from avnu.sandbox.admin.bucket import LIMITS
from avnu.sandbox.differences import differences
from tests.support.deployment import Deployment
from tests.support.drained import Drained

pytest_plugins = ("tests.support.shopify_fixtures",)


UPDATES, PRODUCTS = 1000, 50
EDITED_FROM_S = 1_782_864_000.0
RETRIED_MS, FIRST_MS = 6 * 60 * 1000, 500


class Cost(NamedTuple):
    """What the sandbox counted."""

    calls: int
    points: int

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(self.calls - before.calls, self.points - before.points)


class Flood:
    """One shop on the largest plan, so that no bucket ends the comparison."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.shop = deployment.shop
        self.world = deployment.sandbox.world.shop(self.shop)
        points, per_second = LIMITS["enterprise"]
        bucket = deployment.sandbox.bucket(self.shop)
        with bucket.lock:
            bucket.resize(points, per_second)
            bucket.available = points
        chance = random.Random(3)
        numbers = [number % PRODUCTS for number in range(UPDATES)]
        chance.shuffle(numbers)
        self.bodies = [
            self.world.edit(number, EDITED_FROM_S + at) for at, number in enumerate(numbers)
        ]
        chance.shuffle(self.bodies)

    def cost(self) -> Cost:
        report = self.deployment.sandbox.report()
        return Cost(report["calls"], report["points_spent"])

    def naive(self) -> Cost:
        """One call for each webhook: measured once for each product, as often as it was told of."""
        total = Cost(0, 0)
        for product in {body["id"] for body in self.bodies}:
            before = self.cost()
            self.deployment.reads().products([product])
            one = self.cost() - before
            times = sum(body["id"] == product for body in self.bodies)
            total = Cost(total.calls + times * one.calls, total.points + times * one.points)
        return total

    def avnu(self, on_its_way_ms: int) -> Cost:
        """All of them in the inbox, and then drained by one worker."""
        before = self.cost()
        worker = Drained(self.deployment)
        try:
            worker.accept(self.bodies, on_its_way_ms)
            while worker.open():
                worker.drain()
        finally:
            worker.close()
        return self.cost() - before

    def differences(self) -> list[str]:
        store = self.deployment.client.store
        return [str(one) for one in differences(store, [self.world], EDITED_FROM_S)]


@pytest.fixture
def flood(deployment: Deployment) -> Flood:
    return Flood(deployment)


def told(flood: Flood, what: str, spent: Cost) -> None:
    naive = flood.naive()
    print(
        f"\n{UPDATES} updates of {PRODUCTS} products, {what}: "
        f"one call each {naive.calls} calls {naive.points} points, "
        f"avnu {spent.calls} calls {spent.points} points"
    )
    assert naive.calls >= UPDATES
    assert spent.calls * 20 <= naive.calls
    assert spent.points * 10 <= naive.points


def test_a_flood_that_shopify_repeats_late_costs_a_twentieth(flood: Flood) -> None:
    """No payload is believed: the newest of each product must be read."""
    told(flood, "each a late retry", flood.avnu(RETRIED_MS))
    assert flood.differences() == []


def test_a_flood_that_comes_in_time_costs_a_look_up_of_the_currency(flood: Flood) -> None:
    spent = flood.avnu(FIRST_MS)
    told(flood, "in time", spent)
    assert spent.calls == 1
    assert flood.differences() == []
