"""A flood of one shop waits, every partition is busy, and new shops are served within 2 s."""

from zlib import crc32

import pytest

from avnu import keys
from tests.faults.conftest import MakeStack
from tests.support.deliveries import Maker
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

SETTLED_WITHIN_S = 2.0
OTHERS = 200


@pytest.mark.parametrize(
    "flood",
    [10_000, pytest.param(50_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
)
def test_new_shops_are_served_beside_a_flood(make_stack: MakeStack, flood: int) -> None:
    stack = make_stack(settings={"QUEUE_CONCURRENCY": "3"})
    stack.accept(*(stack.maker.make("flooded", "products") for _ in range(flood)))
    stack.accept(*_others(stack.maker, flood // 4))
    worker = stack.worker().start()
    wait_until(lambda: stack.counts()["done"] > flood / 50, 30, "the drain is under way")
    newcomers = [stack.maker.make(shop, "products") for shop in _one_shop_per_partition(stack)]
    refs = {stack.ref(newcomer) for newcomer in newcomers}
    stack.accept(*newcomers)
    accepted_s = now_s()
    wait_until(lambda: stack.settled(refs) == refs, 30, "every newcomer is settled")
    took_s = now_s() - accepted_s
    left = stack.client.llen(stack.key("line", "products/flooded"))
    busy = stack.client.scard(stack.key("work"))
    print(f"newcomers settled in {took_s:.2f} s; flood left {left}, partitions busy {busy}")
    assert took_s < SETTLED_WITHIN_S
    assert left > flood / 10, "the flood was over too early to be in anybody's way"
    assert busy == stack.settings.inbox_partitions
    stack.assert_whole(within_s=flood / 200)
    assert worker.running


def _others(maker: Maker, n: int) -> list[object]:
    return [maker.make(f"other-{i % OTHERS}", "products") for i in range(n)]


def _one_shop_per_partition(stack: Stack) -> list[str]:
    found: dict[int, str] = {}
    n = 0
    while len(found) < stack.settings.inbox_partitions:
        shop = f"new-{n}"
        found.setdefault(crc32(keys.domain(shop).encode()) % stack.settings.inbox_partitions, shop)
        n += 1
    return list(found.values())
