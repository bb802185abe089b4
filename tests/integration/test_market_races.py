"""Several writers of the same rows at once, each with connections of its own."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.market.changes import Change, What
from avnu.store.market.market import Market
from tests.support.market import SHOP, Hand, at, order, product, refund, rows, shipment

pytest_plugins = ("tests.support.store_fixtures",)

WRITERS = 4


def at_once(database: Secret, *work: Callable[[Market], None]) -> list[Change]:
    """Runs each with a store of its own; answers what was told. Raises what one raised."""
    start = threading.Barrier(len(work))
    told: list[Change] = []

    def run(one: Callable[[Market], None]) -> None:
        with Store(database) as store:
            market = Market(store, Hand(), told.extend)
            start.wait(10)
            one(market)

    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(run, one) for one in work]:
            future.result(60)
    return told


def test_interleaved_versions_end_in_the_newest_without_a_deadlock(
    database: Secret, store: Store
) -> None:
    ids, seconds = range(1, 21), range(1, 9)

    def write(number: int) -> Callable[[Market], None]:
        chance = random.Random(number)

        def run(market: Market) -> None:
            for second in chance.sample(seconds, len(seconds)):
                batch = [product(one, second, *range(10 * one, 10 * one + second)) for one in ids]
                chance.shuffle(batch)
                market.put_products(SHOP, batch)

        return run

    told = at_once(database, *(write(number) for number in range(WRITERS)))
    market = Market(store, Hand())
    for one in ids:
        assert market.product(SHOP, one) == product(one, 8, *range(10 * one, 10 * one + 8))
    assert len(rows(store)["variants"]) == 8 * len(ids)
    created = [change.id for change in told if change.what is What.CREATED]
    assert sorted(created) == list(ids)


def test_an_order_that_is_deleted_beside_its_refunds_leaves_none(
    database: Secret, store: Store
) -> None:
    ids = range(1, 41)

    def delete(market: Market) -> None:
        for one in ids:
            market.delete_orders(SHOP, [one], at(9))

    def refunds(market: Market) -> None:
        for one in ids:
            market.put_refunds(SHOP, [refund(100 + 10 * one, one)])

    def shipments(market: Market) -> None:
        for one in ids:
            whole = order(one, 3, fulfillments=(shipment(100 + one, one, 3),))
            market.put_orders(SHOP, [whole])

    at_once(database, delete, refunds, shipments)
    left = rows(store)
    assert [row["id"] for row in left.pop("orders")] == list(ids)
    assert {name for name, found in left.items() if found} == set()


def test_a_customer_who_is_redacted_beside_new_versions_is_gone(
    database: Secret, store: Store
) -> None:
    ids = range(1, 31)

    def write(market: Market) -> None:
        for second in (1, 2, 3):
            for one in ids:
                sent = (shipment(100 + one, one, second),)
                market.put_orders(SHOP, [order(one, second, fulfillments=sent)])

    def redact(market: Market) -> None:
        for one in reversed(ids):
            market.redact_customer(SHOP, 77, [one])

    at_once(database, write, redact)
    left = rows(store)
    assert {row["customer_id"] for row in left["orders"]} == {None}
    assert {row["tracking_numbers"] for row in left["fulfillments"]} == {None}
    assert {row["financial_status"] for row in left["orders"]} == {"at 3"}
