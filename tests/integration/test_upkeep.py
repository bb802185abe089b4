"""The jobs that keep the database: tokens refreshed ahead of need, and what is past its time."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from avnu.app import create_app
from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.clock import SystemClock
from avnu.errors import BreakerOpen
from avnu.keys import Keys
from avnu.runtime import Runtime
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.ahead import Ahead, Refreshed
from avnu.store.database import Store
from avnu.store.market import tables as market_tables
from avnu.store.market.market import Market
from avnu.store.market.versions import LevelKey
from avnu.store.pairs import TokenPair
from avnu.store.purging import purge_leftovers, purge_tombstones
from avnu.store.shops import Shops, Status
from avnu.store.tables import habits, periodic, subscription_audits
from avnu.store.tables import shops as shops_table
from avnu.store.tokens import Tokens
from tasks.maintenance import purge, refresh_tokens
from tests.support.database import database_environ
from tests.support.token_server import CLIENT_ID, CLIENT_SECRET, SHOP, TokenServer, pair_at

pytest_plugins = ("tests.support.store_fixtures",)

Install = Callable[..., bool]
DAY_S = 86_400.0
CLOCK = SystemClock()
NOW = datetime.now(UTC)


def ever() -> bool:
    return True


def domain(name: str) -> str:
    return f"{name}.myshopify.com"


def heard_of(store: Store, name: str, ago: timedelta) -> None:
    row = {"shop": domain(name), "topic": "orders/create", "seen": 1, "gap_s": 0.0}
    with store.writing() as connection:
        connection.execute(insert(habits).values(**row, last_at=NOW - ago))


def change(store: Store, name: str, **columns: object) -> None:
    with store.writing() as connection:
        statement = update(shops_table).where(shops_table.c.domain == domain(name))
        connection.execute(statement.values(columns))


# ---- tokens


@pytest.fixture
def ahead(store: Store, make_tokens: Callable[..., Tokens]) -> Ahead:
    return Ahead(store, make_tokens(), CLOCK)


def pair(life_s: float = 3600.0, refresh_days: float | None = 80) -> TokenPair:
    refresh_s = None if refresh_days is None else refresh_days * DAY_S
    return TokenPair(Secret("shpat_a"), Secret("shprt_made_up_0"), life_s, refresh_s)


def test_whose_tokens_are_due(store: Store, install: Install, ahead: Ahead, shops: Shops) -> None:
    for name, days in (("late", 60), ("soon", 25), ("sooner", 3), ("gone", 1), ("waits", 1),
                       ("frozen", 2), ("unknown", None), ("fresh", None)):  # fmt: skip
        install(pair(refresh_days=days), shop=domain(name))
    install(TokenPair(Secret("a")), shop=domain("lasting"))
    shops.uninstall(domain("gone"))
    shops.mark(domain("frozen"), Status.FROZEN)
    change(store, "waits", refresh_after=NOW + timedelta(days=1))
    change(store, "unknown", access_due_at=NOW - timedelta(days=8))
    for name in ("busy", "idle"):
        install(pair(life_s=0), shop=domain(name))
    heard_of(store, "busy", timedelta(minutes=10))
    heard_of(store, "idle", timedelta(hours=2))
    heard_of(store, "late", timedelta(minutes=10))
    due = ahead.due(datetime.now(UTC))
    # Those that would be lost first; where the end is not known the databases differ in order.
    named = [one.partition(".")[0] for one in due]
    assert sorted(named[:4]) == ["frozen", "soon", "sooner", "unknown"]
    assert [one for one in named if one in ("frozen", "sooner", "soon")] == [
        "frozen", "sooner", "soon",
    ]  # fmt: skip
    assert named[4:] == ["busy"]


def test_an_idle_shop_keeps_its_refresh_token(
    store: Store, install: Install, ahead: Ahead, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 3600))
    change(store, SHOP.partition(".")[0], refresh_expires_at=NOW + timedelta(days=3))
    assert ahead.run(CLOCK.monotonic() + 60) == Refreshed(refreshed=1)
    ends = shops.get(SHOP).refresh_expires_at
    assert ends is not None
    assert ends > NOW + timedelta(days=80)
    assert ahead.run(CLOCK.monotonic() + 60) == Refreshed()
    assert len(shopify.requests) == 1


def test_shopify_s_trouble_ends_the_run_at_once(
    store: Store, install: Install, ahead: Ahead, shopify: TokenServer
) -> None:
    for n in range(5):
        install(pair(life_s=0, refresh_days=1), shop=domain(f"shop-{n}"))
    shopify.answers = [(503, b"")] * 5
    assert ahead.run(CLOCK.monotonic() + 60) == Refreshed(failed=1)
    assert len(shopify.requests) == 1


def test_an_old_token_that_lives_does_not_hide_that_new_ones_fail(
    store: Store, install: Install, ahead: Ahead, shopify: TokenServer, shops: Shops
) -> None:
    for n in range(5):
        install(pair(refresh_days=1), shop=domain(f"shop-{n}"))
    shopify.answers = [(400, b"{}")] * 5
    assert ahead.run(CLOCK.monotonic() + 60) == Refreshed(failed=3)
    assert shops.get(domain("shop-0")).status is Status.INSTALLED
    assert domain("shop-0") not in ahead.due(datetime.now(UTC)), "it waits for its own time"


def test_there_is_no_time_left(
    store: Store, install: Install, ahead: Ahead, shopify: TokenServer
) -> None:
    install(pair(life_s=0, refresh_days=1))
    assert ahead.run(CLOCK.monotonic() + 1) == Refreshed()
    assert shopify.requests == []


# ---- what is past its time


@pytest.fixture
def market(store: Store) -> Market:
    return Market(store, CLOCK)


def tombstones(store: Store) -> dict[str, int]:
    found = {}
    for family in market_tables.EVERY:
        if "deleted_at" in family.c:
            with store.reading() as connection:
                rows = connection.execute(
                    select(family.c.shop).where(family.c.deleted_at.is_not(None))
                ).all()
            found[family.name] = len(rows)
    return {name: n for name, n in found.items() if n}


def bury(market: Market, ids: range) -> None:
    market.delete_products(SHOP, ids, NOW)
    market.delete_items(SHOP, ids, NOW)
    market.delete_locations(SHOP, ids, NOW)
    market.delete_orders(SHOP, ids, NOW)
    market.delete_levels(SHOP, [LevelKey(one, 1) for one in ids], NOW)


def test_old_tombstones_go_and_young_ones_stay(store: Store, market: Market) -> None:
    bury(market, range(1, 702))
    middle = datetime.now(UTC)
    bury(market, range(800, 803))
    # A chunk and a part of one, of each of the five kinds.
    assert purge_tombstones(store, middle, ever) == 5 * 701
    assert set(tombstones(store).values()) == {3}
    assert len(tombstones(store)) == 5
    assert purge_tombstones(store, middle, ever) == 0


def test_a_redacted_order_is_remembered_for_good(store: Store, market: Market) -> None:
    market.redact_customer(SHOP, 1, [7])
    market.delete_orders(SHOP, [7, 8], NOW)
    assert purge_tombstones(store, datetime.now(UTC), ever) == 1
    assert tombstones(store) == {"orders": 1}


def test_a_purge_that_is_cut_short_goes_on_the_next_time(store: Store, market: Market) -> None:
    market.delete_products(SHOP, range(1, 1200), NOW)
    turns = iter([True, False, *[False] * 20])
    assert purge_tombstones(store, datetime.now(UTC), lambda: next(turns)) == 500
    assert purge_tombstones(store, datetime.now(UTC), ever) == 699


def test_what_is_kept_of_shops_that_left_goes(store: Store, install: Install, shops: Shops) -> None:
    for name in ("here", "left"):
        install(pair(), shop=domain(name))
    for name in ("here", "left", "stranger"):
        heard_of(store, name, timedelta(0))
        with store.writing() as connection:
            row = {"shop": domain(name), "due_at": NOW, "found": "{}"}
            connection.execute(insert(subscription_audits).values(row))
    shops.uninstall(domain("left"))
    with store.writing() as connection:
        for name, days in (("renamed", 40), ("alive", 1)):
            row = {"name": name, "due_at": NOW - timedelta(days=days)}
            connection.execute(insert(periodic).values(row))
    assert purge_leftovers(store, NOW, ever) == 5
    with store.reading() as connection:
        assert list(connection.execute(select(habits.c.shop)).scalars()) == [domain("here")]
        assert list(connection.execute(select(periodic.c.name)).scalars()) == ["alive"]


# ---- as jobs


@pytest.fixture
def runtime(settings: Settings, shopify: TokenServer, tmp_path: Path) -> Iterator[Runtime]:
    environ = {
        **settings.to_environ(),
        **database_environ(tmp_path),
        "SHOPIFY_API_KEY": CLIENT_ID,
        "SHOPIFY_API_SECRET": CLIENT_SECRET,
        "SHOPIFY_ADMIN_ORIGIN": shopify.origin,
    }
    made = create_app(Settings.load(environ)).runtime
    yield made
    made.services.get().close()
    made.connections.close()


def test_a_tombstone_outlives_every_dead_letter(runtime: Runtime) -> None:
    store, soon_s = runtime.services.get().store, runtime.clock.monotonic() + 20
    bury(Market(store, CLOCK), range(1, 3))
    assert purge(runtime, soon_s) == {"tombstones": 0, "leftovers": 0}
    with store.writing() as connection:
        for table in market_tables.EVERY:
            if "deleted_at" in table.c:
                connection.execute(update(table).values(written_at=NOW - timedelta(days=31)))
    # By default a dead letter is kept for 30 days, after a day of waiting.
    assert purge(runtime, soon_s) == {"tombstones": 0, "leftovers": 0}
    short = dataclasses.replace(runtime.settings, dead_ttl_seconds=3600)
    assert purge(dataclasses.replace(runtime, settings=short), soon_s)["tombstones"] == 10


def test_tokens_are_left_alone_while_the_breaker_is_open(
    runtime: Runtime, shopify: TokenServer
) -> None:
    soon_s = runtime.clock.monotonic() + 20
    assert refresh_tokens(runtime, soon_s) == {"refreshed": 0, "failed": 0}
    names, policy = Keys(runtime.settings.avnu_namespace), BreakerPolicy.of(runtime.settings)
    BreakerControl(runtime.connections.cache(), names, policy).force(SHOPIFY, "open")
    with pytest.raises(BreakerOpen):
        refresh_tokens(runtime, soon_s)
