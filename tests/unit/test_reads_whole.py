"""Whole reads: in how few calls, what comes of changes meanwhile, and how a park is survived."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from avnu.errors import BudgetSpent, Park, UnreadableAnswer
from avnu.shopify.query import MOST_IDS, NodesQuery, gid
from avnu.shopify.reads import Reads
from avnu.shopify.reads.pages import Keep
from avnu.shopify.reads.queries import listings, orders, products, stock
from avnu.store.market.changes import ResourceKind
from tests.support.admin_answers import SHOP, Answers, Catalogue, a_product, a_variant, page
from tests.support.market import Hand

LATER = "2026-06-01T12:00:05Z"


def reads(answers: Answers, keep: Keep | None = None, clock: Hand | None = None) -> Reads:
    return Reads(answers.admin(), clock or Hand(), lambda: "EUR", keep)


def test_a_batch_of_fifty_products_takes_two_calls() -> None:
    shopify = Catalogue(dict.fromkeys(range(1, 51), 2))
    found = reads(shopify).products(range(1, 51))
    assert {len(one.variants) for one in found.values()} == {2}
    assert (len(found), shopify.calls) == (50, {"WholeProductsWithMore": 1, "WholeProducts": 1})


def test_no_call_is_made_for_nothing() -> None:
    nothing = reads(Answers())
    assert (nothing.products([]), nothing.items([]), nothing.levels([])) == ({}, {}, {})
    assert (nothing.locations([]), nothing.orders([])) == ({}, {})
    assert nothing.existing(ResourceKind.ORDER, []) == frozenset()


def test_a_currency_that_cannot_be_had_parks_before_anything_is_spent() -> None:
    def currency() -> str:
        raise BudgetSpent(SHOP, 5)

    shopify = Catalogue({5: 1})
    with pytest.raises(BudgetSpent):
        Reads(shopify.admin(), Hand(), currency).products([5])
    assert shopify.asked == []


def test_an_id_is_asked_for_once() -> None:
    shopify = Catalogue({5: 1})
    assert list(reads(shopify).products([5, 5, 5])) == [5]
    assert shopify.asked == [("WholeProductsWithMore", {"ids": [gid("Product", 5)]})]


def test_what_shopify_does_not_have_is_missing_and_none_in_its_part() -> None:
    parts = list(reads(Catalogue({5: 1})).products_by_part([5, 6]))
    assert [{n: one and one.id for n, one in part.items()} for part in parts] == [{5: 5, 6: None}]
    assert list(reads(Catalogue({5: 1})).products([5, 6])) == [5]


@pytest.mark.parametrize(("variants", "more"), [(50, 0), (51, 1), (300, 1), (301, 2), (2_000, 8)])
def test_all_variants_are_read_however_many(variants: int, more: int) -> None:
    shopify = Catalogue({5: variants})
    found = reads(shopify).products([5])[5]
    assert [one.position for one in found.variants] == list(range(1, variants + 1))
    assert not found.partial
    assert shopify.calls["MoreVariants"] == more


def test_products_with_more_variants_are_read_together() -> None:
    shopify = Catalogue({n: 20 if n > 44 else 1 for n in range(1, 51)})
    found = reads(shopify).products(range(1, 51))
    assert [len(found[n].variants) for n in (1, 44, 45, 50)] == [1, 1, 20, 20]
    assert shopify.calls == {"WholeProductsWithMore": 2, "WholeProducts": 1}


def test_read_at_is_a_moment_before_the_call() -> None:
    clock, shopify = Hand(), Catalogue({5: 1})
    asked_s = clock.now
    answer = shopify.answers["WholeProductsWithMore"]

    def slow(variables: Mapping[str, Any]) -> Any:
        clock.sleep(3)
        return answer(variables)

    shopify.answers["WholeProductsWithMore"] = slow
    found = reads(shopify, clock=clock).products([5])[5]
    assert found.read_at == datetime.fromtimestamp(asked_s, UTC)


# ---- changes while pages are read


def _when_asked(shopify: Catalogue, times: int, act: Callable[[], object]) -> None:
    """``act`` before each of the first ``times`` further pages."""
    answer = shopify.answers["MoreVariants"]

    def then(variables: Mapping[str, Any]) -> Any:
        if shopify.calls["MoreVariants"] <= times:
            act()
        return answer(variables)

    shopify.answers["MoreVariants"] = then


def test_a_product_that_changes_between_its_pages_is_read_again() -> None:
    shopify = Catalogue({5: 400})
    _when_asked(shopify, 1, lambda: shopify.versions.update({5: LATER}))
    found = reads(shopify).products([5])[5]
    assert (found.updated_at, len(found.variants), found.partial) == (
        datetime.fromisoformat(LATER), 400, False,
    )  # fmt: skip
    assert shopify.calls["WholeProductsWithMore"] == 2


def test_a_product_that_changes_all_the_while_is_partial() -> None:
    shopify = Catalogue({5: 400})
    ticks = iter(range(60))
    _when_asked(
        shopify, 9, lambda: shopify.versions.update({5: f"2026-06-01T12:01:{next(ticks):02}Z"})
    )
    found = reads(shopify).products([5])[5]
    assert found.partial
    # What it holds is of one version, and older than Shopify's: the next change tells the rest.
    assert len(found.variants) == 50
    assert found.updated_at < datetime.fromisoformat(shopify.versions[5])


def test_a_product_deleted_between_its_pages_is_gone() -> None:
    shopify = Catalogue({5: 400})
    _when_asked(shopify, 1, shopify.variants.clear)
    assert list(reads(shopify).products_by_part([5])) == [{}, {5: None}]


def test_pages_without_end_are_nonsense() -> None:
    shopify = Catalogue({5: 60})
    info = {"hasNextPage": True, "endCursor": "7"}
    shopify.answers["MoreVariants"] = lambda _: {
        "node": {"updatedAt": "2026-06-01T12:00:00Z", "page": {"nodes": [], "pageInfo": info}}
    }
    with pytest.raises(UnreadableAnswer, match="MoreVariants have no end"):
        reads(shopify).products([5])


# ---- what parks on its way


class _Bucket:
    """``calls`` more are allowed of any query; then the shop's points are spent."""

    def __init__(self, shopify: Answers, calls: int) -> None:
        self.left = calls
        for name, answer in shopify.answers.items():
            shopify.answers[name] = self._limited(answer)

    def _limited(self, answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def limited(variables: Any) -> Any:
            self.left -= 1
            return answer(variables) if self.left >= 0 else BudgetSpent(SHOP, 5)

        return limited


def test_a_product_dearer_than_the_bucket_comes_to_an_end() -> None:
    shopify = Catalogue({5: 2_000})
    kept: dict[str, bytes] = {}

    def keep(name: str, load: Callable[[], bytes]) -> bytes:
        if name not in kept:
            kept[name] = load()
        return kept[name]

    bucket, runs = _Bucket(shopify, 0), 0
    while True:
        bucket.left, runs = 3, runs + 1
        try:
            found = reads(shopify, keep).products([5])[5]
        except BudgetSpent:
            continue
        break
    assert (len(found.variants), runs) == (2_000, 4)
    assert all(" " not in name for name in kept)


def test_pages_of_a_version_that_is_not_settled_are_not_kept() -> None:
    clock, shopify = Hand(), Catalogue({5: 60})
    kept: list[str] = []
    shopify.versions[5] = datetime.fromtimestamp(clock.now - 1, UTC).isoformat()

    def keep(name: str, load: Callable[[], bytes]) -> bytes:
        kept.append(name)
        return load()

    reads(shopify, keep, clock).products([5])
    assert kept == []
    clock.sleep(1)
    reads(shopify, keep, clock).products([5])
    assert len(kept) == 1


def test_a_page_that_another_release_kept_is_asked_for_anew() -> None:
    found = reads(Catalogue({5: 60}), lambda _name, _load: b'{"node": 1}').products([5])
    assert len(found[5].variants) == 60


def test_a_batch_dearer_than_the_bucket_comes_to_an_end_part_by_part() -> None:
    shopify = Catalogue(dict.fromkeys(range(1, 51), 20))
    bucket, left, runs = _Bucket(shopify, 0), set(range(1, 51)), 0
    while left:
        bucket.left, runs = 2, runs + 1
        before = len(left)
        try:
            for part in reads(shopify).products_by_part(sorted(left)):
                left -= part.keys()
        except BudgetSpent:
            pass
        assert len(left) < before, "a run that brought nothing to its end"
    assert runs < 10


# ---- orders and levels go the same way


def test_levels_of_an_item_in_many_places() -> None:
    rows = [
        {
            "updatedAt": LATER,
            "location": {"id": gid("Location", n)},
            "quantities": [{"name": "available", "quantity": n}],
        }
        for n in range(1, 321)
    ]

    def item(first: int) -> dict[str, Any]:
        return {
            "id": gid("InventoryItem", 7),
            "tracked": True,
            "inventoryLevels": page(rows, first),
        }

    shopify = Answers(
        ItemLevelsInMore=lambda _: {"nodes": [item(50), None]},
        MoreItemLevels=lambda asked: {
            "node": {"updatedAt": LATER, "page": page(rows, 250, asked["after"])}
        },
    )
    found = reads(shopify).levels([7, 8])
    assert [one.available for one in found[7]] == list(range(1, 321))
    assert found[8] == ()
    assert shopify.calls == {"ItemLevelsInMore": 1, "MoreItemLevels": 2}


# ---- nonsense


@pytest.mark.parametrize(
    "node",
    [
        a_product(5, id="gid://shopify/Product/none"),
        a_product(5, id=gid("Product", 2**63)),
        a_product(5, id=gid("Product", 0)),
        a_product(5, variants=page([a_variant(1, price="1e999")], 9)),
        a_product(5, variants=page([a_variant(1, compareAtPrice="NaN")], 9)),
        a_product(5, variants=page([a_variant(1, position=2**64)], 9)),
        a_product(5, updatedAt="yesterday"),
        a_product(5, updatedAt="2026-06-01T12:00:00"),
        a_product(5, variants=None),
    ],
)
def test_nonsense_makes_the_shop_wait_and_is_no_failed_run(node: dict[str, Any]) -> None:
    shopify = Answers(WholeProductsWithMore=lambda _: {"nodes": [node]})
    with pytest.raises(UnreadableAnswer) as refused:
        reads(shopify).products([5])
    assert isinstance(refused.value, Park)
    for value in ("1e999", "NaN", "yesterday", str(2**64)):
        assert value not in str(refused.value)


# ---- costs, as Shopify documents them (avnu/sandbox/admin/cost.py counts the same)


@pytest.mark.parametrize(
    "query",
    [
        products.PRODUCTS, products.PRODUCTS_WITH_MORE, stock.ITEMS, stock.LEVELS,
        stock.LEVELS_IN_MORE, stock.LOCATIONS, orders.ORDERS, orders.ORDERS_WITH_MORE,
        listings.existing("Order"),
    ],
    ids=lambda query: query.name,
)  # fmt: skip
def test_a_full_batch_stays_within_what_a_query_may_cost(query: NodesQuery[Any]) -> None:
    assert query.request(range(1, query.most + 1)).cost <= 1_000
    assert query.most == MOST_IDS or query.request(range(1, query.most + 2)).cost > 1_000
