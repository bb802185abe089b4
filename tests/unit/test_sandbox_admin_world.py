"""What there is to be asked: never older than what the webhooks of the same day have told."""

import functools
import json
from typing import Any

import pytest

from avnu.sandbox import catalog
from avnu.sandbox.admin import World
from avnu.sandbox.admin.gids import gid
from avnu.sandbox.encoding import unix_time
from avnu.sandbox.shops import make_shops
from avnu.sandbox.store import FIRST_DAY, Store
from tests.support.admin_schema import ask
from tests.support.told import without_stock

SEED, SHOPS, DELIVERIES = 7, 25, 1500
HAND = "amber-lamps.myshopify.com"


@pytest.fixture(scope="module")
def world() -> World:
    return World.played(SEED, SHOPS, DELIVERIES)


@functools.cache
def told_by_webhooks() -> tuple[dict[tuple[str, int], Any], set[tuple[str, int]]]:
    """The last body of each product, and the products that were deleted."""
    last: dict[tuple[str, int], Any] = {}
    gone = set()
    for event in Store(SEED, SHOPS).events(DELIVERIES):
        if event.topic in ("products/create", "products/update"):
            body = json.loads(event.body)
            last[event.shop.domain, body["id"]] = body
        elif event.topic == "products/delete":
            gone.add((event.shop.domain, json.loads(event.body)["id"]))
    return last, gone


def test_a_product_is_as_its_last_webhook_showed_it(world: World) -> None:
    last, gone = told_by_webhooks()
    assert len(last) > 500
    assert len(gone) >= 3
    for (domain, product_id), body in last.items():
        shop = world.shop(domain)
        number = shop.product_number(product_id)
        if (domain, product_id) in gone:
            assert number is None
        else:
            assert number is not None
            told = catalog.told(shop.product(number))
            assert without_stock(told) == without_stock(body)


def test_a_day_adds_products_and_takes_others_away(world: World) -> None:
    last, gone = told_by_webhooks()
    for domain in {domain for domain, _ in last}:
        shop = world.shop(domain)
        ids = shop.product_ids()
        assert list(ids) == sorted(set(ids))
        made = {one for at, one in last if at == domain} - {
            catalog.product_id(shop.shop, number) for number in range(shop.shop.products)
        }
        taken = {one for at, one in gone if at == domain}
        assert len(ids) == shop.shop.products + len(made - taken)


def test_what_nobody_touched_is_older_than_the_day(world: World) -> None:
    shop = world.shop(world.domains[0])
    number = shop.shop.products - 1
    assert shop.revision(number) == catalog.first_revision(shop.shop, number)
    assert shop.revision(number).at < FIRST_DAY
    untouched = catalog.product_payload(shop.shop, number, shop.revision(number))
    assert shop.product(number) == untouched


def test_the_api_says_what_the_webhook_says() -> None:
    world = World(make_shops(3, 4))
    shop = world.shop(world.domains[1])
    body = shop.edit(5, FIRST_DAY + 4000)
    query = """query($id: ID!) { product(id: $id) {
        id title handle status vendor productType descriptionHtml tags createdAt updatedAt
        publishedAt variantsCount { count precision }
        variants(first: 10) { nodes {
            id title sku barcode price compareAtPrice position createdAt updatedAt
            inventoryQuantity inventoryItem { id } product { id } } } } }"""
    told = ask(world, shop.shop.domain, query, id=body["admin_graphql_api_id"])["product"]
    variants = told.pop("variants")["nodes"]
    assert told.pop("variantsCount") == {"count": len(body["variants"]), "precision": "EXACT"}
    assert told.pop("updatedAt") == "2026-11-20T01:06:40Z"
    assert told.pop("createdAt").endswith("Z")
    assert told.pop("publishedAt").endswith("Z")
    assert told == {
        "id": body["admin_graphql_api_id"],
        "title": body["title"],
        "handle": body["handle"],
        "status": "ACTIVE",
        "vendor": body["vendor"],
        "productType": body["product_type"],
        "descriptionHtml": body["body_html"],
        "tags": body["tags"].split(", "),
    }
    for one, sent in zip(variants, body["variants"], strict=True):
        assert one["id"] == sent["admin_graphql_api_id"]
        assert one["price"] == sent["price"]
        assert one["inventoryQuantity"] == sent["inventory_quantity"]
        assert one["inventoryItem"]["id"] == gid("InventoryItem", sent["inventory_item_id"])
        assert one["product"]["id"] == body["admin_graphql_api_id"]
        assert one["updatedAt"] == "2026-11-20T01:06:40Z"


def test_ids_lead_back_to_where_they_came_from() -> None:
    shop = World().shop(HAND)
    for number in (0, 41, 99):
        for position in range(catalog.variant_count(shop.shop, number)):
            place = (number, position)
            assert shop.variant_place(catalog.variant_id(shop.shop, *place)) == place
            assert shop.item_place(catalog.inventory_item_id(shop.shop, *place)) == place
    assert shop.variant_place(1) is None
    assert shop.product_number(1) is None


def test_products_come_and_go() -> None:
    shop = World().shop(HAND)
    variant = catalog.variant_id(shop.shop, 3, 0)
    assert shop.variant_place(variant) == (3, 0)
    shop.delete(3)
    shop.delete(3)
    assert shop.variant_place(variant) is None
    assert len(shop.product_ids()) == 99
    item = catalog.inventory_item_id(shop.shop, 3, 0)
    assert item in shop.truth().deleted["items"]
    made = shop.edit(100, FIRST_DAY + 5)
    assert shop.product_number(made["id"]) == 100
    assert shop.variant_place(made["variants"][0]["id"]) == (100, 0)
    again = shop.edit(3, FIRST_DAY + 6)
    assert shop.product_number(again["id"]) == 3
    assert item not in shop.truth().deleted["items"]
    assert list(shop.product_ids()) == sorted(shop.product_ids())
    assert len(shop.product_ids()) == 101
    assert shop.edit(3, FIRST_DAY + 7)["tags"] != again["tags"]


def test_other_variants_have_other_items_and_places() -> None:
    shop = World().shop(HAND)
    lost, kept = catalog.variant_id(shop.shop, 4, 0), catalog.variant_id(shop.shop, 4, 9)
    item = catalog.inventory_item_id(shop.shop, 4, 0)
    assert shop.variant_place(lost) == (4, 0)
    body = shop.edit(4, FIRST_DAY, (9, 10))
    assert [variant["position"] for variant in body["variants"]] == [1, 2]
    assert shop.variant_place(lost) is None
    assert shop.item_place(item) is None
    assert shop.variant_place(kept) == (4, 9)
    truth = shop.truth(FIRST_DAY)
    made = {catalog.inventory_item_id(shop.shop, 4, position) for position in (9, 10)}
    assert {one["id"] for one in truth.items()} == made
    assert {(one["inventory_item_id"], one["available"]) for one in truth.levels()} == {
        (one, 0) for one in made
    }
    assert item in truth.deleted["items"]
    assert shop.edit(4, FIRST_DAY + 5)["variants"][1]["id"] == body["variants"][1]["id"]


def test_what_no_webhook_tells_can_happen_too() -> None:
    world = World()
    shop = world.shop(HAND)
    item = catalog.inventory_item_id(shop.shop, 7, 0)
    (place,) = shop.shop.locations
    text = """query($id: ID!) {
        inventoryItem(id: $id) { inventoryLevels(first: 9) { nodes { id } } } }"""

    def levels() -> int:
        found = ask(world, HAND, text, id=gid("InventoryItem", item))["inventoryItem"]
        return len(found["inventoryLevels"]["nodes"])

    assert levels() == 1
    assert item in shop.levels(place).ids
    shop.remember("inventory_levels/disconnect", {"inventory_item_id": item, "location_id": place})
    assert levels() == 0
    assert item not in shop.levels(place).ids
    assert shop.truth().deleted["levels"] == {(item, place)}
    shop.adjust(item, place, 5, FIRST_DAY)
    assert levels() == 1
    assert shop.quantity(item, place) == 5
    assert shop.product(7)["variants"][0]["inventory_quantity"] == 5
    assert not shop.truth().deleted["levels"]
    shop.adjust(item, place, -2, FIRST_DAY - 900)
    (level,) = shop.truth(FIRST_DAY).levels()
    assert (level["available"], unix_time(level["updated_at"])) == (3, FIRST_DAY)


def test_a_strict_world_has_no_other_shops() -> None:
    shops = make_shops(1, 2)
    strict = World(shops, strict=True)
    assert strict.shop(shops[1].domain).shop == shops[1]
    with pytest.raises(KeyError):
        strict.shop(HAND)
    assert World(shops).shop(HAND).shop.domain == HAND


@pytest.mark.parametrize("domain", ["127.0.0.1", "example.com", "a.myshopify.com.evil.com", ""])
def test_what_is_no_shop(domain: str) -> None:
    with pytest.raises(KeyError):
        World().shop(domain)


PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $query: String) {
    products(first: $first, after: $after, last: $last, before: $before, query: $query) {
        edges { cursor node { id } } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def test_pages_hold_everything_once() -> None:
    world = World()
    shop = world.shop(HAND)
    seen: list[str] = []
    after = None
    while True:
        page = ask(world, HAND, PAGE, first=30, after=after)["products"]
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        seen += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        # The row that the cursor names goes before the next page is asked for.
        shop.delete(shop.numbers()[len(seen) - 1])
        seen.pop()
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [gid("Product", one) for one in shop.product_ids()]
    assert len(seen) == 96


def test_pages_from_the_end() -> None:
    world = World()
    ids = [gid("Product", one) for one in world.shop(HAND).product_ids()]
    page = ask(world, HAND, PAGE, last=30)["products"]
    assert [node["id"] for node in page["nodes"]] == ids[70:]
    assert page["pageInfo"]["hasPreviousPage"]
    assert not page["pageInfo"]["hasNextPage"]
    before = ask(world, HAND, PAGE, last=80, before=page["pageInfo"]["startCursor"])["products"]
    assert [node["id"] for node in before["nodes"]] == ids[:70]
    assert before["pageInfo"]["hasNextPage"]
    assert not before["pageInfo"]["hasPreviousPage"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("updated_at:>'2026-11-20T00:00:00Z'", [4, 9]),
        ('updated_at:>="2026-11-20T00:01:00+00:00" AND updated_at:<2026-11-20T00:02:00Z', [4]),
        ("status:active updated_at:>2026-11-20T00:01:00Z", [9]),
        ("status:draft", []),
    ],
)
def test_searches(query: str, numbers: list[int]) -> None:
    world = World()
    shop = world.shop(HAND)
    shop.edit(4, FIRST_DAY + 60)
    shop.edit(9, FIRST_DAY + 120)
    found = ask(world, HAND, PAGE, first=250, query=query)["products"]["nodes"]
    wanted = {gid("Product", catalog.product_id(shop.shop, number)) for number in numbers}
    assert {node["id"] for node in found} == wanted
