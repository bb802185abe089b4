"""Whatever Shopify delivers, and whoever is killed: in the end the copy says what the shops say."""

import time
from contextlib import ExitStack
from itertools import pairwise

import pytest

from avnu.inbox.audit import audit
from avnu.sandbox.shops import Sizes
from avnu.store.database import Store
from avnu.store.schema import upgrade
from tests.faults.conftest import MakeStack
from tests.support.postgres import Postgres
from tests.support.shopify_stack import calling
from tests.support.whole_truth import SETTINGS, Days, Marketplace, played

pytest_plugins = ("tests.support.store_fixtures",)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_fifty_shops(make_stack: MakeStack, request: pytest.FixtureRequest, database: str) -> None:
    number, most_variants = {"sqlite": (1, 2_000), "postgresql": (2, 150)}[database]
    sizes = Sizes(most_products=60, most_variants=most_variants)
    _live_through(make_stack, request, Days(seed=number, deliveries=1_000, sizes=sizes), database)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(20))
def test_fifty_shops_one_with_ten_thousand_products(
    make_stack: MakeStack, request: pytest.FixtureRequest, number: int
) -> None:
    sizes = Sizes(most_products=10_000, most_variants=2_000)
    days = Days(seed=100 + number, days=3, deliveries=10_000, sizes=sizes)
    database = ("sqlite", "postgresql")[number % 2]
    _live_through(make_stack, request, days, database, within_s=3_000)


def _live_through(
    make_stack: MakeStack,
    request: pytest.FixtureRequest,
    days: Days,
    database: str,
    *,
    within_s: float = 240,
) -> None:
    address = {}
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("_postgres")
        fresh = server.database()
        with Store(fresh) as store:
            upgrade(store)
        address = {"DATABASE_URL": fresh.reveal()}
    deliveries = days.plan()
    times = [time.monotonic()]
    with ExitStack() as opened:
        world, sandbox = opened.enter_context(played(days))
        stack = make_stack(settings=calling(sandbox, **SETTINGS, **address))
        market = opened.enter_context(Marketplace(stack, world, sandbox, days.seed))
        market.open(deliveries)
        times.append(time.monotonic())
        ledger = market.deliver(deliveries)
        assert not ledger.given_up()
        times.append(time.monotonic())
        market.drain(within_s)
        before = market.differences()
        times.append(time.monotonic())
        market.reconcile(within_s)
        times.append(time.monotonic())
        found = audit(stack.inbox)
        assert found.ok, found.faults
        after = market.differences()
        times.append(time.monotonic())
        report = sandbox.report()
    took = ", ".join(f"{b - a:.0f}" for a, b in pairwise(times))
    counts = stack.counts()
    print(
        f"\nseed {days.seed}, {database}: differences {len(before)} before reconciliation,"
        f" {len(after)} after; missed {counts['missed']}, calls {report['calls']},"
        f" throttled {report['throttled']}; s: {took}"
    )
    assert [str(one) for one in after] == []
