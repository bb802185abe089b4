"""tasks/orders.py: orders, refunds and shipments in the marketplace's copy."""

from typing import Any

from avnu.inbox.turn import Parking
from avnu.store.market.changes import ResourceKind
from tests.support.followed import NOW_S, FollowedShop
from tests.support.market import SHOP, at, order, refund, shipment

pytest_plugins = ("tests.support.followed_fixtures",)


def order_body(number: int, second: float) -> dict[str, Any]:
    return {"id": number, "updated_at": at(second).isoformat(), "line_items": [{"id": 1}]}


def test_orders_are_written_from_their_payloads(shop: FollowedShop) -> None:
    told = [
        shop.told("orders/create", order_body(1, 1)),
        shop.told("orders/paid", order_body(1, 3)),
        shop.told("orders/updated", order_body(1, 2)),
    ]
    assert shop.handle(*told) == "UDU"
    stored = shop.copy.order(SHOP, 1)
    assert stored is not None
    assert stored.updated_at == at(3)
    assert shop.calls == []
    assert shop.asked == [], "an order looks up none of its products"


def test_an_edited_order_is_read(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.ORDER, order(1, 5), order(2, 5))
    told = [
        shop.told("orders/edited", {"order_edit": {"id": 9, "order_id": one}}) for one in (1, 2, 1)
    ]
    assert shop.handle(*told) == "DDD"
    assert shop.calls == [("orders", (1, 2))]
    assert shop.copy.order(SHOP, 2) is not None


def test_an_order_that_shopify_does_not_show_is_not_deleted(shop: FollowedShop) -> None:
    """It shows those of the last 60 days, unless the app has the scope read_all_orders."""
    shop.handle(shop.told("orders/create", order_body(1, 1)))
    shop.hand.now += 2
    assert shop.handle(shop.told("orders/updated", order_body(1, 2), late_s=301)) == "D"
    assert shop.calls == [("orders", (1,))]
    assert shop.copy.order(SHOP, 1) is not None


def test_a_deleted_order(shop: FollowedShop) -> None:
    shop.handle(shop.told("orders/create", order_body(1, 1)))
    shop.handle(shop.told("orders/delete", {"id": 1}))
    assert shop.calls == [("existing order", (1,))]
    assert shop.copy.order(SHOP, 1) is None


def refund_body(number: int, order_id: int | None, second: float = 5) -> dict[str, Any]:
    return {
        "id": number,
        "order_id": order_id,
        "created_at": at(second).isoformat(),
        "refund_line_items": [],
    }


def shipment_body(number: int, order_id: int, second: float, status: str) -> dict[str, Any]:
    return {
        "id": number,
        "order_id": order_id,
        "updated_at": at(second).isoformat(),
        "status": status,
        "line_items": [],
    }


def test_a_refund_and_a_shipment_may_come_before_their_order(shop: FollowedShop) -> None:
    told = [
        shop.told("refunds/create", refund_body(7, 1)),
        shop.told("fulfillments/create", shipment_body(8, 1, 2, "open")),
        shop.told("orders/create", order_body(1, 1)),
    ]
    assert shop.handle(*told) == "DDD"
    stored = shop.copy.order(SHOP, 1)
    assert stored is not None
    assert [one.id for one in (*stored.refunds, *stored.fulfillments)] == [7, 8]
    assert shop.calls == []


def test_a_refund_by_its_id_alone_makes_its_order_be_read(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.ORDER, order(1, 5, refunds=(refund(7, 1),)))
    assert shop.handle(shop.told("refunds/create", {"id": 7, "order_id": 1})) == "D"
    assert shop.calls == [("orders", (1,))]
    stored = shop.copy.order(SHOP, 1)
    assert stored is not None
    assert [one.id for one in stored.refunds] == [7]


def test_a_refund_that_names_no_order_is_rejected(shop: FollowedShop) -> None:
    told = [shop.told("refunds/create", refund_body(number, owner)) for number, owner in
            ((7, None), (8, 1))]  # fmt: skip
    assert shop.handle(*told) == "XD"


def test_two_bodies_of_one_shipment_make_its_order_be_read(shop: FollowedShop) -> None:
    last = shipment(8, 1, 2, status="success")
    shop.shopify.set(ResourceKind.ORDER, order(1, 5, fulfillments=(last,)))
    for status in ("open", "success"):
        told = shop.told("fulfillments/update", shipment_body(8, 1, 2, status))
        assert shop.handle(told) == "D"
    assert shop.calls == [("orders", (1,))]
    stored = shop.copy.order(SHOP, 1)
    assert stored is not None
    assert [one.status for one in stored.fulfillments] == ["success"]


def test_a_shipment_contradicted_in_its_own_second_waits_for_its_end(shop: FollowedShop) -> None:
    shop.handle(shop.told("fulfillments/create", shipment_body(8, 1, NOW_S, "open")))
    again = shop.told("fulfillments/update", shipment_body(8, 1, NOW_S, "success"))
    assert shop.parked(again) == ("B", Parking("unsettled", 2000))
    shop.hand.now += 2
    last = shipment(8, 1, NOW_S, status="success")
    shop.shopify.set(ResourceKind.ORDER, order(1, NOW_S, fulfillments=(last,)))
    assert shop.handle(again) == "D"
