"""Two bodies of one second through the inbox: the shop rests until it is over, and goes on."""

import math
import time
from typing import Any

from avnu.inbox.overview import overview
from tests.support.deployment import Deployment
from tests.support.drained import Drained
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.shopify_fixtures",)


def twice_in_a_second(deployment: Deployment) -> list[dict[str, Any]]:
    """A product as it was told twice in a second that is not over soon; Shopify has the last."""
    world = deployment.sandbox.world.shop(deployment.shop)
    second = math.floor(time.time()) + 4
    return [world.edit(3, second + part) for part in (0.1, 0.2)]


def test_the_contradicted_comes_again_when_its_second_is_over(deployment: Deployment) -> None:
    worker = Drained(deployment)
    try:
        first, last = twice_in_a_second(deployment)
        assert first["updated_at"] == last["updated_at"]
        for body in (first, last):
            worker.accept([body])
            worker.drain()
        assert worker.open() == 1
        inbox = worker.runtime.inbox
        assert overview(inbox).parked_shops == {"unsettled": 1}
        assert deployment.sandbox.report()["operations"] == {"Shop": 1}, "not read in vain"

        def settled() -> bool:
            inbox.tick()
            worker.drain()
            return not worker.open()

        wait_until(settled, 30, "the shop goes on by itself")
        assert deployment.sandbox.report()["operations"]["WholeProductsWithMore"] == 1
        stored = deployment.client.market.product(deployment.shop, last["id"])
        assert stored is not None
        assert stored.tags == last["tags"] != first["tags"]
    finally:
        worker.close()
