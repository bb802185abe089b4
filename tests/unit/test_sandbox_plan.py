"""The delivery plan: a pure function of the seed, with all the mischief that was asked for."""

from collections import Counter, defaultdict

import msgspec
import pytest

from avnu.sandbox import (
    ALL_MISCHIEF,
    NO_MISCHIEF,
    Delivery,
    DeliveryKind,
    Mischief,
    Sizes,
    Store,
    plan,
)
from avnu.sandbox.catalog import variant_count
from avnu.sandbox.delivery import FORGERIES, SHOPIFYS_OWN, Signature
from avnu.sandbox.mischief import GUARDED_BYTES, RATES, REPLAY_BURST
from avnu.shopify.topics import TOPICS

SEED, SHOPS, COUNT = 7, 25, 2000


@pytest.fixture(scope="module")
def full() -> list[Delivery]:
    return plan(SEED, SHOPS, COUNT, ALL_MISCHIEF)


def of_kind(deliveries: list[Delivery], *kinds: DeliveryKind) -> list[Delivery]:
    return [delivery for delivery in deliveries if delivery.kind in kinds]


def genuine(deliveries: list[Delivery]) -> list[Delivery]:
    return of_kind(deliveries, DeliveryKind.GENUINE, DeliveryKind.AT_ONCE, DeliveryKind.DROPPED)


def test_same_seed_same_plan(full: list[Delivery]) -> None:
    assert plan(SEED, SHOPS, COUNT, ALL_MISCHIEF) == full


def test_another_seed_shares_no_webhook(full: list[Delivery]) -> None:
    other = plan(SEED + 1, SHOPS, COUNT, ALL_MISCHIEF)
    assert not {d.webhook_id for d in full} & {d.webhook_id for d in other}


def test_mischief_changes_no_genuine_webhook(full: list[Delivery]) -> None:
    quiet = plan(SEED, SHOPS, COUNT)
    assert {d.kind for d in quiet} == {DeliveryKind.GENUINE}
    assert [(d.webhook_id, d.body) for d in quiet] == [
        (d.webhook_id, d.body) for d in sorted(genuine(full), key=lambda d: d.number)
    ]


@pytest.mark.parametrize("count", [1, 7, 40, 500])
def test_as_many_genuine_webhooks_as_asked(count: int) -> None:
    assert len(genuine(plan(1, 5, count, ALL_MISCHIEF))) == count


@pytest.mark.parametrize("shops", [1, 2, 3, 4])
def test_few_shops_have_a_day_too(shops: int) -> None:
    deliveries = plan(3, shops, 300)
    assert len(deliveries) == 300
    assert {d.shop for d in deliveries} <= {shop.domain for shop in Store(3, shops).shops}


def test_shops_differ_in_size(full: list[Delivery]) -> None:
    ranked = [count for _, count in Counter(d.shop for d in genuine(full)).most_common()]
    assert ranked[0] > 0.3 * COUNT
    assert ranked[len(ranked) // 2] < 0.03 * COUNT
    sizes = [shop.products for shop in Store(SEED, SHOPS).shops]
    assert sizes[0] > 20 * sizes[-1]


def test_every_followed_story_is_there(full: list[Delivery]) -> None:
    topics = Counter(d.topic for d in genuine(full))
    for topic in (
        "orders/create", "orders/paid", "orders/updated", "orders/fulfilled", "orders/cancelled",
        "fulfillments/create", "refunds/create", "products/create", "products/delete",
        "inventory_levels/update", "app/uninstalled", "app/scopes_update", "shop/update",
        "customers/data_request", "customers/redact", "shop/redact", "orders/delete",
        "orders/edited", "orders/partially_fulfilled", "fulfillments/update", "locations/create",
        "locations/deactivate", "inventory_items/create", "inventory_items/update",
        "inventory_items/delete", "inventory_levels/connect", "inventory_levels/disconnect",
    ):  # fmt: skip
        assert topics[topic], topic
    assert [topic for topic in topics if topic not in TOPICS]
    assert topics["products/update"] > 0.4 * COUNT


def test_a_bulk_edit_of_thousands() -> None:
    shop, edited = Counter(
        d.shop for d in plan(SEED, 10, 8000) if d.topic == "products/update"
    ).most_common(1)[0]
    assert shop == Store(SEED, 10).shops[0].domain
    assert edited > 2500


def test_webhook_ids_are_unique_but_for_copies(full: list[Delivery]) -> None:
    own = Counter((d.shop, d.webhook_id) for d in genuine(full))
    assert set(own.values()) == {1}
    for copy in of_kind(full, DeliveryKind.DUPLICATE):
        original = next(d for d in genuine(full) if d.webhook_id == copy.webhook_id)
        assert (copy.shop, copy.topic, copy.body) == (original.shop, original.topic, original.body)


def test_webhooks_of_one_action_share_an_event() -> None:
    topics_of = defaultdict(set)
    for delivery in plan(SEED, SHOPS, COUNT):
        topics_of[delivery.event_id].add(delivery.topic)
    assert {"orders/paid", "orders/updated"} in topics_of.values()


@pytest.mark.parametrize("count", [200, 201, 202, 203])
def test_no_story_is_told_by_half(count: int) -> None:
    """What follows an order changes the order, and that is told as well."""
    topics_of = defaultdict(set)
    for delivery in plan(SEED, SHOPS, count):
        topics_of[delivery.event_id].add(delivery.topic)
    followed = 0
    for topics in topics_of.values():
        if topics & {"refunds/create", "fulfillments/create", "orders/paid", "orders/edited"}:
            assert "orders/updated" in topics
            followed += 1
    assert followed


def test_days_follow_each_other() -> None:
    days = plan(SEED, SHOPS, 901, days=3)
    assert len(days) == 901
    per_day = Counter(d.triggered_at[:10] for d in days)
    assert per_day == {"2026-11-20": 300, "2026-11-21": 300, "2026-11-22": 301}
    assert max(Counter(d.webhook_id for d in days).values()) == 1
    made = Counter(
        (d.shop, d.topic, msgspec.json.decode(d.body)["id"])
        for d in days
        if d.topic in ("orders/create", "products/create", "locations/create")
    )
    assert max(made.values()) == 1, "numbers go on from one day to the next"
    with pytest.raises(ValueError, match="each day needs a webhook"):
        plan(SEED, SHOPS, 2, days=3)


def test_who_leaves_stays_away() -> None:
    store = Store(SEED, SHOPS, days=3)
    left = store.left(3000)
    assert left == [store.shops[-2].domain, store.shops[-3].domain]
    events = [event for event in store.events(3000) if event.shop.domain == left[0]]
    (gone,) = [event.at for event in events if event.topic == "app/uninstalled"]
    after = {event.topic for event in events if event.at > gone}
    assert after <= {"customers/data_request", "customers/redact", "shop/redact"}


def test_catalogues_of_another_size() -> None:
    first, second, *_ = Store(SEED, SHOPS, sizes=Sizes(900, 2000)).shops
    assert first.products == 900
    assert variant_count(first, 0) == 2000
    assert variant_count(first, 1) <= 4
    assert 8 < second.products < 900
    assert variant_count(second, 0) <= 4
    for wrong in ((7, 10), (8, 0), (8, 2001)):
        with pytest.raises(ValueError, match="has"):
            Sizes(*wrong)


def test_an_uninstalled_shop_is_silent() -> None:
    leaver = Store(SEED, SHOPS).shops[-2].domain
    events = [e for e in Store(SEED, SHOPS).events(8000) if e.shop.domain == leaver]
    gone = next(e.at for e in events if e.topic == "app/uninstalled")
    after = {e.topic for e in events if e.at > gone}
    assert after <= {"customers/data_request", "customers/redact", "shop/redact"}


@pytest.mark.parametrize("rate", RATES)
def test_a_rate_above_zero_is_at_least_one_case(rate: str) -> None:
    calm = plan(SEED, SHOPS, 200)
    a_little = msgspec.structs.replace(NO_MISCHIEF, **{rate: 0.1 if rate == "shuffled" else 0.001})
    assert plan(SEED, SHOPS, 200, a_little) != calm


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="forged is a rate from 0 to 1"):
        Mischief(forged=rate)


def test_rates_are_shares_of_the_genuine(full: list[Delivery]) -> None:
    count = Counter(d.kind for d in full)
    assert count[DeliveryKind.DUPLICATE] == round(COUNT * ALL_MISCHIEF.duplicates)
    assert count[DeliveryKind.AT_ONCE] == round(COUNT * ALL_MISCHIEF.simultaneous)
    assert count[DeliveryKind.DROPPED] == round(COUNT * ALL_MISCHIEF.dropped)
    assert count[DeliveryKind.FORGED] == round(COUNT * ALL_MISCHIEF.forged)
    assert count[DeliveryKind.WRONG_SECRET] == round(COUNT * ALL_MISCHIEF.wrong_secret)
    assert count[DeliveryKind.OVERSIZED] == round(COUNT * ALL_MISCHIEF.oversized)
    assert count[DeliveryKind.REPLAYED_ID] % REPLAY_BURST == 0
    assert count[DeliveryKind.REPLAYED_ID]
    assert count[DeliveryKind.REPLAYED_SHOP]
    assert count[DeliveryKind.REPLAYED_TOPIC]
    assert count[DeliveryKind.REPLAYED_NAMED]


def test_shuffled_and_late_change_only_the_order() -> None:
    calm = plan(SEED, SHOPS, COUNT)
    mixed = plan(SEED, SHOPS, COUNT, Mischief(shuffled=0.5, late=0.05))
    assert mixed != calm
    late = [d for d in mixed if d.late_s]
    assert len(late) == round(COUNT * 0.05)
    assert all(3600 <= d.late_s <= 86_400 for d in late)
    punctual = [msgspec.structs.replace(d, late_s=0.0) for d in mixed]
    assert sorted(punctual, key=lambda d: d.number) == calm
    moved = [place - d.number for place, d in enumerate(mixed)]
    assert max(moved) > COUNT / 2  # late
    assert sum(delta != 0 for delta in moved) > COUNT / 3  # shuffled


def test_what_replays_comes_after_what_it_replays(full: list[Delivery]) -> None:
    by_number = {d.number: d for d in full}
    replays = of_kind(
        full, DeliveryKind.REPLAYED_ID, DeliveryKind.REPLAYED_SHOP, DeliveryKind.REPLAYED_TOPIC
    )
    for replay in replays:
        assert replay.after is not None
        before = by_number[replay.after]
        assert before.kind in (DeliveryKind.GENUINE, DeliveryKind.REPLAYED_ID)
        assert (before.body, before.webhook_id != replay.webhook_id) == (replay.body, True)
        assert (before.shop != replay.shop) == (replay.kind is DeliveryKind.REPLAYED_SHOP)
        assert (before.topic != replay.topic) == (replay.kind is DeliveryKind.REPLAYED_TOPIC)
        if replay.kind is DeliveryKind.REPLAYED_TOPIC:
            assert TOPICS[replay.topic].destructive


def test_no_genuine_webhook_trips_the_replay_guard(full: list[Delivery]) -> None:
    seen: defaultdict[bytes, list[Delivery]] = defaultdict(list)
    for delivery in genuine(full):
        if len(delivery.body) >= GUARDED_BYTES and delivery.topic in TOPICS:
            seen[delivery.body].append(delivery)
    for same in seen.values():
        assert len({d.shop for d in same}) == 1
        topics = {d.topic for d in same}
        assert len(topics) == 1 or not any(TOPICS[topic].destructive for topic in topics)
        assert max(Counter(d.topic for d in same).values()) == 1


def test_forgeries_come_in_every_kind(full: list[Delivery]) -> None:
    forged = of_kind(full, DeliveryKind.FORGED)
    assert {d.signature for d in forged} == set(FORGERIES)
    ids = {d.webhook_id for d in genuine(full)}
    stolen = sum(d.webhook_id in ids for d in forged)
    assert 0 < stolen < len(forged)


def test_only_shopifys_own_are_rightly_signed_and_repeated(full: list[Delivery]) -> None:
    for delivery in full:
        assert delivery.retried == (delivery.kind in SHOPIFYS_OWN)
        if delivery.retried:
            assert delivery.signature is Signature.RIGHT
    assert all(d.copies == 2 for d in of_kind(full, DeliveryKind.AT_ONCE))
    assert all(d.copies == 0 for d in of_kind(full, DeliveryKind.DROPPED))
