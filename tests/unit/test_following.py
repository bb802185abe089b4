"""avnu/following, by the webhooks of products: what needs a call, what must wait, what is gone."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from avnu.errors import BudgetSpent
from avnu.inbox.turn import Letter, Parking
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Product, Variant
from avnu.webhook import Webhook
from tests.support.followed import NOW_S, FollowedShop, letters
from tests.support.market import SHOP, START, at

pytest_plugins = ("tests.support.followed_fixtures",)

LATE_S = 301.0


def as_read(number: int, second: float, *variants: int, **more: Any) -> Product:
    """The product of ``product_body`` as the Admin API has it."""
    content: dict[str, Any] = {
        "title": f"Mug {second:g}",
        "currency": "EUR",
        "variants": tuple(
            Variant(id=one, price=Decimal("3.50")) for one in variants or (10 * number,)
        ),
    }
    return Product(id=number, updated_at=at(second), **{**content, **more})


def product_body(number: int, second: float, *variants: int, named: int = 0) -> dict[str, Any]:
    """``named``: how many variants the body names beyond those it holds."""
    held = variants or (10 * number,)
    return {
        "id": number,
        "title": f"Mug {second:g}",
        "updated_at": at(second).isoformat(),
        "variants": [{"id": one, "price": "3.50"} for one in held],
        "variant_gids": [
            {"admin_graphql_api_id": f"gid://shopify/ProductVariant/{one}"}
            for one in range(1, len(held) + named + 1)
        ],
    }


def update(shop: FollowedShop, number: int, second: float, **more: Any) -> Webhook:
    return shop.told("products/update", product_body(number, second), **more)


def title(shop: FollowedShop, number: int) -> str | None:
    found = shop.copy.product(SHOP, number)
    return found.title if found else None


# ---- payloads that suffice


def test_whole_payloads_are_written_without_a_call(shop: FollowedShop) -> None:
    assert shop.handle(update(shop, 1, 1), update(shop, 2, 1), update(shop, 1, 5)) == "UDD"
    assert (title(shop, 1), title(shop, 2)) == ("Mug 5", "Mug 1")
    assert shop.calls == []


def test_what_is_cached_of_a_product_is_dropped_once_after_the_commit(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 1), update(shop, 2, 1))
    assert shop.forgotten == [("product", (1, 2))]


def test_a_late_payload_changes_nothing_and_costs_nothing(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 5))
    assert shop.handle(update(shop, 1, 4, late_s=LATE_S)) == "D"
    assert (title(shop, 1), shop.calls) == ("Mug 5", [])


def test_a_number_of_more_than_64_bits_rejects_its_webhook_alone(shop: FollowedShop) -> None:
    body = product_body(1, 1)
    body["variants"][0]["position"] = 2**70
    settlement, raised = shop.run([shop.told("products/update", body), update(shop, 2, 1)])
    assert (letters(settlement), raised) == ("XD", [])
    assert title(shop, 2) == "Mug 1"


# ---- payloads that must not be trusted


def test_bodies_of_an_id_alone_are_read_with_one_call(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 7), as_read(2, 7))
    batch = [shop.told("products/update", {"id": one}) for one in (1, 2, 1, 2)]
    assert shop.handle(*batch) == "DDDD"
    assert shop.calls == [("products", (1, 2))]
    assert (title(shop, 1), title(shop, 2)) == ("Mug 7", "Mug 7")


def test_what_is_cached_is_dropped_before_the_read_and_after_the_commit(
    shop: FollowedShop,
) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 7))
    shop.handle(shop.told("products/update", {"id": 1}))
    assert shop.forgotten == [("product", (1,)), ("product", (1,))]


def test_a_retry_of_shopifys_is_read_unless_the_database_knows_better(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 5))
    shop.shopify.set(ResourceKind.PRODUCT, as_read(2, 9))
    batch = [update(shop, 1, 4, late_s=LATE_S), update(shop, 2, 4, late_s=LATE_S)]
    assert shop.handle(*batch) == "DD"
    assert shop.calls == [("products", (2,))]
    assert (title(shop, 1), title(shop, 2)) == ("Mug 5", "Mug 9")


@pytest.mark.parametrize("late_s", [0.0, 299.0])
def test_a_webhook_that_took_less_than_five_minutes_is_trusted(
    shop: FollowedShop, late_s: float
) -> None:
    assert shop.handle(update(shop, 1, 4, late_s=late_s)) == "D"
    assert (title(shop, 1), shop.calls) == ("Mug 4", [])


def test_a_webhook_whose_trigger_is_not_known_is_trusted(shop: FollowedShop) -> None:
    known = update(shop, 1, 4)
    unknown = Webhook(msgspec.structs.replace(known._stored, triggered_ms=0))
    assert shop.handle(unknown) == "D"
    assert (title(shop, 1), shop.calls) == ("Mug 4", [])


def test_a_retry_whose_read_was_refused_is_read_when_it_comes_again(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 9))
    shop.shopify.fault = BudgetSpent(SHOP, 3.0)
    late = update(shop, 1, 4, late_s=LATE_S)
    assert shop.parked(late) == ("B", Parking("budget", 3000))
    shop.shopify.fault = None
    assert shop.handle(late) == "D"
    assert title(shop, 1) == "Mug 9"


def test_webhooks_that_waited_are_answered_by_the_read_that_the_first_asked_for(
    shop: FollowedShop,
) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 7))
    flood = [shop.told("products/update", {"id": 1}) for _ in range(3)]
    flood.append(update(shop, 1, 4, late_s=LATE_S))
    shop.hand.now += 2
    assert [shop.handle(one) for one in flood] == ["D"] * 4
    assert shop.calls == [("products", (1,))]


def test_one_that_was_triggered_after_that_read_or_beside_it_is_read_for(
    shop: FollowedShop,
) -> None:
    """Beside it: within the two seconds that two hosts' clocks may differ by."""
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 7))
    beside = shop.told("products/update", {"id": 1})
    shop.hand.now += 1
    after = shop.told("products/update", {"id": 1}, triggered_at=at(NOW_S + 1))
    for webhook in (beside, beside, after):
        shop.handle(webhook)
    assert shop.calls == [("products", (1,))] * 3


def test_a_retry_triggered_before_that_read_needs_none(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 7))
    shop.handle(shop.told("products/update", {"id": 1}))
    shop.handle(update(shop, 1, 7, late_s=LATE_S))
    assert shop.calls == [("products", (1,))]


def test_what_was_deleted_is_not_asked_for_any_more(shop: FollowedShop) -> None:
    shop.copy.delete_products(SHOP, [1], at(1))
    assert shop.handle(shop.told("products/update", {"id": 1})) == "D"
    assert shop.calls == []


def test_a_batch_dearer_than_the_shops_points_comes_to_an_end(shop: FollowedShop) -> None:
    """What was read before the points were spent is settled: the next run asks for the rest."""
    shop.shopify.set(ResourceKind.PRODUCT, *(as_read(one, 7) for one in (1, 2, 3)))
    batch = [shop.told("products/update", {"id": one}, reconciled=True) for one in (1, 2, 3)]
    shop.shopify.parts_until_fault = 2
    assert shop.parked(*batch) == ("DDB", Parking("budget", 3000))
    assert (title(shop, 2), title(shop, 3)) == ("Mug 7", None)
    assert shop.counted["missed:products"] == 2
    assert shop.handle(batch[2]) == "D"
    assert shop.calls == [("products", (1, 2, 3)), ("products", (3,))]


def test_a_product_of_more_variants_than_its_body_holds_is_read(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 4, 10, 11, 12))
    body = product_body(1, 4, 10, named=2)
    assert shop.handle(shop.told("products/update", body)) == "D"
    assert shop.calls == [("products", (1,))]
    stored = shop.copy.product(SHOP, 1)
    assert stored is not None
    assert [variant.id for variant in stored.variants] == [10, 11, 12]


def test_such_a_product_is_not_read_where_the_database_is_newer(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 5))
    assert shop.handle(shop.told("products/update", product_body(1, 4, 10, named=2))) == "D"
    assert (title(shop, 1), shop.calls) == ("Mug 5", [])


def test_such_a_product_that_has_just_changed_is_read_once_and_waits_for_nothing(
    shop: FollowedShop,
) -> None:
    second = NOW_S - 0.5
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, second, 10, 11, 12))
    assert shop.handle(shop.told("products/update", product_body(1, second, 10, named=2))) == "D"
    assert shop.calls == [("products", (1,))]
    assert title(shop, 1) == f"Mug {second:g}"


# ---- two bodies of one second


def other(shop: FollowedShop, number: int, second: float) -> Webhook:
    """Another body of the same second."""
    body = {**product_body(number, second), "title": "Other"}
    return shop.told("products/update", body)


def test_two_bodies_of_one_second_are_read_once_it_is_over(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 5, title="Last"))
    shop.handle(update(shop, 1, 5))
    assert shop.handle(other(shop, 1, 5), update(shop, 2, 5)) == "DD"
    assert shop.calls == [("products", (1,))]
    assert title(shop, 1) == "Last"


def test_while_it_is_not_over_nothing_is_asked_and_only_the_contradicted_waits(
    shop: FollowedShop,
) -> None:
    now = NOW_S
    shop.handle(update(shop, 1, now))
    again = other(shop, 1, now)
    assert shop.parked(again, update(shop, 2, now)) == ("BD", Parking("unsettled", 2000))
    assert (title(shop, 2), shop.calls) == (f"Mug {now:g}", [])

    shop.hand.now += 2
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, now, title="Other"))
    assert shop.handle(again) == "D"
    assert (title(shop, 1), shop.calls) == ("Other", [("products", (1,))])


def test_who_waits_ends_without_a_call_where_a_newer_version_has_come(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, NOW_S))
    again = other(shop, 1, NOW_S)
    shop.parked(again)
    shop.hand.now += 2
    assert shop.handle(again, update(shop, 1, NOW_S + 2)) == "UD"
    assert shop.calls == []


def test_a_resource_that_never_rests_costs_a_call_each_time_and_goes_on(
    shop: FollowedShop,
) -> None:
    """Every read finds a change of its own second that contradicts the stored one."""
    shop.handle(update(shop, 1, NOW_S))
    asks = shop.told("products/update", {"id": 1})
    for _ in range(3):
        second = shop.hand.now - START.timestamp()
        shop.handle(update(shop, 1, second))
        shop.shopify.set(ResourceKind.PRODUCT, as_read(1, second, title="Other"))
        assert shop.parked(asks) == ("B", Parking("unsettled", 2000))
        shop.hand.now += 2
    assert shop.handle(asks) == "D"
    assert title(shop, 1) == "Other"
    assert len(shop.calls) == 4


def test_an_answer_that_is_behind_is_asked_for_again_and_then_is_a_failed_run(
    shop: FollowedShop,
) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 3))
    second = NOW_S - 0.5
    partial = shop.told("products/update", product_body(1, second, 10, named=2))
    assert shop.parked(partial)[0] == "B"
    shop.hand.now += 2
    settlement, raised = shop.run([partial])
    assert (letters(settlement), raised) == (Letter.FAILED, [])
    assert settlement.parkings == {}
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, second, 10, 11, 12))
    assert shop.handle(partial) == "D"


def test_a_version_of_the_far_future_that_is_contradicted_is_a_failed_run(
    shop: FollowedShop,
) -> None:
    shop.handle(update(shop, 1, 10**6))
    settlement, _ = shop.run([other(shop, 1, 10**6)])
    assert (letters(settlement), settlement.parkings) == (Letter.FAILED, {})


# ---- deletes


def test_deletes_are_confirmed_by_one_call(shop: FollowedShop) -> None:
    shop.handle(*(update(shop, one, 1) for one in (1, 2, 3)))
    shop.shopify.set(ResourceKind.PRODUCT, as_read(2, 6))
    gone = [shop.told("products/delete", {"id": one}) for one in (1, 2, 3)]
    assert shop.handle(*gone) == "DDD"
    assert shop.calls == [("existing product", (1, 2, 3)), ("products", (2,))]
    assert [title(shop, one) for one in (1, 2, 3)] == [None, "Mug 6", None]
    assert shop.handle(update(shop, 1, 8)) == "D"
    assert title(shop, 1) is None, "a delete is for ever"


def test_what_shopify_does_not_have_when_it_is_read_is_deleted(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 1))
    asks = shop.told("products/update", {"id": 1})
    shop.hand.now += 2
    assert shop.handle(asks) == "D"
    assert title(shop, 1) is None


def test_but_not_while_the_webhook_that_speaks_of_it_has_just_come(shop: FollowedShop) -> None:
    asks = shop.told("products/create", {"id": 1})
    assert shop.parked(asks) == ("B", Parking("unsettled", 2000))
    shop.hand.now += 2
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 5))
    assert shop.handle(asks) == "D"
    assert title(shop, 1) == "Mug 5"


# ---- reconciled webhooks


def test_what_a_reconciliation_brought_is_counted_as_missed_once(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 5), as_read(2, 5))
    shop.handle(update(shop, 2, 5))
    shop.counted.clear()
    told = [shop.told("products/update", {"id": one}, reconciled=True) for one in (1, 2)]
    shop.handle(*told)
    assert shop.counted == {"missed:products": 1, "asked:products": 2}
    shop.handle(*told)
    assert shop.counted["missed:products"] == 1


def test_a_delete_that_a_reconciliation_found_is_counted_as_missed(shop: FollowedShop) -> None:
    shop.handle(update(shop, 1, 5))
    shop.handle(shop.told("products/delete", {"id": 1}, reconciled=True))
    assert shop.counted["missed:products"] == 1


def test_what_webhooks_brought_is_not_counted_as_missed(shop: FollowedShop) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 5))
    shop.handle(shop.told("products/update", {"id": 1}))
    shop.handle(update(shop, 2, 5))
    shop.handle(shop.told("products/delete", {"id": 2}))
    assert "missed:products" not in shop.counted


def test_a_webhook_of_a_day_ago_is_handled_like_any_other_once_it_is_put(
    shop: FollowedShop,
) -> None:
    shop.shopify.set(ResourceKind.PRODUCT, as_read(1, 4))
    late = update(shop, 1, 4, triggered_at=START - timedelta(days=1))
    assert shop.handle(late) == "D"
    assert shop.calls == [("products", (1,))]
    assert title(shop, 1) == "Mug 4"
