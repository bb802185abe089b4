"""Orders with refunds and shipments, in whatever order; redaction, and a shop that goes."""

import pytest

from avnu.store.database import Store
from avnu.store.market.changes import Change, ResourceKind, What
from avnu.store.market.market import Market
from avnu.store.market.outcomes import Written
from avnu.store.market.versions import Location, Order
from tests.support.market import (
    OTHER,
    SHOP,
    Hand,
    at,
    level,
    order,
    product,
    refund,
    rows,
    shipment,
)

pytest_plugins = ("tests.support.store_fixtures",)

BARE = {"tracking_company": None, "tracking_numbers": None, "tracking_urls": None}


@pytest.fixture
def told() -> list[Change]:
    return []


@pytest.fixture
def market(store: Store, told: list[Change]) -> Market:
    return Market(store, Hand(), told.extend)


def found(market: Market, number: int = 1) -> Order:
    one = market.order(SHOP, number)
    assert one is not None
    return one


def test_an_order_with_all_that_is_in_it(market: Market, told: list[Change]) -> None:
    whole = order(1, 5, 11, 12, refunds=(refund(70, 1),), fulfillments=(shipment(80, 1, 4, 11),))
    assert market.put_orders(SHOP, [whole]) == Written(applied=(1,))
    assert market.order(SHOP, 1) == whole
    assert [(change.kind, change.id, change.what) for change in told] == [
        (ResourceKind.ORDER, 1, What.CREATED),
        (ResourceKind.REFUND, 70, What.CREATED),
        (ResourceKind.FULFILLMENT, 80, What.CREATED),
    ]
    told.clear()
    assert market.put_orders(SHOP, [whole]) == Written(same=(1,))
    assert told == []
    market.put_orders(SHOP, [order(1, 6, 12)])
    assert [line.id for line in found(market).lines] == [12]
    assert (found(market).refunds, found(market).fulfillments) == (
        whole.refunds, whole.fulfillments,
    )  # fmt: skip


def test_refunds_and_shipments_may_come_first(market: Market, told: list[Change]) -> None:
    assert market.put_refunds(SHOP, [refund(70, 1)]) == Written(applied=(70,))
    assert market.put_fulfillments(SHOP, [shipment(80, 1, 6)]) == Written(applied=(80,))
    assert market.order(SHOP, 1) is None
    assert market.counts(SHOP)[ResourceKind.ORDER] == 0
    late = order(1, 5, refunds=(), fulfillments=(shipment(80, 1, 4),))
    assert market.put_orders(SHOP, [late]) == Written(applied=(1,))
    assert found(market).refunds == (refund(70, 1),)
    assert found(market).fulfillments == (shipment(80, 1, 6),)
    assert [change.what for change in told] == [What.CREATED] * 3


def test_an_older_or_equal_order_still_tells_of_shipments(market: Market) -> None:
    market.put_orders(SHOP, [order(1, 9)])
    market.put_orders(SHOP, [order(1, 3, fulfillments=(shipment(80, 1, 3),))])
    assert market.put_orders(SHOP, [order(1, 9), order(1, 9, refunds=(refund(70, 1),))]) == Written(
        same=(1,)
    )
    assert [one.id for one in found(market).fulfillments] == [80]
    assert [one.id for one in found(market).refunds] == [70]


def test_a_shipment_in_doubt_makes_its_order_one_to_read(market: Market) -> None:
    market.put_fulfillments(SHOP, [shipment(80, 1, 4)])
    unlike = order(1, 5, fulfillments=(shipment(80, 1, 4, status="else"),))
    assert market.put_orders(SHOP, [unlike]) == Written(applied=(1,), incomplete=(1,))
    again = market.put_orders(SHOP, [unlike])
    assert (again.same, again.refetch) == ((1,), (1,))


def test_a_deleted_order_takes_all_along_and_lets_nothing_in(
    market: Market, store: Store, told: list[Change]
) -> None:
    market.put_orders(SHOP, [order(1, 5, refunds=(refund(70, 1),))])
    market.put_fulfillments(SHOP, [shipment(80, 1, 6), shipment(81, 2, 6)])
    told.clear()
    assert market.delete_orders(SHOP, [1], at(7)) == Written(applied=(1,))
    assert told == [
        Change(SHOP, kind, number, What.DELETED, at(7))
        for kind, number in (
            (ResourceKind.ORDER, 1),
            (ResourceKind.REFUND, 70),
            (ResourceKind.FULFILLMENT, 80),
        )
    ]
    assert market.put_refunds(SHOP, [refund(71, 1)]) == Written(gone=(71,))
    assert market.put_fulfillments(SHOP, [shipment(80, 1, 9)]) == Written(gone=(80,))
    assert market.put_orders(SHOP, [order(1, 9, refunds=(refund(72, 1),))]) == Written(gone=(1,))
    left = rows(store)
    assert [row["id"] for row in left["fulfillments"]] == [81]
    assert [row["fulfillment_id"] for row in left["fulfillment_lines"]] == [81]
    for name in ("order_lines", "refunds", "refund_lines", "refund_transactions"):
        assert left[name] == [], name


def test_the_offset_stays_where_a_source_does_not_tell_it(market: Market) -> None:
    market.put_orders(SHOP, [order(1, 1)])
    market.put_orders(SHOP, [order(1, 2, utc_offset_min=None)])
    assert found(market).utc_offset_min == 120


def test_a_redacted_customer_does_not_come_back(
    market: Market, store: Store, told: list[Change]
) -> None:
    market.put_orders(SHOP, [order(1, 1), order(2, 1, customer_id=5), order(3, 1, customer_id=5)])
    market.put_orders(OTHER, [order(1, 1)])
    market.put_fulfillments(SHOP, [shipment(80, 1, 2), shipment(82, 2, 2), shipment(83, 3, 2)])
    told.clear()
    assert market.redact_customer(SHOP, 77, [2, 4]) == (1, 2)
    assert told == [
        Change(SHOP, ResourceKind.ORDER, number, What.UPDATED, at(1)) for number in (1, 2)
    ]
    assert market.redact_customer(SHOP, 77, [2, 4]) == ()
    market.put_orders(
        SHOP,
        [
            order(1, 9, fulfillments=(shipment(81, 1, 9), shipment(80, 1, 2))),
            order(2, 9, customer_id=5),
            order(4, 9, customer_id=5, fulfillments=(shipment(84, 4, 2),)),
        ],
    )
    market.put_fulfillments(SHOP, [shipment(82, 2, 9), shipment(83, 3, 9)])
    customers = {
        row["id"]: row["customer_id"] for row in rows(store)["orders"] if row["shop"] == SHOP
    }
    assert customers == {1: None, 2: None, 3: 5, 4: None}
    assert found(market).fulfillments == (shipment(80, 1, 2, **BARE), shipment(81, 1, 9, **BARE))
    tracked = {row["id"] for row in rows(store)["fulfillments"] if row["tracking_numbers"]}
    assert tracked == {83}
    assert market.put_orders(SHOP, [order(2, 9, customer_id=5)]) == Written(same=(2,))
    other = market.order(OTHER, 1)
    assert other is not None
    assert other.customer_id == 77


def test_a_customer_without_an_id_is_redacted_by_orders(market: Market) -> None:
    market.put_orders(SHOP, [order(1, 1, customer_id=None), order(2, 1, customer_id=None)])
    assert market.redact_customer(SHOP, None, [1]) == (1,)


def test_a_shop_is_forgotten_with_everything(
    market: Market, store: Store, told: list[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avnu.store.market.forgetting._CHUNK", 3)
    for shop in (SHOP, OTHER):
        market.put_products(shop, [product(1, 1, *range(1, 9)), product(2, 1)])
        market.delete_products(shop, [3], at(1))
        market.put_levels(shop, [level(1, 1, 1)])
        market.put_locations(shop, [Location(id=1, updated_at=at(1))])
        market.put_orders(
            shop, [order(1, 1, refunds=(refund(7, 1),), fulfillments=(shipment(8, 1, 1),))]
        )
    told.clear()
    kept = [row for table in rows(store).values() for row in table if row["shop"] == OTHER]
    assert market.forget_shop(SHOP) == len(kept)
    assert [row for table in rows(store).values() for row in table] == kept
    assert [(change.kind, change.what) for change in told] == [(ResourceKind.SHOP, What.DELETED)]
    assert market.forget_shop(SHOP) == 0
    assert len(told) == 1
