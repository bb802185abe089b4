"""Everything of a shop, page by page, is what was put."""

import pytest

from avnu.store.database import Store
from avnu.store.market import walking
from avnu.store.market.changes import ResourceKind
from avnu.store.market.market import Market
from avnu.store.market.versions import LevelKey
from tests.support.market import OTHER, SHOP, Hand, at, level, order, product, refund, shipment

pytest_plugins = ("tests.support.store_fixtures",)


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "_PAGE", 3)


@pytest.mark.parametrize("number", [0, 2, 3, 7])
def test_products_with_their_variants(store: Store, number: int) -> None:
    put = [product(n, n, 10 * n, 10 * n + 1) for n in range(1, number + 1)]
    market = Market(store, Hand())
    market.put_products(SHOP, put)
    market.put_products(OTHER, [product(99, 1)])
    assert list(walking.walk(store, SHOP, ResourceKind.PRODUCT)) == put


def test_levels_by_both_ids_without_those_that_are_gone(store: Store) -> None:
    put = [level(item, place, 1, 5) for item in (1, 2) for place in (7, 8)]
    market = Market(store, Hand())
    market.put_levels(SHOP, put)
    market.delete_levels(SHOP, [LevelKey(1, 8)], at(9))
    assert list(walking.walk(store, SHOP, ResourceKind.LEVEL)) == [
        one for one in put if one.key != (1, 8)
    ]


def test_an_order_and_what_belongs_to_it_are_kinds_of_their_own(store: Store) -> None:
    back, sent = refund(70, 1), shipment(80, 1, 4, 11)
    market = Market(store, Hand())
    market.put_orders(SHOP, [order(1, 5, 11, refunds=(back,), fulfillments=(sent,)), order(2, 5)])
    market.delete_orders(SHOP, [2], at(9))
    assert list(walking.walk(store, SHOP, ResourceKind.ORDER)) == [order(1, 5, 11)]
    assert list(walking.walk(store, SHOP, ResourceKind.REFUND)) == [back]
    assert list(walking.walk(store, SHOP, ResourceKind.FULFILLMENT)) == [sent]
