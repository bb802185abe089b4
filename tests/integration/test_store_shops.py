"""The shops in the database: installed, marked, uninstalled, installed again."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from avnu.clock import SystemClock
from avnu.errors import UnknownShop
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.shops import Shops, Status
from avnu.store.tables import shops as table
from avnu.store.vault import Vault
from tests.support.token_server import SHOP

pytest_plugins = ("tests.support.store_fixtures",)

PAIR = TokenPair(Secret("shpat_made_up"), Secret("shprt_made_up"), 3600.0, 7_776_000.0)
LASTING = TokenPair(Secret("shpat_made_up"))

Install = Callable[..., bool]


def test_an_installed_shop_is_found_as_it_was_given(shops: Shops, install: Install) -> None:
    before = datetime.now(UTC)
    assert install(PAIR, plan="basic", scopes=("read_orders", "write_products"))
    found = shops.get(SHOP)
    assert (found.domain, found.status, found.reason) == (SHOP, Status.INSTALLED, "")
    assert (found.plan, found.scopes) == ("basic", ("read_orders", "write_products"))
    assert found.installed_at is not None
    assert found.access_expires_at is not None
    assert before <= found.installed_at <= datetime.now(UTC)
    assert found.access_expires_at - found.installed_at == timedelta(hours=1)
    assert (found.has_access_token, found.has_refresh_token) == (True, True)


def test_shops_are_listed_page_by_page(shops: Shops, store: Store, install: Install) -> None:
    names = [f"shop-{number:04}.myshopify.com" for number in range(503)]
    install(LASTING)
    with store.writing() as connection:
        row = dict(connection.execute(table.select()).one()._mapping)
        connection.execute(table.delete())
        connection.execute(table.insert(), [{**row, "domain": name} for name in names])
    shops.mark(names[7], Status.FROZEN, "402")
    assert [shop.domain for shop in shops.every()] == names
    assert [shop.domain for shop in shops.every(Status.FROZEN)] == [names[7]]


def test_what_shopify_says_is_noted_once(shops: Shops, install: Install) -> None:
    install(PAIR)
    assert shops.mark(SHOP, Status.FROZEN, "it has not paid: " + "x" * 400)
    assert not shops.mark(SHOP, Status.FROZEN, "it has not paid: " + "x" * 400)
    assert shops.get(SHOP).status is Status.FROZEN
    assert shops.mark(SHOP, Status.INSTALLED)
    assert shops.get(SHOP).reason == ""


def test_an_uninstalled_shop_has_no_tokens_and_only_tokens_bring_it_back(
    shops: Shops, store: Store, install: Install
) -> None:
    install(PAIR)
    first = shops.get(SHOP).installed_at
    shops.uninstall(SHOP)
    with store.reading() as connection:
        row = connection.execute(table.select()).one()
    assert (row.access_token, row.refresh_token) == (None, None)
    assert not shops.mark(SHOP, Status.INSTALLED)
    assert not shops.resume(SHOP)
    gone = shops.get(SHOP)
    assert gone.status is Status.UNINSTALLED
    assert gone.uninstalled_at is not None
    install(PAIR)
    back = shops.get(SHOP)
    assert (back.status, back.uninstalled_at) == (Status.INSTALLED, None)
    assert back.installed_at is not None
    assert first is not None
    assert back.installed_at > first


def test_new_tokens_leave_nothing_of_the_old_ones(shops: Shops, install: Install) -> None:
    install(PAIR, plan="basic", scopes=("read_orders",))
    first = shops.get(SHOP)
    assert not install(LASTING, replace=False)
    assert install(LASTING)
    found = shops.get(SHOP)
    assert (found.has_refresh_token, found.refresh_expires_at) == (False, None)
    assert (found.access_expires_at, found.access_due_at) == (None, None)
    assert (found.plan, found.scopes, found.installed_at) == (
        "basic",
        ("read_orders",),
        first.installed_at,
    )


def test_resume_forgets_what_is_noted_against_a_shop(shops: Shops, install: Install) -> None:
    install(PAIR)
    shops.mark(SHOP, Status.UNAUTHORISED, "401")
    assert shops.resume(SHOP)
    found = shops.get(SHOP)
    assert (found.status, found.reason) == (Status.INSTALLED, "")


def test_who_comes_back_is_told_of_before_it_is_installed(
    store: Store, key: str, shops: Shops
) -> None:
    told: list[tuple[str, Status]] = []
    taking = Installing(
        store, Vault((Secret(key),)), SystemClock(), random.Random(1),
        returning=lambda shop: told.append((shop, shops.get(shop).status)),
    )  # fmt: skip
    taking.install(SHOP, PAIR)
    taking.install(SHOP, PAIR)
    shops.mark(SHOP, Status.UNAUTHORISED)
    taking.install(SHOP, PAIR)
    assert told == []
    shops.uninstall(SHOP)
    taking.install(SHOP, PAIR)
    assert told == [(SHOP, Status.UNINSTALLED)]


def test_plan_and_scopes_are_noted(shops: Shops, install: Install) -> None:
    install(PAIR, plan="basic", scopes=("read_orders",))
    shops.describe(SHOP, plan="plus")
    shops.describe(SHOP, scopes=("read_products",))
    found = shops.get(SHOP)
    assert (found.plan, found.scopes) == ("plus", ("read_products",))


@pytest.mark.parametrize(
    "act",
    [
        lambda shops: shops.get(SHOP),
        lambda shops: shops.mark(SHOP, Status.FROZEN),
        lambda shops: shops.resume(SHOP),
        lambda shops: shops.make_due(SHOP),
        lambda shops: shops.describe(SHOP, plan="plus"),
        lambda shops: shops.uninstall(SHOP),
        lambda shops: shops.remove(SHOP),
    ],
)
def test_an_unknown_shop_is_said_to_be_one(shops: Shops, act: Callable[[Shops], object]) -> None:
    with pytest.raises(UnknownShop, match=SHOP):
        act(shops)


def test_a_removed_shop_is_unknown(shops: Shops, install: Install) -> None:
    install(PAIR)
    shops.remove(SHOP)
    assert list(shops.every()) == []
