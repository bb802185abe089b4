"""The comparison of a copy with the sandbox finds what is not the same, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from avnu.sandbox.admin import World
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.differences import VERSIONS, Difference, differences
from avnu.sandbox.shops import Sizes
from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
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
    puts: dict[ResourceKind, Any] = {
        ResourceKind.PRODUCT: market.put_products,
        ResourceKind.ITEM: market.put_items,
        ResourceKind.LEVEL: market.put_levels,
        ResourceKind.LOCATION: market.put_locations,
        ResourceKind.ORDER: market.put_orders,
    }
    for shop in shops(world):
        for kind, put in puts.items():
            put(shop.shop.domain, list(of(shop, kind)))
    return market


def shops(world: World) -> list[ShopWorld]:
    return [world.shop(domain) for domain in world.domains]


def of(shop: ShopWorld, kind: ResourceKind) -> Iterator[Any]:
    return VERSIONS[kind](shop.truth(), shop.shop.currency)


def one_of(world: World, kind: ResourceKind) -> tuple[str, Any]:
    for shop in shops(world):
        for version in of(shop, kind):
            return shop.shop.domain, version
    raise AssertionError(f"nobody has a {kind}")


def test_a_copy_of_everything_has_none(store: Store, market: Market, world: World) -> None:
    assert list(differences(store, shops(world))) == []
    assert all(sum(1 for shop in shops(world) for _ in of(shop, kind)) for kind in VERSIONS)


def test_a_copy_of_what_is_new_has_none_since_then(store: Store, world: World) -> None:
    market = Market(store, Later())
    for shop in shops(world):
        new, domain = shop.truth(world.start), shop.shop.domain
        market.put_products(domain, VERSIONS[ResourceKind.PRODUCT](new, shop.shop.currency))
        market.put_items(domain, VERSIONS[ResourceKind.ITEM](new, shop.shop.currency))
        market.put_levels(domain, VERSIONS[ResourceKind.LEVEL](new, ""))
        market.put_locations(domain, VERSIONS[ResourceKind.LOCATION](new, ""))
        market.put_orders(domain, VERSIONS[ResourceKind.ORDER](new, ""))
    # One that is older, and true.
    domain, old = one_of(world, ResourceKind.PRODUCT)
    market.put_products(domain, [old])
    assert list(differences(store, shops(world), world.start)) == []
    assert list(differences(store, shops(world))) != []


def test_each_wrong_value_is_found(store: Store, market: Market, world: World) -> None:
    wrong: list[tuple[ResourceKind, str, Any]] = [
        (ResourceKind.PRODUCT, "title", "another"),
        (ResourceKind.ITEM, "sku", "another"),
        (ResourceKind.LEVEL, "available", 100_000),
        (ResourceKind.LOCATION, "active", None),
        (ResourceKind.ORDER, "lines", ()),
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
    domain, version = one_of(world, ResourceKind.PRODUCT)
    market.delete_products(domain, [version.id], datetime(2026, 12, 1, tzinfo=UTC))
    left = msgspec.structs.replace(version, id=12345)
    market.put_products(domain, [left])
    assert list(differences(store, shops(world))) == [
        Difference(domain, ResourceKind.PRODUCT, version.id, "missing"),
        Difference(domain, ResourceKind.PRODUCT, 12345, "gone at Shopify"),
    ]


NAMES = {
    ResourceKind.PRODUCT: "products",
    ResourceKind.ITEM: "items",
    ResourceKind.LEVEL: "levels",
    ResourceKind.LOCATION: "locations",
    ResourceKind.ORDER: "orders",
}
