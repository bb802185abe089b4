"""Listings of what changed: pages that another process can go on with, and their order."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from avnu.errors import UnreadableAnswer
from avnu.shopify.query import MOST_IDS, gid
from avnu.shopify.reads import Page, Reads, Seen
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import LevelKey
from tests.support.admin_answers import Answers, page
from tests.support.market import Hand, at

SINCE = datetime(2026, 7, 1, 20, 0, 0, 900_000, tzinfo=timezone(timedelta(hours=2)))


def reads(shopify: Answers) -> Reads:
    return Reads(shopify.admin(), Hand(), lambda: "EUR")


def walk(shopify: Answers, kind: ResourceKind, since: datetime | None = None) -> list[Page]:
    """All pages, each asked for by a process of its own."""
    pages = [reads(shopify).changed(kind, since, None)]
    while pages[-1].after is not None:
        pages.append(reads(shopify).changed(kind, since, json.loads(json.dumps(pages[-1].after))))
    return pages


def row(kind: str, number: int, second: float) -> dict[str, str]:
    return {"id": gid(kind, number), "updatedAt": at(second).isoformat()}


@pytest.mark.parametrize(
    ("kind", "name", "spelt"),
    [
        (ResourceKind.PRODUCT, "ChangedProducts", "Product"),
        (ResourceKind.ORDER, "ChangedOrders", "Order"),
        (ResourceKind.ITEM, "ChangedItems", "InventoryItem"),
    ],
)
def test_pages_of_what_changed(kind: ResourceKind, name: str, spelt: str) -> None:
    rows = [row(spelt, n + 1, n) for n in range(600)]
    shopify = Answers(**{name: lambda asked: {"page": page(rows, 250, asked["after"])}})
    pages = walk(shopify, kind, SINCE)
    assert [len(one.seen) for one in pages] == [250, 250, 100]
    seen = [one for some in pages for one in some.seen]
    assert seen == [Seen(n + 1, at(n)) for n in range(600)]
    assert {asked["search"] for _, asked in shopify.asked} == {
        "updated_at:>='2026-07-01T18:00:00Z'"
    }


def test_without_a_time_everything_is_listed() -> None:
    shopify = Answers(ChangedProducts=lambda _: {"page": page([], 250)})
    assert walk(shopify, ResourceKind.PRODUCT) == [Page((), None)]
    assert shopify.asked == [("ChangedProducts", {"after": None, "search": None})]


def test_locations_are_listed_whole_and_the_oldest_change_comes_first() -> None:
    rows = [
        row("Location", n, second) for n, second in ((1, 50), (2, 10), (3, -60), (4, 0), (5, 10))
    ]
    shopify = Answers(AllLocations=lambda asked: {"page": page(rows, 2, asked["after"])})
    (one,) = walk(shopify, ResourceKind.LOCATION, at(0.4))
    assert [seen.key for seen in one.seen] == [4, 2, 5, 1]
    assert [seen.key for seen in walk(shopify, ResourceKind.LOCATION)[0].seen] == [3, 4, 2, 5, 1]


class _Stock(Answers):
    """Locations by id, with so many levels each."""

    def __init__(self, levels: dict[int, int]) -> None:
        super().__init__(ChangedLevels=self._answer)
        self.levels = levels

    def _answer(self, asked: Any) -> Any:
        def location(number: int) -> Any:
            rows = [
                {"updatedAt": at(n).isoformat(), "item": {"id": gid("InventoryItem", n + 1)}}
                for n in range(self.levels[number])
            ]
            levels = page(rows, 250, asked["after"])
            return {"id": gid("Location", number), "inventoryLevels": levels}

        found = page(sorted(self.levels), 1, asked["location"])
        return {"page": {**found, "nodes": [location(number) for number in found["nodes"]]}}


def test_levels_are_listed_location_by_location() -> None:
    shopify = _Stock({3: 2, 7: 600, 9: 0, 11: 250})
    pages = walk(shopify, ResourceKind.LEVEL, SINCE)
    assert [len(one.seen) for one in pages] == [2, 250, 250, 100, 0, 250]
    seen = [one.key for some in pages for one in some.seen]
    assert seen == [
        LevelKey(n + 1, location)
        for location, count in sorted(shopify.levels.items())
        for n in range(count)
    ]
    assert pages[0].seen[1].updated_at == at(1).astimezone(UTC)
    assert {asked["search"] for _, asked in shopify.asked} == {
        "updated_at:>='2026-07-01T18:00:00Z'"
    }


def test_a_shop_without_locations_has_no_levels() -> None:
    assert walk(_Stock({}), ResourceKind.LEVEL) == [Page((), None)]


def test_where_a_listing_goes_on_must_be_its_own() -> None:
    with pytest.raises(ValueError, match="not where a listing"):
        reads(_Stock({})).changed(ResourceKind.LEVEL, None, "from the beginning")


def test_refunds_have_no_listing() -> None:
    with pytest.raises(ValueError, match="no changed refund"):
        reads(Answers()).changed(ResourceKind.REFUND, None, None)


@pytest.mark.parametrize("cursor", [None, "7"])
def test_pages_without_end_are_nonsense(cursor: str | None) -> None:
    info = {"hasNextPage": True, "endCursor": cursor}
    shopify = Answers(ChangedOrders=lambda _: {"page": {"nodes": [], "pageInfo": info}})
    with pytest.raises(UnreadableAnswer, match="have no end"):
        reads(shopify).changed(ResourceKind.ORDER, None, "7")


def test_an_id_that_is_none_is_nonsense() -> None:
    rows = [{"id": "gid://shopify/Order/", "updatedAt": at(0).isoformat()}]
    shopify = Answers(ChangedOrders=lambda _: {"page": page(rows, 250)})
    with pytest.raises(UnreadableAnswer):
        reads(shopify).changed(ResourceKind.ORDER, None, None)


@pytest.mark.parametrize(
    ("kind", "spelt"),
    [
        (ResourceKind.PRODUCT, "Product"),
        (ResourceKind.ITEM, "InventoryItem"),
        (ResourceKind.LOCATION, "Location"),
        (ResourceKind.ORDER, "Order"),
        (ResourceKind.REFUND, "Refund"),
        (ResourceKind.FULFILLMENT, "Fulfillment"),
    ],
)
def test_what_exists(kind: ResourceKind, spelt: str) -> None:
    def odd_ones(asked: Any) -> Any:
        return {"nodes": [{"id": one} if int(one[-1]) % 2 else None for one in asked["ids"]]}

    shopify = Answers(**{f"Existing{spelt}": odd_ones})
    assert reads(shopify).existing(kind, range(1, 301)) == frozenset(range(1, 301, 2))
    assert [len(asked["ids"]) for _, asked in shopify.asked] == [MOST_IDS, 50]
    assert shopify.asked[0][1]["ids"][0] == gid(spelt, 1)
