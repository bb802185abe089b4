"""Whole reads over HTTP: for all that a played shop has, what is read is what webhooks tell."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from avnu.clock import SystemClock
from avnu.errors import BudgetSpent, Throttled
from avnu.sandbox import orders as sandbox_orders
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.admin.bucket import LIMITS
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.orders import Line
from avnu.sandbox.shops import Sizes
from avnu.sandbox.truth import Truth
from avnu.secret import Secret
from avnu.shopify.payloads import decode, inventory
from avnu.shopify.payloads import orders as order_payloads
from avnu.shopify.payloads import products as product_payloads
from avnu.shopify.query import NodesQuery, Query, gid
from avnu.shopify.reads import Reads, Seen
from avnu.shopify.reads.queries import listings, orders, products, stock
from avnu.store.market import catalogue_rows, order_rows
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import LevelKey, Order
from avnu.webhook import Shop
from tests.support.deployment import CLIENT_ID, CLIENT_SECRET, PLENTY_S, Deployment

pytest_plugins = ("tests.support.shopify_fixtures",)


@pytest.fixture(scope="module")
def world() -> World:
    """A shop on the evening of a day, whose first product has 2,000 variants."""
    return World.played(11, 1, 600, sizes=Sizes(most_products=80, most_variants=2_000))


@pytest.fixture
def sandbox(world: World) -> Iterator[AdminSandbox]:
    with AdminSandbox(
        world, SystemClock(), client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET)
    ) as running:
        yield running


class Reader:
    """A shop with the app, as Shopify has it and as Avnu reads it."""

    def __init__(self, deployment: Deployment, points: float, per_second: float) -> None:
        (self.domain,) = deployment.sandbox.world.domains
        deployment.install(self.domain)
        bucket = deployment.sandbox.bucket(self.domain)
        with bucket.lock:
            bucket.resize(points, per_second)
            bucket.available = points
        self.deployment = deployment
        self.world: ShopWorld = deployment.sandbox.world.shop(self.domain)
        self.currency = self.world.shop.currency

    @property
    def reads(self) -> Reads:
        """As a handler has them."""
        until_s = self.deployment.clock.monotonic() + PLENTY_S
        return Shop(
            self.domain, self.deployment.clock, until_s, lambda: self.deployment.client
        ).reads

    def cost(self, act: Callable[[], Any]) -> dict[str, int]:
        """Calls and points of what ``act`` does."""
        before = self._report()
        act()
        after = self._report()
        return {name: after[name] - before.get(name, 0) for name in after}

    def _report(self) -> dict[str, int]:
        found: dict[str, int] = self.deployment.sandbox.report()["shops"].get(self.domain, {})
        return found


@pytest.fixture
def reader(deploy: Callable[..., Deployment]) -> Reader:
    return Reader(deploy(), *LIMITS["enterprise"])


def payloads(bodies: Iterable[dict[str, Any]], kind: type[Any]) -> list[Any]:
    return [decode(json.dumps(body).encode(), kind) for body in bodies]


def as_told(version: Any) -> Any:
    """Without what a read says of itself, or only a webhook says."""
    if isinstance(version, Order):
        version = replace(
            version,
            utc_offset_min=None,
            refunds=tuple(map(as_told, version.refunds)),
            fulfillments=tuple(map(as_told, version.fulfillments)),
        )
    return replace(version, read_at=None)


def assert_same(found: dict[Any, Any], told: Iterable[Any]) -> None:
    wanted = {one.key: as_told(one) for one in told if one is not None}
    assert wanted
    assert {key: as_told(version) for key, version in found.items()} == wanted
    assert all(version.read_at is not None for version in found.values())


# ---- the same versions


def test_products_are_as_webhooks_tell_them(reader: Reader) -> None:
    told = payloads(reader.world.truth().products(), product_payloads.Product)
    found = reader.reads.products([one.id for one in told])
    assert max(len(one.variants) for one in found.values()) == 2_000
    assert_same(found, (catalogue_rows.product(one, reader.currency) for one in told))


def test_items_are_as_webhooks_tell_them(reader: Reader) -> None:
    told = payloads(reader.world.truth().items(), inventory.InventoryItem)
    found = reader.reads.items([one.id for one in told])
    assert_same(found, (catalogue_rows.item(one, reader.currency) for one in told))


def test_levels_are_as_webhooks_tell_them(reader: Reader) -> None:
    told = payloads(reader.world.truth().levels(), inventory.InventoryLevel)[-300:]
    items = {one.inventory_item_id for one in told[10:]}
    found = reader.reads.levels(items)
    assert items == found.keys()
    assert_same(
        {level.key: level for levels in found.values() for level in levels},
        (catalogue_rows.level(one) for one in told if one.inventory_item_id in items),
    )


def test_locations_are_as_webhooks_tell_them(reader: Reader) -> None:
    told = payloads(reader.world.truth().locations(), inventory.Location)
    found = reader.reads.locations([one.id for one in told])
    assert_same(found, map(catalogue_rows.location, told))


def test_orders_are_as_webhooks_tell_them(reader: Reader) -> None:
    told = payloads(reader.world.truth().orders(), order_payloads.Order)
    found = reader.reads.orders([one.id for one in told])
    assert any(one.refunds for one in found.values())
    assert any(one.fulfillments for one in found.values())
    assert any(one.cancelled_at for one in found.values())
    assert_same(found, map(order_rows.order, told))


def test_an_order_with_more_lines_than_a_page(reader: Reader) -> None:
    lines = tuple(Line(number % 40, 0, 1, 100 + number) for number in range(40))
    lines = tuple(replace(line, position=n) for n, line in enumerate(lines))
    begun = reader.world.start
    order = sandbox_orders.Order(reader.world.shop, 9001, begun, lines, "Ada Byron")
    body = sandbox_orders.order_payload(order, begun)
    reader.world.remember("orders/create", body)
    (told,) = payloads([body], order_payloads.Order)
    assert_same(reader.reads.orders([order.id]), [order_rows.order(told)])


def test_what_is_not_there_is_missing(reader: Reader) -> None:
    reads, absent = reader.reads, 987654321
    there = reader.world.product_ids()[0]
    assert list(reads.products([absent, there])) == [there]
    assert not reads.items([absent])
    assert not reads.locations([absent])
    assert not reads.orders([absent])
    assert reads.levels([absent]) == {absent: ()}
    assert reads.existing(ResourceKind.PRODUCT, [absent, there]) == {there}
    for kind in (ResourceKind.ITEM, ResourceKind.LOCATION, ResourceKind.ORDER):
        assert reads.existing(kind, [absent]) == frozenset()


# ---- what changed


LISTED: Mapping[ResourceKind, Callable[[Truth], Iterable[dict[str, Any]]]] = {
    ResourceKind.PRODUCT: lambda truth: truth.products(),
    ResourceKind.ITEM: lambda truth: truth.items(),
    ResourceKind.LEVEL: lambda truth: truth.levels(),
    ResourceKind.LOCATION: lambda truth: truth.locations(),
    ResourceKind.ORDER: lambda truth: truth.orders(),
}


def _key(kind: ResourceKind, body: dict[str, Any]) -> Any:
    if kind is ResourceKind.LEVEL:
        return LevelKey(body["inventory_item_id"], body["location_id"])
    return body["id"]


def _walk(reader: Reader, kind: ResourceKind, since: datetime | None) -> list[Seen]:
    """To the end, as a new process with each page."""
    seen: list[Seen] = []
    after: str | None = None
    while True:
        page = reader.reads.changed(kind, since, after)
        seen += page.seen
        after = page.after
        if after is None:
            return seen


@pytest.mark.parametrize("hours", [None, 12.0])
def test_what_changed_is_listed(reader: Reader, hours: float | None) -> None:
    since = None if hours is None else reader.world.start + 3_600 * hours
    moment = None if since is None else datetime.fromtimestamp(since, UTC)
    truth = reader.world.truth(since)
    for kind, bodies in LISTED.items():
        seen = _walk(reader, kind, moment)
        assert len(seen) == len({one.key for one in seen})
        assert {one.key: one.updated_at for one in seen} == {
            _key(kind, body): datetime.fromisoformat(body["updated_at"]) for body in bodies(truth)
        }
        if kind in {ResourceKind.PRODUCT, ResourceKind.ORDER, ResourceKind.LOCATION}:
            assert [one.updated_at for one in seen] == sorted(one.updated_at for one in seen)


# ---- costs

BATCHES: tuple[NodesQuery[Any], ...] = (
    products.PRODUCTS, products.PRODUCTS_WITH_MORE, stock.ITEMS, stock.LEVELS,
    stock.LEVELS_IN_MORE, stock.LOCATIONS, orders.ORDERS, orders.ORDERS_WITH_MORE,
)  # fmt: skip
PAGES: Mapping[str, Query[Any]] = {
    "Product": products.MORE_VARIANTS,
    "InventoryItem": stock.MORE_LEVELS,
    "Order": orders.MORE_LINES,
    "Fulfillment": orders.MORE_SHIPPED_LINES,
    "Refund": orders.MORE_REFUND_LINES,
    "Refund?": orders.MORE_TRANSACTIONS,
}
LISTINGS: tuple[Query[Any], ...] = (
    listings.PRODUCTS, listings.ORDERS, listings.ITEMS, listings.LOCATIONS, listings.LEVELS,
)  # fmt: skip


def test_queries_are_asked_for_what_they_reckon(reader: Reader) -> None:
    admin = reader.deployment.admin(reader.domain)
    acts: dict[str, tuple[float, Callable[[], Any]]] = {
        one.name: (one.each * one.most, partial(admin.nodes, one, range(1, one.most + 1)))
        for one in BATCHES
    }
    for kind, query in PAGES.items():
        own_id = gid(kind.rstrip("?"), 1)
        acts[query.name] = (query.cost, partial(admin.query, query, id=own_id, after=None))
    for query in LISTINGS:
        acts[query.name] = (query.cost, partial(admin.query, query, after=None))
    for name, (reckoned, act) in acts.items():
        cost = reader.cost(act)
        assert (name, cost["calls"], cost["points_requested"]) == (name, 1, reckoned)
        assert reckoned <= 1_000


def test_what_a_batch_of_fifty_costs(reader: Reader) -> None:
    truth, reads = reader.world.truth(), reader.reads
    items = [body["id"] for body in truth.items()][-50:]
    small = [body["id"] for body in truth.products() if len(body["variants"]) < 50][-50:]
    calls = {}
    for name, read, ids in (
        # First, as the shop's currency is then asked for.
        ("items", reads.items, items),
        ("products", reads.products, small),
        ("levels", reads.levels, items),
        ("orders", reads.orders, [body["id"] for body in truth.orders()][-50:]),
    ):
        assert len(ids) == 50
        cost = reader.cost(partial(read, ids))
        print(f"50 {name}: {cost}")
        calls[name] = cost["calls"]
    assert (calls["items"], calls["products"], calls["levels"]) == (2, 2, 2)
    # Five, and one for each three orders that have more than most.
    assert 5 <= calls["orders"] <= 10


def test_a_product_dearer_than_the_bucket_is_read_in_the_end(
    deploy: Callable[..., Deployment],
) -> None:
    # Of the smallest size, and filled quickly for the sake of the test.
    reader = Reader(deploy(), 2_000, 1_000)
    (large,) = (
        body["id"] for body in reader.world.truth().products() if len(body["variants"]) == 2_000
    )
    parked = 0
    while True:
        try:
            found = reader.reads.products([large])[large]
        except (BudgetSpent, Throttled) as park:
            parked += 1
            reader.deployment.clock.sleep(park.wait_s or 0)
            continue
        break
    assert (len(found.variants), found.partial) == (2_000, False)
    assert parked
