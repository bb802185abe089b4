"""Runs of reconciliation: resumed where they were, one at a time, each difference put in once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from avnu.clock import SystemClock
from avnu.errors import InboxFull, LineTooLong
from avnu.inbox import Inbox
from avnu.inbox.queries import find
from avnu.inbox.turn import Parking
from avnu.reconcile.watermarks import LEASE_S, Watermark
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.tables import products, variants
from avnu.store.market.versions import LevelKey
from avnu.store.tables import watermarks
from tests.support.inbox import BACK, DONE, REJECTED, begin, check, open_inbox, pass_time, settle
from tests.support.market import SHOP, at, level, product
from tests.support.reconcile import Listed, ListedSteps, have_app, run

pytest_plugins = ("tests.support.store_fixtures",)

MakeSteps = Callable[..., ListedSteps]


@pytest.fixture
def shopify_has() -> Listed:
    return Listed()


@pytest.fixture
def inbox(settings: Settings) -> Inbox:
    return open_inbox(settings)


@pytest.fixture
def make_steps(settings: Settings, inbox: Inbox, store: Store, shopify_has: Listed) -> MakeSteps:
    """Like another process each time; ``RECONCILE_OPEN="3"`` changes a setting."""
    have_app(store, SHOP)

    def make(**changes: str) -> ListedSteps:
        known = Settings.load({**settings.to_environ(), **changes})
        return ListedSteps(known, SystemClock(), inbox, store, shopify_has)

    return make


@pytest.fixture
def steps(make_steps: MakeSteps) -> ListedSteps:
    return make_steps()


def put_in(inbox: Inbox, state: str | None = "waiting") -> list[tuple[str, str]]:
    """Topic and number of each webhook in the inbox."""
    found = find(inbox, state=state, limit=1_000)
    return sorted((one.topic, one.webhook_id.split("-")[2]) for one in found)


def row_of(steps: ListedSteps, resource: str = "products") -> Watermark:
    return next(one for one in steps.marks.of(SHOP) if one.resource == resource)


def move(store: Store, seconds: float) -> None:
    """As if so much time had passed for the rows, by the database's clock."""
    with store.writing() as connection:
        for row in connection.execute(watermarks.select()).mappings().all():
            moved = {
                name: row[name] - timedelta(seconds=seconds)
                for name in ("due_at", "until", "swept_at", "run_at")
                if row[name] is not None
            }
            mine = (watermarks.c.shop == row["shop"]) & (watermarks.c.resource == row["resource"])
            connection.execute(update(watermarks).where(mine).values(moved))


def settle_all(inbox: Inbox, area: str = "products") -> None:
    """Every webhook of the shop is handled, with whatever effect."""
    while find(inbox, state="waiting"):
        holder, batch = begin(inbox, SHOP, area=area)
        settle(holder, *[DONE] * len(batch.webhooks))


# ---- what a run finds


def test_what_is_missing_older_or_in_doubt_is_put_in_and_what_is_equal_is_not(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    steps.market.put_products(SHOP, [product(2, 1), product(3, 3), product(4, 4, read_at=at(60))])
    steps.market.delete_products(SHOP, [5], at(2))
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(n) for n in (1, 2, 3, 4, 5)}
    run(steps, "products")
    assert put_in(inbox) == [("products/update", n) for n in ("1", "2", "3")]
    row = row_of(steps)
    assert (row.looked, row.differing, row.in_doubt, row.gone) == (8, 2, 1, 0)
    check(inbox, waiting=3)


def test_what_shopify_no_longer_has_is_put_in_as_a_delete(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    steps.market.put_products(SHOP, [product(n, n, read_at=at(60)) for n in (1, 2, 3)])
    steps.market.put_levels(SHOP, [level(1, 10, 1), level(1, 11, 1)])
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    shopify_has.has[ResourceKind.LEVEL] = {LevelKey(1, 11): at(0)}
    run(steps, "products")
    run(steps, "levels")
    assert put_in(inbox) == [
        ("inventory_levels/disconnect", "1.10"), ("products/delete", "2"), ("products/delete", "3"),
    ]  # fmt: skip
    assert row_of(steps).gone == 2


def test_the_next_run_asks_from_the_last_one_less_an_overlap(
    steps: ListedSteps, shopify_has: Listed
) -> None:
    run(steps, "products")
    first = row_of(steps)
    assert first.since is not None
    assert (first.run_at, first.owner, first.phase, first.cursor) == (None, None, None, None)
    asked = shopify_has.asked[0]
    assert asked == (ResourceKind.PRODUCT, None, None)
    mine = steps.marks.take(SHOP, "products", "nobody", "heir")
    assert mine is None
    _claim(steps, "beat")
    taken = steps.marks.take(SHOP, "products", "beat", "heir")
    assert taken is not None
    assert taken.asked_from == first.since - timedelta(seconds=600)


def _claim(steps: ListedSteps, owner: str) -> None:
    with steps._services().store.writing() as connection:
        connection.execute(update(watermarks).values(owner=owner))


def test_a_run_that_asks_for_less_than_is_lacking_does_not_move_the_watermark(
    steps: ListedSteps,
) -> None:
    run(steps, "products", since=at(50))
    assert row_of(steps).since is None
    run(steps, "products")
    known = row_of(steps).since
    assert known is not None
    run(steps, "products", since=known + timedelta(seconds=1))
    assert row_of(steps).since == known
    run(steps, "products", since=known)
    assert row_of(steps).since != known


def test_what_changed_lately_waits_for_its_webhook_unless_everything_is_asked_for(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    now = _now(steps)
    shopify_has.has[ResourceKind.PRODUCT] = {1: now - timedelta(seconds=300), 2: now}
    run(steps, "products", since=now - timedelta(days=1), grace_s=120)
    assert put_in(inbox) == [("products/update", "1")]
    run(steps, "products", grace_s=120)
    assert put_in(inbox) == [("products/update", "1"), ("products/update", "2")]


def _now(steps: ListedSteps) -> Any:
    mark = steps.marks.seize(SHOP, "orders", "who asks the time", None)
    assert mark is not None
    assert mark.run_at is not None
    return mark.run_at.replace(microsecond=0)


def test_a_sweep_is_due_again_after_its_time(steps: ListedSteps, store: Store) -> None:
    def swept() -> bool:
        """Whether a run that the periodic job begins sweeps."""
        _claim(steps, "beat")
        mark = steps.marks.take(SHOP, "products", "beat", "heir")
        phases = set()
        while mark is not None and mark.run_at is not None:
            phases.add(mark.phase)
            mark = steps.step(mark, 0.0)
        return "sweep" in phases

    run(steps, "products")
    assert not swept()
    move(store, 86_401)
    assert swept()
    assert not swept()


# ---- cut short, twice, by two


def test_a_run_that_is_killed_between_a_page_and_its_note_goes_on_and_puts_nothing_in_twice(
    make_steps: MakeSteps, store: Store, shopify_has: Listed, inbox: Inbox
) -> None:
    steps = make_steps()
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(n) for n in range(1, 8)}
    mark = steps.marks.seize(SHOP, "products", "first", None)
    assert mark is not None
    mark = steps.step(mark, 0.0)
    assert mark is not None

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    steps._note = killed  # type: ignore[assignment, method-assign]
    with pytest.raises(KeyboardInterrupt):
        steps.step(mark, 0.0)
    assert len(put_in(inbox)) == 4
    # Nobody else has it while its owner may be alive, and then from where it was.
    assert make_steps().marks.seize(SHOP, "products", "second", None) is None
    move(store, LEASE_S + 1)
    shopify_has.asked.clear()
    run(make_steps(), "products")
    assert [after for _, _, after in shopify_has.asked] == ["2", "4", "6"]
    assert put_in(inbox) == [("products/update", str(n)) for n in range(1, 8)]
    assert row_of(make_steps()).looked == 7
    check(inbox, waiting=7)


def test_one_that_was_taken_for_dead_changes_nothing_when_it_comes_back(
    make_steps: MakeSteps, store: Store, shopify_has: Listed, inbox: Inbox
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(n) for n in range(1, 6)}
    frozen = make_steps()
    old = frozen.marks.seize(SHOP, "products", "frozen", None)
    assert old is not None
    move(store, LEASE_S + 1)
    run(make_steps(), "products")
    ended = row_of(frozen)
    assert frozen.step(old, 0.0) is None
    assert frozen.marks.let_go(old, 0.0, "late") is None
    assert frozen.marks.give_up(old, 0.0, "late") is None
    assert row_of(frozen) == ended
    check(inbox, waiting=5)


def test_a_message_that_comes_twice_begins_one_slice(steps: ListedSteps) -> None:
    run(steps, "products")
    _claim(steps, "published")
    assert steps.marks.take(SHOP, "products", "published", "one") is not None
    assert steps.marks.take(SHOP, "products", "published", "two") is None


# ---- one webhook for one difference


def test_a_difference_that_is_found_again_while_its_webhook_is_open_adds_none(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    run(steps, "products")
    run(steps, "products")
    assert put_in(inbox) == [("products/update", "1")]


def test_one_that_was_settled_without_effect_is_put_in_again_once_a_run(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    run(steps, "products")
    settle_all(inbox)
    run(steps, "products")
    assert put_in(inbox) == [("products/update", "1")]
    settle_all(inbox)
    run(steps, "products")
    assert put_in(inbox) == [("products/update", "1")]


def test_a_dead_letter_is_its_operators_unless_time_has_mended_its_cause(
    make_steps: MakeSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    steps = make_steps()
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    run(steps, "products")
    holder, _ = begin(inbox, SHOP, area="products")
    settle(holder, BACK, park=(SHOP, Parking("frozen", 86_400_000)))
    pass_time(inbox, 86_400 + 10, step_s=4_000)
    dead = find(inbox, state="dead")
    assert [one.cause for one in dead] == ["unavailable"]
    run(steps, "products")
    assert put_in(inbox) == [("products/update", "1")]


def test_a_rejected_one_is_not_put_in_again(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    run(steps, "products")
    holder, _ = begin(inbox, SHOP, area="products")
    settle(holder, REJECTED)
    run(steps, "products")
    assert put_in(inbox) == []
    assert put_in(inbox, "dead") == [("products/update", "1")]


# ---- what makes it wait


def test_a_shop_whose_line_is_long_is_not_asked(
    make_steps: MakeSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    steps = make_steps(RECONCILE_OPEN="4")
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(n) for n in range(1, 10)}
    with pytest.raises(LineTooLong):
        run(steps, "products")
    assert len(put_in(inbox)) == 4
    calls = len(shopify_has.asked)
    mark = row_of(steps)
    with pytest.raises(LineTooLong):
        steps.step(mark, 0.0)
    assert len(shopify_has.asked) == calls
    settle_all(inbox)
    noted = steps.step(mark, 0.0)
    assert noted is not None
    assert noted.looked == 6


def test_a_full_inbox_keeps_the_page_for_later(
    steps: ListedSteps, shopify_has: Listed, inbox: Inbox
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    mark = steps.marks.seize(SHOP, "products", "me", None)
    assert mark is not None
    inbox.client.hset(inbox.keys.of("control"), "full", "1")
    with pytest.raises(InboxFull):
        steps.step(mark, 0.0)
    assert row_of(steps) == mark
    inbox.client.hdel(inbox.keys.of("control"), "full")
    assert steps.step(mark, 0.0) is not None
    assert put_in(inbox) == [("products/update", "1")]


# ---- whatever is dropped


@hypothesis_settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    told=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.booleans()), max_size=14),
    deleted=st.sets(st.integers(1, 6)),
    page=st.integers(1, 4),
)
def test_whatever_is_dropped_everything_that_differs_has_one_open_webhook(
    make_steps: MakeSteps,
    shopify_has: Listed,
    inbox: Inbox,
    store: Store,
    *,
    told: list[tuple[int, int, bool]],
    deleted: set[int],
    page: int,
) -> None:
    inbox.client.flushall()
    with store.writing() as connection:
        for table in (products, variants, watermarks):
            connection.execute(delete(table))
    steps = make_steps()
    there = {n: max(second for m, second, _ in told if m == n) for n, _, _ in told}
    for number, second, came in told:
        if came:
            steps.market.put_products(SHOP, [product(number, second)])
    shopify_has.page = page
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(s) for n, s in there.items() if n not in deleted}
    run(steps, "products")
    expected = []
    for number, newest in there.items():
        ours = max((s for n, s, came in told if n == number and came), default=None)
        if number in deleted:
            expected += [("products/delete", str(number))] if ours else []
        elif ours is None or ours <= newest:
            # Also of the same second: nobody has read it since.
            expected.append(("products/update", str(number)))
    assert put_in(inbox) == sorted(expected)
