"""A flood of one shop waits, every partition is busy, and new shops are served within 2 s."""

from zlib import crc32

import pytest

from avnu import keys
from tests.faults.conftest import MakeStack
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

# The rest is for a machine that does other things beside: a quiet one needs one second.
SETTLED_WITHIN_S = 2.0 + 4.0
AREA = "products"
# Of one shop in each partition: several slices long, so that all of them are still busy at the end.
BUSY = 800


@pytest.mark.parametrize(
    "flood",
    [10_000, pytest.param(50_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
)
@pytest.mark.alone
def test_new_shops_are_served_beside_a_flood(make_stack: MakeStack, flood: int) -> None:
    stack = make_stack(settings={"QUEUE_CONCURRENCY": "3"})
    _accept(stack, "flooded", flood)
    for shop in _one_shop_per_partition(stack, "busy"):
        _accept(stack, shop, BUSY, do="sleep", s=0.001)
    worker = stack.worker().start()
    wait_until(lambda: stack.counts()["done"] > flood / 50, 30, "the drain is under way")
    newcomers = [stack.maker.make(shop, AREA) for shop in _one_shop_per_partition(stack, "new")]
    refs = {stack.ref(newcomer) for newcomer in newcomers}
    stack.accept(*newcomers)
    accepted_s = now_s()
    wait_until(lambda: stack.settled(refs) == refs, 30, "every newcomer is settled")
    took_s = now_s() - accepted_s
    left = stack.client.llen(stack.key("line", f"{AREA}/flooded"))
    busy = stack.client.scard(stack.key("work"))
    print(f"newcomers settled in {took_s:.2f} s; flood left {left}, partitions busy {busy}")
    assert took_s < SETTLED_WITHIN_S
    # Beside it, not after it: all the while it had its share of turns and no more.
    assert left > flood / 2, "the flood is served before the newcomers, or was over too early"
    assert busy == stack.settings.inbox_partitions
    stack.assert_whole(within_s=flood / 200)
    assert worker.running


def _accept(stack: Stack, shop: str, n: int, **body: object) -> None:
    stack.accept(*(stack.maker.make(shop, AREA, **body) for _ in range(n)))


def _one_shop_per_partition(stack: Stack, prefix: str) -> list[str]:
    found: dict[int, str] = {}
    n, partitions = 0, stack.settings.inbox_partitions
    while len(found) < partitions:
        shop = f"{prefix}-{n}"
        found.setdefault(crc32(keys.domain(shop).encode()) % partitions, shop)
        n += 1
    return list(found.values())
