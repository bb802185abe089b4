"""Products, items, levels and locations in the database: each outcome, on both databases."""

import itertools
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from avnu.errors import StoreOutdated
from avnu.store.database import Store
from avnu.store.market.changes import Change, ResourceKind, What
from avnu.store.market.market import Market
from avnu.store.market.outcomes import Outcome, Written, judge, stamped
from avnu.store.market.versions import Item, LevelKey, Location
from tests.support.market import BIG, OTHER, SHOP, Hand, at, level, product, rows, variant

pytest_plugins = ("tests.support.store_fixtures",)


@pytest.fixture
def told() -> list[Change]:
    return []


@pytest.fixture
def market(store: Store, told: list[Change]) -> Market:
    return Market(store, Hand(), told.extend)


def whats(told: list[Change]) -> list[tuple[Any, str]]:
    """What was told since the last look."""
    seen = [(change.id, change.what.value) for change in told]
    told.clear()
    return seen


def test_each_outcome(market: Market, told: list[Change]) -> None:
    assert market.put_products(SHOP, [product(BIG, 5, 1, 2)]) == Written(applied=(BIG,))
    assert told == [Change(SHOP, ResourceKind.PRODUCT, BIG, What.CREATED, at(5))]
    assert whats(told) == [(BIG, "created")]
    assert market.put_products(SHOP, [product(BIG, 5, 1, 2)]) == Written(same=(BIG,))
    assert market.put_products(SHOP, [product(BIG, 4, 3)]) == Written(older=(BIG,))
    other = product(BIG, 5, 1, 2, title="another")
    assert market.put_products(SHOP, [other]) == Written(conflicting=(BIG,))
    assert whats(told) == []
    assert market.product(SHOP, BIG) == product(BIG, 5, 1, 2)
    assert market.put_products(SHOP, [product(BIG, 6, 2, 3)]) == Written(applied=(BIG,))
    assert market.product(SHOP, BIG) == product(BIG, 6, 2, 3)
    assert market.delete_products(SHOP, [BIG], at(7)) == Written(applied=(BIG,))
    assert whats(told) == [(BIG, "updated"), (BIG, "deleted")]
    assert market.put_products(SHOP, [product(BIG, 99)]) == Written(gone=(BIG,))
    assert market.delete_products(SHOP, [BIG], at(8)) == Written(gone=(BIG,))
    assert market.product(SHOP, BIG) is None
    assert whats(told) == []


def test_the_database_decides_as_judge_does(market: Market) -> None:
    every = [
        Item(id=1, updated_at=at(second), read_at=read, sku=sku)
        for second in (1, 2)
        for read in (None, at(8), at(9))
        for sku in "ab"
    ]
    pairs = dict(enumerate(itertools.product(every, every), start=1))
    rows_ = [msgspec.structs.replace(row, id=n) for n, (row, _) in pairs.items()]
    puts = [msgspec.structs.replace(put, id=n) for n, (_, put) in pairs.items()]
    assert len(market.put_items(SHOP, rows_).applied) == len(pairs)
    written = market.put_items(SHOP, puts)
    for row, put in zip(rows_, puts, strict=True):
        outcome = judge(stamped(put).stamp, stamped(row).stamp, final=True)
        assert put.id in getattr(written, outcome.value), (row, put)
        stays = put if outcome is Outcome.APPLIED else row
        assert market.item(SHOP, put.id) == stays
    market.delete_items(SHOP, pairs, at(3))
    assert len(market.put_items(SHOP, puts).gone) == len(pairs)


def test_of_two_in_a_second_that_which_was_read_later_stays(market: Market) -> None:
    first, second = product(1, 5), product(1, 5, title="another")
    early = product(1, 5, title="read", read_at=at(6))
    read = product(1, 5, title="read", read_at=at(8))
    again = product(1, 5, title="read again", read_at=at(9))
    assert market.put_products(SHOP, [first]).applied == (1,)
    assert market.put_products(SHOP, [second]).refetch == (1,)
    assert market.put_products(SHOP, [early]).refetch == (1,)
    assert market.put_products(SHOP, [read]).applied == (1,)
    assert market.put_products(SHOP, [second]).older == (1,)
    assert market.put_products(SHOP, [again]).applied == (1,)
    assert market.put_products(SHOP, [read]).older == (1,)
    assert market.product(SHOP, 1) == again


def test_a_delete_before_the_first_version_stays(market: Market, told: list[Change]) -> None:
    assert market.delete_products(SHOP, [1, 1], at(1)) == Written(applied=(1,))
    assert market.put_products(SHOP, [product(1, 9), product(2, 9)]) == Written(
        applied=(2,), gone=(1,)
    )
    assert whats(told) == [(2, "created")]


def test_a_tombstone_holds_nothing(market: Market, store: Store) -> None:
    market.put_products(SHOP, [product(1, 1, 11, 12)])
    market.delete_products(SHOP, [1], at(5))
    found = rows(store)
    assert found["variants"] == []
    [left] = found["products"]
    assert {name for name, value in left.items() if value is not None} == {
        "shop", "id", "deleted_at",
    }  # fmt: skip


def test_the_same_id_twice_in_a_batch(market: Market, told: list[Change]) -> None:
    batch = [product(2, 1), product(1, 3), product(1, 2), product(1, 3), product(1, 1)]
    assert market.put_products(SHOP, batch) == Written(applied=(1, 2))
    assert market.product(SHOP, 1) == product(1, 3)
    assert whats(told) == [(1, "created"), (2, "created")]
    two = [product(1, 4), product(1, 4, title="another")]
    assert market.put_products(SHOP, two) == Written(applied=(1,), conflicting=(1,))
    assert market.put_products(SHOP, two[::-1]) == Written(conflicting=(1,))
    assert market.put_products(SHOP, [*two, product(1, 5)]) == Written(applied=(1,))
    assert market.put_products(SHOP, two) == Written(older=(1,))


def test_variants_go_when_a_whole_product_lacks_them(market: Market, store: Store) -> None:
    market.put_products(SHOP, [product(1, 1, 11, 12, 13), product(2, 1, 21, 22)])
    market.put_products(SHOP, [product(1, 2, 12), product(2, 1, 21, 22)])
    assert [row["id"] for row in rows(store)["variants"]] == [12, 21, 22]
    market.put_products(SHOP, [product(1, 3, variants=())])
    assert [row["id"] for row in rows(store)["variants"]] == [21, 22]


def test_a_partial_product_prunes_nothing_and_is_to_be_read(market: Market) -> None:
    market.put_products(SHOP, [product(1, 1, 11, 12, 13)])
    part = product(1, 2, 11, 14, partial=True)
    assert market.put_products(SHOP, [part]) == Written(applied=(1,), incomplete=(1,))
    found = market.product(SHOP, 1)
    assert found is not None
    assert [one.id for one in found.variants] == [11, 12, 13, 14]
    assert found.variants[:2] == (variant(11, 2), variant(12, 1))
    assert market.put_products(SHOP, [part]) == Written(same=(1,), incomplete=(1,))
    whole = product(1, 2, 11, 14, read_at=at(9))
    assert market.put_products(SHOP, [whole]) == Written(applied=(1,))
    assert market.product(SHOP, 1) == whole
    assert market.put_products(SHOP, [part]) == Written(older=(1,))


def test_two_thousand_variants(market: Market, store: Store) -> None:
    market.put_products(SHOP, [product(1, 1, *range(1, 2001)), product(2, 1)])
    market.put_products(SHOP, [product(1, 2, *range(1001, 3001)), product(2, 1)])
    assert market.product(SHOP, 1) == product(1, 2, *range(1001, 3001))
    assert len(rows(store)["variants"]) == 2001


def test_more_than_fits_in_a_transaction(store: Store) -> None:
    batches: list[Sequence[Change]] = []
    market = Market(store, Hand(), batches.append)
    every = [product(number, 1) for number in range(1, 404)]
    assert market.put_products(SHOP, every[::-1]).applied == tuple(range(1, 404))
    assert [len(batch) for batch in batches] == [400, 3]
    assert market.counts(SHOP)[ResourceKind.PRODUCT] == 403
    assert market.delete_products(SHOP, range(1, 404), at(2)).applied == tuple(range(1, 404))
    assert market.counts(SHOP)[ResourceKind.PRODUCT] == 0


def test_shops_are_apart(market: Market) -> None:
    market.put_products(SHOP, [product(1, 1)])
    market.put_products(OTHER, [product(1, 2)])
    market.delete_products(SHOP, [1], at(3))
    assert (market.product(SHOP, 1), market.product(OTHER, 1)) == (None, product(1, 2))


def test_money_is_exact_and_text_is_whole(market: Market, store: Store) -> None:
    amount = Decimal("123456789012345678.123456789012345678")
    item = Item(id=BIG, updated_at=at(1), cost=amount, currency="EUR", sku="ä\0漢'; --")
    market.put_items(SHOP, [item])
    found = market.item(SHOP, BIG)
    assert found is not None
    assert (found.cost, found.sku) == (amount, "ä漢'; --")
    tiny = Item(id=2, updated_at=at(1), cost=Decimal("0.000000000000000001"))
    market.put_items(SHOP, [tiny, Item(id=3, updated_at=at(1), cost=Decimal("-12.50"))])
    assert market.item(SHOP, 2) == tiny
    with store.reading() as connection:
        query = "SELECT CAST(cost AS text) FROM inventory_items ORDER BY id LIMIT 2"
        stored = connection.execute(text(query)).scalars().all()
    assert stored == ["0.000000000000000001", "-12.50"]


def test_levels(market: Market, told: list[Change]) -> None:
    key = LevelKey(1, 2)
    assert market.put_levels(SHOP, [level(1, 2, 5, None)]) == Written(applied=(key,))
    assert market.put_levels(SHOP, [level(1, 2, 6, -3), level(1, 1, 6)]).applied == (
        LevelKey(1, 1), key,
    )  # fmt: skip
    assert market.levels(SHOP, 1) == (level(1, 1, 6), level(1, 2, 6, -3))
    assert market.delete_levels(SHOP, [key], at(5.9)) == Written(older=(key,))
    assert market.delete_levels(SHOP, [key], at(6.9)) == Written(conflicting=(key,))
    told.clear()
    assert market.delete_levels(SHOP, [key], at(7.9)) == Written(applied=(key,))
    assert market.delete_levels(SHOP, [key], at(8.9)) == Written(applied=(key,))
    assert market.delete_levels(SHOP, [LevelKey(9, 9)], at(8)).applied == (LevelKey(9, 9),)
    assert market.levels(SHOP, 1) == (level(1, 1, 6),)
    assert market.put_levels(SHOP, [level(1, 2, 7)]) == Written(older=(key,))
    assert market.put_levels(SHOP, [level(1, 2, 8)]) == Written(conflicting=(key,))
    assert market.put_levels(SHOP, [level(1, 2, 9)]) == Written(applied=(key,))
    assert whats(told) == [(key, "deleted"), (key, "created")]
    assert market.counts(SHOP)[ResourceKind.LEVEL] == 2


def test_stock_of_a_deleted_item_or_location_is_not_shown(market: Market) -> None:
    market.put_levels(SHOP, [level(1, 8, 1), level(1, 9, 1), level(2, 9, 1)])
    market.delete_locations(SHOP, [8], at(2))
    market.delete_items(SHOP, [2], at(2))
    assert market.levels(SHOP, 1) == (level(1, 9, 1),)
    assert market.levels(SHOP, 2) == ()


def test_locations(market: Market) -> None:
    one = Location(id=1, updated_at=at(1), name="Attic", active=True, country_code="DE")
    assert market.put_locations(SHOP, [one]).applied == (1,)
    assert market.location(SHOP, 1) == one
    assert market.put_locations(SHOP, [one]).same == (1,)


def test_a_hook_that_fails_undoes_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Sequence[Change]) -> None:
        raise RuntimeError("the marketplace's own")

    market = Market(store, Hand(), fail)
    with caplog.at_level(logging.ERROR):
        assert market.put_products(SHOP, [product(1, 1)]).applied == (1,)
    assert market.product(SHOP, 1) == product(1, 1)
    assert "hook failed" in caplog.text


def test_a_hook_finds_what_it_is_told_of_committed(store: Store, market: Market) -> None:
    seen: list[Any] = []
    telling = Market(store, Hand(), lambda _: seen.append(market.product(SHOP, 1)))
    telling.put_products(SHOP, [product(1, 1)])
    telling.put_products(SHOP, [product(1, 1)])
    assert seen == [product(1, 1)]


def test_nothing_makes_no_transaction_and_no_call(store: Store) -> None:
    market = Market(store, Hand(), lambda _: pytest.fail("told of nothing"))
    store.close()
    assert market.put_orders(SHOP, []) == market.delete_products(SHOP, [], at(1)) == Written()


def test_a_database_without_the_tables_says_what_to_run(bare_database: Any) -> None:
    with Store(bare_database) as store, pytest.raises(StoreOutdated, match="avnu db upgrade"):
        Market(store, Hand()).put_products(SHOP, [product(1, 1)])
