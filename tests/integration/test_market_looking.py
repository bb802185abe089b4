"""How resources stand, and which there are: what a reconciliation compares with."""

import pytest

from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.market import Market
from avnu.store.market.versions import LevelKey
from tests.support.market import OTHER, SHOP, START, Hand, at, level, order, product, refund

pytest_plugins = ("tests.support.store_fixtures",)


@pytest.fixture
def market(store: Store) -> Market:
    return Market(store, Hand())


def test_stamps_tell_versions_tombstones_and_rows_that_only_stand_for_what_comes(
    market: Market,
) -> None:
    market.put_products(SHOP, [product(1, 5), product(2, 6, read_at=at(60))])
    market.put_products(OTHER, [product(4, 7)])
    market.delete_products(SHOP, [3], at(9))
    market.put_refunds(SHOP, [refund(90, order_id=8)])
    found = market.stamps(SHOP, ResourceKind.PRODUCT, [1, 2, 3, 4])
    assert found.keys() == {1, 2, 3}
    assert (found[1].updated_at, found[1].read_at, found[1].deleted_at) == (at(5), None, None)
    assert found[2].read_at == at(60)
    assert (found[3].updated_at, found[3].deleted_at) == (None, at(9))
    assert market.stamps(SHOP, ResourceKind.ORDER, [8])[8].updated_at is None
    assert market.stamps(SHOP, ResourceKind.PRODUCT, []) == {}


def test_stamps_of_levels_go_by_both_ids(market: Market) -> None:
    market.put_levels(SHOP, [level(1, 10, 5), level(1, 11, 6)])
    asked = [LevelKey(1, 11), LevelKey(1, 12), LevelKey(2, 10)]
    found = market.stamps(SHOP, ResourceKind.LEVEL, asked)
    assert {key: stamp.updated_at for key, stamp in found.items()} == {LevelKey(1, 11): at(6)}


def test_keys_are_read_page_by_page_without_what_is_gone(market: Market) -> None:
    market.put_products(SHOP, [product(number, 1) for number in range(1, 8)])
    market.put_products(OTHER, [product(9, 1)])
    market.delete_products(SHOP, [4], at(2))
    first = market.keys(SHOP, ResourceKind.PRODUCT, after=None, most=4)
    assert first == [1, 2, 3, 5]
    assert market.keys(SHOP, ResourceKind.PRODUCT, after=first[-1], most=4) == [6, 7]


def test_keys_of_levels_go_on_within_an_item(market: Market) -> None:
    market.put_levels(SHOP, [level(item, place, 1) for item in (1, 2) for place in (10, 11)])
    market.delete_levels(SHOP, [LevelKey(2, 10)], at(2))
    first = market.keys(SHOP, ResourceKind.LEVEL, after=None, most=1)
    assert first == [LevelKey(1, 10)]
    rest = market.keys(SHOP, ResourceKind.LEVEL, after=first[-1], most=9)
    assert rest == [LevelKey(1, 11), LevelKey(2, 11)]


def test_keys_may_leave_out_what_was_created_earlier(market: Market) -> None:
    market.put_orders(SHOP, [order(1, 5, created_at=at(-1)), order(2, 5, created_at=START)])
    assert market.keys(SHOP, ResourceKind.ORDER, after=None, most=9, created_since=START) == [2]
