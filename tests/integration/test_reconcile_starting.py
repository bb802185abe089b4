"""Which runs begin: those that are due, so many at a time, spread over the interval."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

from sqlalchemy import select, update

from avnu.reconcile.resources import RESOURCES
from avnu.reconcile.starting import begin_due, due_now
from avnu.reconcile.watermarks import LEASE_S, Watermarks
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.purging import purge_leftovers
from avnu.store.shops import Status
from avnu.store.tables import shops, watermarks
from tests.support.market import OTHER, SHOP, START
from tests.support.reconcile import have_app

pytest_plugins = ("tests.support.store_fixtures",)

KINDS = len(RESOURCES)


def begin(store: Store, owner: str = "beat", **changes: str) -> list[tuple[str, str]]:
    return begin_due(store, Settings.load(changes), owner, random.Random(7))


def due_times(store: Store) -> list[datetime]:
    with store.reading() as connection:
        return list(connection.execute(select(watermarks.c.due_at)).scalars())


def set_due(store: Store, seconds_ago: float) -> None:
    """All rows are due since then, by the clock that their times came from."""
    with store.writing() as connection:
        latest = max(connection.execute(select(watermarks.c.due_at)).scalars())
        due_at = latest - timedelta(days=2, seconds=seconds_ago)
        connection.execute(update(watermarks).values(due_at=due_at))


def free(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(watermarks).values(owner=None, until=None))


def test_a_shop_that_has_the_app_is_compared_soon_and_one_that_left_is_not(store: Store) -> None:
    have_app(store, SHOP)
    have_app(store, OTHER, status=Status.UNINSTALLED)
    assert begin(store) == []
    times = due_times(store)
    assert len(times) == KINDS
    assert max(times) - min(times) < timedelta(seconds=20)
    set_due(store, 0)
    assert sorted(begin(store)) == sorted((SHOP, name) for name in RESOURCES)
    # They are somebody's now.
    assert begin(store) == []


def test_a_frozen_shop_is_asked_and_one_that_is_removed_no_more(store: Store) -> None:
    have_app(store, SHOP, status=Status.FROZEN)
    begin(store)
    set_due(store, 0)
    assert len(begin(store)) == KINDS
    free(store)
    with store.writing() as connection:
        connection.execute(shops.delete())
    assert begin(store) == []
    purge_leftovers(store, START, lambda: True)
    assert due_times(store) == []


def test_a_thousand_shops_are_spread_over_the_interval(store: Store) -> None:
    names = [f"shop-{number}.myshopify.com" for number in range(1_000)]
    have_app(store, *names)
    for _ in range(2):  # so many at a time are given their rows
        begin(store, RECONCILE_INTERVAL_SECONDS="3600")
    times = due_times(store)
    assert len(times) == 1_000 * KINDS
    first = min(times)
    per_minute = Counter(int((at - first).total_seconds() // 60) for at in times)
    # The second half is given its rows a moment later, and its last may be of the next minute.
    assert max(per_minute) in {59, 60}
    assert max(per_minute.values()) < 3 * 1_000 * KINDS / 60


def test_no_more_are_under_way_than_allowed_and_the_most_overdue_come_first(store: Store) -> None:
    have_app(store, SHOP, OTHER)
    begin(store)
    set_due(store, 0)
    with store.writing() as connection:
        late = (watermarks.c.shop == OTHER) & (watermarks.c.resource == "orders")
        long_ago = min(connection.execute(select(watermarks.c.due_at)).scalars())
        connection.execute(
            update(watermarks).where(late).values(due_at=long_ago - timedelta(hours=1))
        )
    first = begin(store, RECONCILE_AT_ONCE="3")
    assert len(first) == 3
    assert first[0] == (OTHER, "orders")
    assert begin(store, RECONCILE_AT_ONCE="3") == []
    assert len(begin(store, RECONCILE_AT_ONCE="5")) == 2


def test_one_that_nobody_has_taken_begins_again_when_its_lease_is_over(store: Store) -> None:
    have_app(store, SHOP)
    begin(store)
    set_due(store, 0)
    assert len(begin(store, "lost")) == KINDS
    with store.writing() as connection:
        ago = timedelta(seconds=LEASE_S + 1)
        until = connection.execute(select(watermarks.c.until)).scalars().first()
        assert until is not None
        connection.execute(update(watermarks).values(until=until - ago))
    assert len(begin(store, "next")) == KINDS
    marks = Watermarks(store, 600)
    assert marks.take(SHOP, "orders", "lost", "heir") is None
    assert marks.take(SHOP, "orders", "next", "heir") is not None


def test_two_that_begin_at_once_share_what_is_due(store: Store) -> None:
    have_app(store, *(f"shop-{number}.myshopify.com" for number in range(20)))
    begin(store)
    set_due(store, 0)
    start = Barrier(2)

    def at_once(owner: str) -> list[tuple[str, str]]:
        start.wait(10)
        return begin(store, owner)

    with ThreadPoolExecutor(2) as pool:
        every = [row for some in pool.map(at_once, ("one", "two")) for row in some]
    assert len(every) == len(set(every)) == 20 * KINDS


def test_an_install_asks_for_everything_at_once_whatever_was_known(store: Store) -> None:
    have_app(store, SHOP)
    due_now(store, SHOP)
    marks = Watermarks(store, 600)
    assert len(begin(store, "one")) == KINDS
    mark = marks.take(SHOP, "products", "one", "heir")
    assert mark is not None
    assert marks.end(mark, 3600, since=mark.run_at) is not None
    under_way = marks.take(SHOP, "orders", "one", "heir")
    assert under_way is not None
    due_now(store, SHOP)
    assert marks.save(under_way, cursor="9") is None
    assert {(one.since, one.swept_at, one.run_at) for one in marks.of(SHOP)} == {(None,) * 3}
    assert len(begin(store, "two")) == KINDS
