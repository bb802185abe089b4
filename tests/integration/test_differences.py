"""The comparison of a copy with the sandbox finds what is not the same, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from avnu.sandbox.admin import World
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.differences import _KINDS, Difference, differences
from avnu.sandbox.shops import Sizes
from avnu.store.database import Store
from avnu.store.market.changes import Kind
from avnu.store.market.market import Market
from tests.support.market import Hand

pytest_plugins = ("tests.support.store_fixtures",)

SHOPS = 4


class Later(Hand):
    """Long after whatever was played."""

    now_s = datetime(2027, 1, 1, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def world() -> World:
    return World.played(3, SHOPS, 250, sizes=Sizes(most_products=30, most_variants=130))


@pytest.fixture
def market(store: Store, world: World) -> Market:
    """Holds all that the shops have."""
    market = Market(store, Later())
    puts: dict[Kind, Any] = {
        Kind.PRODUCT: market.put_products,
        Kind.ITEM: market.put_items,
        Kind.LEVEL: market.put_levels,
        Kind.LOCATION: market.put_locations,
        Kind.ORDER: market.put_orders,
    }
    for shop in shops(world):
        for kind, put in puts.items():
            put(shop.shop.domain, list(of(shop, kind)))
    return market


def shops(world: World) -> list[ShopWorld]:
    return [world.shop(domain) for domain in world.domains]


def of(shop: ShopWorld, kind: Kind) -> Iterator[Any]:
    return _KINDS[kind](shop.truth(), shop.shop.currency)


def one_of(world: World, kind: Kind) -> tuple[str, Any]:
    for shop in shops(world):
        for version in of(shop, kind):
            return shop.shop.domain, version
    raise AssertionError(f"nobody has a {kind}")


def test_a_copy_of_everything_has_none(store: Store, market: Market, world: World) -> None:
    assert list(differences(store, shops(world))) == []
    assert all(sum(1 for shop in shops(world) for _ in of(shop, kind)) for kind in _KINDS)


def test_a_copy_of_what_is_new_has_none_since_then(store: Store, world: World) -> None:
    market = Market(store, Later())
    for shop in shops(world):
        new, domain = shop.truth(world.start), shop.shop.domain
        market.put_products(domain, _KINDS[Kind.PRODUCT](new, shop.shop.currency))
        market.put_items(domain, _KINDS[Kind.ITEM](new, shop.shop.currency))
        market.put_levels(domain, _KINDS[Kind.LEVEL](new, ""))
        market.put_locations(domain, _KINDS[Kind.LOCATION](new, ""))
        market.put_orders(domain, _KINDS[Kind.ORDER](new, ""))
    # One that is older, and true.
    domain, old = one_of(world, Kind.PRODUCT)
    market.put_products(domain, [old])
    assert list(differences(store, shops(world), world.start)) == []
    assert list(differences(store, shops(world))) != []


def test_each_wrong_value_is_found(store: Store, market: Market, world: World) -> None:
    wrong: list[tuple[Kind, str, Any]] = [
        (Kind.PRODUCT, "title", "another"),
        (Kind.ITEM, "sku", "another"),
        (Kind.LEVEL, "available", 100_000),
        (Kind.LOCATION, "active", None),
        (Kind.ORDER, "lines", ()),
    ]
    made = set()
    for kind, field, value in wrong:
        domain, version = one_of(world, kind)
        moment = datetime(2026, 12, 1, tzinfo=UTC)
        changed = msgspec.structs.replace(version, updated_at=moment, **{field: value})
        getattr(market, f"put_{NAMES[kind]}")(domain, [changed])
        made.add((domain, kind, version.key, "differs", frozenset({"updated_at", field})))
    found = differences(store, shops(world))
    assert {(one.shop, one.kind, one.key, one.what, frozenset(one.fields)) for one in found} == made


def test_what_is_missing_and_what_is_left_are_found(
    store: Store, market: Market, world: World
) -> None:
    domain, version = one_of(world, Kind.PRODUCT)
    market.delete_products(domain, [version.id], datetime(2026, 12, 1, tzinfo=UTC))
    left = msgspec.structs.replace(version, id=12345)
    market.put_products(domain, [left])
    assert list(differences(store, shops(world))) == [
        Difference(domain, Kind.PRODUCT, version.id, "missing"),
        Difference(domain, Kind.PRODUCT, 12345, "gone at Shopify"),
    ]


NAMES = {
    Kind.PRODUCT: "products",
    Kind.ITEM: "items",
    Kind.LEVEL: "levels",
    Kind.LOCATION: "locations",
    Kind.ORDER: "orders",
}
