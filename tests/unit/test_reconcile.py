"""Reconciliation: which versions differ, what is swept, and what is told of each difference."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from avnu.inbox.arrival import IMPORT, RECONCILE
from avnu.inbox.overview import MISSED
from avnu.reconcile.comparing import compare
from avnu.reconcile.letters import letters
from avnu.reconcile.looking import Found, look_for_changes, look_for_deletes, swept_from
from avnu.reconcile.resources import RESOURCES, key_of, text_of
from avnu.reconcile.steps import Steps
from avnu.reconcile.watermarks import Watermark
from avnu.settings import Settings
from avnu.shopify.payloads import decode
from avnu.shopify.payloads.inventory import InventoryLevel
from avnu.shopify.payloads.products import Product, ProductDeleted
from avnu.shopify.reads import Seen
from avnu.store.market.changes import ResourceKind
from avnu.store.market.outcomes import Stamp
from avnu.store.market.versions import Key, LevelKey
from tests.support.market import SHOP, Hand, at
from tests.support.reconcile import Client, Listed, ListedShop

PRODUCTS, LEVELS, ORDERS = (RESOURCES[name] for name in ("products", "levels", "orders"))
READ, DELETED = at(100), at(101)


def stamp(second: float | None, *, read: bool = False, deleted: bool = False) -> Stamp:
    return Stamp(
        None if second is None else at(second),
        READ if read else None,
        "digest",
        DELETED if deleted else None,
    )


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (None, "differs"),
        (stamp(None), "differs"),
        (stamp(4), "differs"),
        (stamp(4, read=True), "differs"),
        (stamp(5), "in doubt"),
        (stamp(5, read=True), "equal"),
        (stamp(6), "equal"),
        (stamp(None, deleted=True), "equal"),
        (stamp(4, deleted=True), "equal"),
    ],
)
def test_a_version_is_compared_by_its_second_and_by_who_told_of_it(
    ours: Stamp | None, verdict: str
) -> None:
    # Parts of a second are not kept, so they make no difference.
    seen = Seen(1, at(5) + timedelta(milliseconds=300))
    found = compare([seen], {} if ours is None else {1: ours}, final=True)
    assert found.differing == ((seen,) if verdict == "differs" else ())
    assert found.in_doubt == ((seen,) if verdict == "in doubt" else ())


def test_a_level_that_is_stocked_again_after_its_end_differs() -> None:
    key = LevelKey(1, 2)
    again, before = Seen(key, at(7)), Seen(key, at(3))
    ours: dict[Key, Stamp] = {key: stamp(5, deleted=True)}
    assert compare([again], ours, final=False).differing == (again,)
    assert compare([before], ours, final=False) == ((), ())


def test_what_changed_lately_is_left_to_its_webhook() -> None:
    old, new = Seen(1, at(5)), Seen(2, at(6))
    assert compare([old, new], {}, final=True, left_from=at(6)).differing == (old,)


# ---- pages


class Stored:
    """As much of ``Market`` as a page asks for."""

    def __init__(self, **stamps: Stamp) -> None:
        self.kept: dict[Key, Stamp] = {key_of(name[1:]): one for name, one in stamps.items()}

    def stamps(self, _shop: str, _kind: ResourceKind, keys: list[Key]) -> dict[Key, Stamp]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def keys(
        self, _shop: str, _kind: ResourceKind, *, after: Key | None, most: int, **_more: Any
    ) -> list[Key]:
        every: list[Any] = [key for key, one in self.kept.items() if one.deleted_at is None]
        every.sort()
        return [key for key in every if after is None or key > after][:most]


def shop_of(reads: Listed, market: Any) -> Any:
    return ListedShop(SHOP, reads, market)


def test_a_page_of_changes_says_where_the_next_one_begins() -> None:
    reads = Listed(page=2)
    reads.has[ResourceKind.PRODUCT] = {1: at(1), 2: at(2), 3: at(3)}
    shop = shop_of(reads, Stored(_1=stamp(1), _2=stamp(1)))
    first = look_for_changes(shop, PRODUCTS, None, None, None)
    assert (first.looked, first.differing, first.in_doubt) == (
        2,
        (Seen(2, at(2)),),
        (Seen(1, at(1)),),
    )
    second = look_for_changes(shop, PRODUCTS, None, first.after, None)
    assert (second.after, second.differing) == (None, (Seen(3, at(3)),))
    assert look_for_changes(shop, PRODUCTS, at(3), None, None).looked == 1


def test_what_is_stored_and_not_at_shopify_is_gone() -> None:
    reads = Listed()
    reads.has[ResourceKind.PRODUCT] = {1: at(1)}
    found = look_for_deletes(
        shop_of(reads, Stored(_1=stamp(1), _2=stamp(1), _3=stamp(1, deleted=True))),
        PRODUCTS, None, None,
    )  # fmt: skip
    assert found == Found(None, 2, gone=(2,))


def test_a_sweep_goes_on_after_the_last_id_of_a_full_page() -> None:
    market = Stored(**{f"_{number}": stamp(1) for number in range(1, 252)})
    first = look_for_deletes(shop_of(Listed(), market), PRODUCTS, None, None)
    assert (first.after, len(first.gone)) == ("250", 250)
    assert look_for_deletes(shop_of(Listed(), market), PRODUCTS, "250", None).gone == (251,)


def test_levels_are_looked_for_item_by_item() -> None:
    reads, market = Listed(), Stored()
    market.kept = dict.fromkeys((LevelKey(1, 10), LevelKey(1, 11), LevelKey(2, 10)), stamp(1))
    reads.has[ResourceKind.LEVEL] = {LevelKey(1, 10): at(9)}
    found = look_for_deletes(shop_of(reads, market), LEVELS, None, None)
    assert found.gone == (LevelKey(1, 11), LevelKey(2, 10))


def test_orders_that_shopify_does_not_show_are_no_deletes() -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert swept_from(ORDERS, ("read_orders",), now) == now - timedelta(days=59)
    assert swept_from(ORDERS, ("read_orders", "read_all_orders"), now) is None
    assert swept_from(PRODUCTS, (), now) is None


# ---- webhooks


def test_a_difference_is_a_webhook_of_ids_that_its_handler_can_read() -> None:
    found = Found(None, 3, (Seen(2**62 + 1, at(5)),), (Seen(7, at(6)),), (9,))
    changed, doubted, gone = letters(SHOP, PRODUCTS, found, importing=False)
    assert (changed.topic, changed.area, changed.name) == ("products/update", "products", RECONCILE)
    read = decode(changed.body, Product)
    assert (read.id, read.updated_at, read.variants) == (2**62 + 1, None, None)
    assert decode(doubted.body, Product).id == 7
    assert (gone.topic, gone.destructive) == ("products/delete", True)
    assert decode(gone.body, ProductDeleted).id == 9
    # Nothing signed these bytes, so the replay guard must not know them.
    assert {one.guard() for one in (changed, doubted, gone)} == {b""}


def test_a_level_is_named_by_both_its_ids() -> None:
    found = Found(None, 1, (Seen(LevelKey(5, 6), at(1)),), (), (LevelKey(5, 7),))
    changed, gone = letters(SHOP, LEVELS, found, importing=True)
    level = decode(changed.body, InventoryLevel)
    assert (level.inventory_item_id, level.location_id, level.updated_at) == (5, 6, None)
    assert (gone.topic, gone.name) == ("inventory_levels/disconnect", IMPORT)


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda one: one.name)
def test_every_resource_fits_into_an_arrival(resource: Any) -> None:
    most = 2**63 - 1
    key = LevelKey(most, most) if resource.kind is ResourceKind.LEVEL else most
    assert key_of(text_of(key)) == key
    for one in letters(
        SHOP, resource, Found(None, 1, (Seen(key, at(1)),), (), (key,)), importing=False
    ):
        assert len(one.webhook_id) + len("-20260701T180000123456") <= 128
        assert one.webhook_id.isascii()
        assert one.webhook_id.isprintable()
        assert one.record().count(b"\n") == 1


def test_the_same_difference_has_the_same_id_and_another_version_another() -> None:
    def ids(second: float) -> list[str]:
        found = Found(None, 1, (Seen(1, at(second)),))
        return [one.webhook_id for one in letters(SHOP, PRODUCTS, found, importing=False)]

    assert ids(1) == ids(1.5)
    assert ids(1) != ids(2)


def test_what_is_compared_is_what_missed_webhooks_are_counted_by() -> None:
    assert list(MISSED) == list(RESOURCES)


# ---- rows


def row(**changes: Any) -> Watermark:
    empty = dict.fromkeys(Watermark.__struct_fields__)
    return msgspec.convert(
        {**empty, "shop": SHOP, "resource": "products", "due_at": at(0), "looked": 0,
         "differing": 0, "in_doubt": 0, "gone": 0, **changes},
        Watermark,
    )  # fmt: skip


def test_a_run_covers_what_it_asks_for_and_no_more() -> None:
    everything = row(run_at=at(9), asked_from=None)
    some = row(run_at=at(9), asked_from=at(5))
    assert everything.covers(None)
    assert everything.covers(at(1))
    assert some.covers(at(5))
    assert some.covers(at(6))
    assert not some.covers(at(4))
    assert not some.covers(None)
    assert not row(run_at=None).covers(at(1))


def test_runs_that_began_together_part() -> None:
    known, client, no_inbox = Settings.load({}), Client(cast("Any", None)), cast("Any", None)
    steps = Steps(known, Hand(), random.Random(7), no_inbox, lambda: cast("Any", client))
    waits = [steps.next_s() for _ in range(200)]
    interval_s = known.reconcile_interval_seconds
    assert 0.8 * interval_s <= min(waits) < 0.85 * interval_s
    assert 1.15 * interval_s < max(waits) <= 1.2 * interval_s
