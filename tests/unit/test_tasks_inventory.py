"""tasks/inventory.py: levels, items and locations in the marketplace's copy."""

from decimal import Decimal

import pytest

from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Item, Location
from tests.support.followed import NOW_S, FollowedShop
from tests.support.market import SHOP, at, level

pytest_plugins = ("tests.support.followed_fixtures",)


@pytest.mark.parametrize(
    ("triggered", "expected"),
    [(10.0, 10.0), (None, NOW_S), (NOW_S + 60, NOW_S)],
    ids=["triggered", "accepted", "not later than now"],
)
def test_a_level_is_gone_since_its_webhook_says(
    shop: FollowedShop, triggered: float | None, expected: float
) -> None:
    then = at(triggered) if triggered is not None else None
    gone = shop.told(
        "inventory_levels/disconnect",
        {"inventory_item_id": 5, "location_id": 6},
        triggered_at=then,
    )
    shop.handle(gone)
    for second, there in ((expected - 1, False), (expected + 1, True)):
        shop.copy.put_levels(SHOP, [level(5, 6, second)])
        assert bool(shop.copy.levels(SHOP, 5)) is there


def test_levels_are_written_from_their_payloads(shop: FollowedShop) -> None:
    body = {"inventory_item_id": 5, "location_id": 6, "available": 4}
    told = [
        shop.told("inventory_levels/update", {**body, "updated_at": at(second).isoformat()})
        for second in (1, 2)
    ]
    assert shop.handle(*told) == "UD"
    assert [one.available for one in shop.copy.levels(SHOP, 5)] == [4]
    assert shop.calls == []


def test_a_disconnect_before_a_connect_that_came_first_deletes_nothing(shop: FollowedShop) -> None:
    shop.shopify.levels_of[5] = (level(5, 6, 20),)
    body = {"inventory_item_id": 5, "location_id": 6}
    connect = {**body, "available": 1, "updated_at": at(20).isoformat()}
    shop.handle(shop.told("inventory_levels/connect", connect))
    late = shop.told("inventory_levels/disconnect", body, triggered_at=at(10))
    assert shop.handle(late) == "D"
    assert shop.calls == [("levels", (5,))]
    assert len(shop.copy.levels(SHOP, 5)) == 1


def test_a_disconnect_that_shopify_confirms_counts_though_the_row_is_later(
    shop: FollowedShop,
) -> None:
    shop.copy.put_levels(SHOP, [level(5, 6, 20)])
    body = {"inventory_item_id": 5, "location_id": 6}
    shop.handle(shop.told("inventory_levels/disconnect", body, triggered_at=at(10)))
    assert shop.copy.levels(SHOP, 5) == ()


def test_a_level_by_its_ids_alone_is_read_and_its_neighbours_come_along(
    shop: FollowedShop,
) -> None:
    shop.copy.put_levels(SHOP, [level(5, 7, 1)])
    shop.shopify.levels_of[5] = (level(5, 6, 20, 3), level(5, 8, 20, 2))
    told = [
        shop.told("inventory_levels/update", {"inventory_item_id": 5, "location_id": one})
        for one in (6, 7)
    ]
    shop.hand.now += 2
    assert shop.handle(*told) == "DD"
    assert shop.calls == [("levels", (5,))]
    found = {one.location_id: one.available for one in shop.copy.levels(SHOP, 5)}
    assert found == {6: 3, 8: 2}


def test_items_and_their_deletes(shop: FollowedShop) -> None:
    body = {"id": 5, "sku": "A", "cost": "1.50", "updated_at": at(1).isoformat()}
    shop.handle(shop.told("inventory_items/create", body))
    stored = shop.copy.item(SHOP, 5)
    assert stored is not None
    assert (stored.cost, stored.currency) == (Decimal("1.50"), "EUR")
    shop.shopify.set(ResourceKind.ITEM, Item(id=6, updated_at=at(1)))
    gone = [shop.told("inventory_items/delete", {"id": one}) for one in (5, 6)]
    shop.handle(*gone)
    assert shop.calls == [("existing inventory_item", (5, 6)), ("items", (6,))]
    assert shop.copy.item(SHOP, 5) is None
    assert shop.copy.item(SHOP, 6) is not None


@pytest.mark.parametrize("active", [True, False])
def test_the_topic_says_whether_a_location_is_active(shop: FollowedShop, *, active: bool) -> None:
    topic = "locations/activate" if active else "locations/deactivate"
    body = {"id": 6, "active": not active, "updated_at": at(1).isoformat()}
    shop.handle(shop.told(topic, body))
    stored = shop.copy.location(SHOP, 6)
    assert stored is not None
    assert stored.active is active
    assert shop.forgotten == [("locations", ())]


def test_a_location_that_is_gone(shop: FollowedShop) -> None:
    shop.copy.put_locations(SHOP, [Location(id=6, updated_at=at(1))])
    shop.handle(shop.told("locations/delete", {"id": 6}))
    assert shop.calls == [("existing location", (6,))]
    assert shop.copy.location(SHOP, 6) is None
